//! Waits until a broker answers, and finds out why none does.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;

use crate::Connection;

/// Longest wait for the answer to one request.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(500);
/// An error counts only after this time: it may come from one of several brokers, or from one of several addresses of a
/// host, while another would answer.
const ERROR_SETTLES: Duration = Duration::from_secs(2);

/// Why no broker answers.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreached(String);

impl From<KafkaError> for Unreached {
    fn from(error: KafkaError) -> Unreached {
        Unreached(error.to_string())
    }
}

impl Connection {
    /// Waits until a broker answers. The error is the reason that the client found: an untrusted certificate, a wrong
    /// host name, a wrong password. (The request itself would only report that its time is over.)
    pub async fn reach(&self, within: Duration) -> Result<(), Unreached> {
        let mut config = self.reader("footfall-reach");
        // A broker that requires TLS closes the connection of a client without TLS, and reports nothing.
        config.set("log.connection.close", "true");
        let client: BaseConsumer<LastError> = config.create_with_context(LastError::default())?;
        let ask = move || {
            let began = Instant::now();
            loop {
                let last = match client.fetch_metadata(None, REQUEST_TIMEOUT) {
                    Ok(_) => return Ok(()),
                    Err(error) => error,
                };
                // The client library calls the context for errors that belong to no request only during a poll.
                let _nothing_to_read = client.poll(Duration::ZERO);
                let reason = client.context().0.lock().clone();
                match reason {
                    Some(reason) if began.elapsed() >= ERROR_SETTLES => return Err(Unreached(explained(reason))),
                    None if began.elapsed() >= within => return Err(last.into()),
                    Some(_) | None => {}
                }
            }
        };
        let asked = tokio::task::spawn_blocking(ask).await;
        asked.unwrap_or_else(|_| Err(Unreached("the task that asks the brokers has panicked".to_owned())))
    }
}

/// Adds what the library leaves out: the possible faults of a certificate, and why a broker closes a new connection.
fn explained(reason: String) -> String {
    let more = if reason.contains("certificate verify failed") {
        "; either no trusted authority has signed it, or it is for another host name"
    } else if reason.contains("state APIVERSION_QUERY") {
        "; it closed the connection at the first request: does it want `tls = true`, or is it no broker?"
    } else {
        ""
    };
    reason + more
}

/// The last error that belonged to no request.
#[derive(Default)]
struct LastError(Mutex<Option<String>>);

impl ClientContext for LastError {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "kafka: {message}");
        // The library does not report it as an error if a broker closes the connection. It only logs it.
        if facility == "FAIL" {
            let reason = message.split_once("]: ").map_or(message, |(_thread, reason)| reason);
            self.set_if(reason, is_follow_up);
        }
    }

    fn error(&self, _: KafkaError, reason: &str) {
        self.set_if(reason, |before| is_follow_up(before) || !is_follow_up(reason));
    }
}

impl LastError {
    /// Sets the reason if there is none, or if the present one may be replaced.
    fn set_if(&self, reason: &str, may_replace: impl Fn(&str) -> bool) {
        let mut last = self.0.lock();
        if last.as_deref().is_none_or(may_replace) {
            *last = Some(reason.to_owned());
        }
    }
}

/// Whether an error only follows from another one, which has the reason.
fn is_follow_up(reason: &str) -> bool {
    reason.ends_with("brokers are down")
}

impl ConsumerContext for LastError {}
