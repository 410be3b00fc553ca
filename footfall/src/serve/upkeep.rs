//! What happens by the clock: salts of past days are destroyed, days that are over are closed.

use std::sync::Arc;
use std::time::Duration;

use ingest::collect::Collector;
use schema::clock;
use schema::day::Day;
use schema::zone::{Zone, last_day_over};

/// A date is closed so long after it is over in the last configured zone: late hits have come by then.
pub(crate) const CLOSE_AFTER_S: i64 = 6 * 3600;
const LOOK: Duration = Duration::from_secs(20);

/// Goes on for as long as the process lives.
pub(super) async fn run(collector: Arc<Collector>, zones: Vec<Zone>) {
    let mut closed: Option<Day> = None;
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let now_s = clock::now_s();
        collector.tick(now_s);
        let due = last_day_over(&zones, now_s, CLOSE_AFTER_S);
        if due > closed
            && let Some(day) = due
        {
            // Closing a date twice does nothing: after a restart the last one is said again.
            match collector.appender.close(day).await {
                Ok(()) => closed = due,
                Err(fault) => tracing::error!(%fault, %day, "{day} could not be closed; tried again soon"),
            }
        }
    }
}
