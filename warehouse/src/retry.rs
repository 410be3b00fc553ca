//! Retries a request until ClickHouse has answered it.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};

use crate::{Result, error_chain};

/// The first pause between two attempts. Each later pause is twice as long, up to `RETRY_PAUSE_MAX`.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause between two attempts.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Retries `ask` until it succeeds. `ask` must be idempotent: a request whose answer was lost may have been carried
/// out. `what` names the request in the log.
pub async fn retry<T, F: Future<Output = Result<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let pauses =
        ExponentialBuilder::new().with_min_delay(PAUSE_MIN).with_max_delay(RETRY_PAUSE_MAX).without_max_times();
    loop {
        let attempts = (&mut ask).retry(pauses).notify(|error, _pause| {
            tracing::warn!(error = error_chain(error), "{what} failed; trying again");
        });
        // Without a limit of attempts the retries end with an answer.
        if let Ok(answer) = attempts.await {
            return answer;
        }
    }
}
