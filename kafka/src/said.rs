//! What the client library says goes into our log, under our name and at our levels.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

/// How long the same error is not said again.
const SAID_AGAIN: Duration = Duration::from_secs(10);

/// The context of a client that wants nothing but its words logged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said;

impl ClientContext for Said {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        failed(&error, reason);
    }
}

impl ConsumerContext for Said {}

/// One line of the library. Its levels below error are about single connections, which come and go.
pub fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, "kafka: {message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(facility, "kafka: {message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::debug!(facility, "kafka: {message}"),
        RDKafkaLogLevel::Debug => tracing::trace!(facility, "kafka: {message}"),
    }
}

/// An error that belongs to no call.
pub fn failed(error: &KafkaError, reason: &str) {
    match error.rdkafka_error_code() {
        // The end of what there is, where it was asked for; and a group without commits, which is told from its state.
        Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AutoOffsetReset) => {
            tracing::debug!(%error, "kafka: {reason}");
        }
        Some(code) if !is_news(code) => tracing::trace!(%error, "kafka: {reason}"),
        _ => tracing::warn!(%error, "kafka: {reason}"),
    }
}

/// Brokers that are away are away hundreds of times a second; once in a while is enough to know.
fn is_news(code: RDKafkaErrorCode) -> bool {
    static SAID: Mutex<Vec<(RDKafkaErrorCode, Instant)>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    match said.iter_mut().find(|(known, _)| *known == code) {
        Some((_, at)) if now - *at < SAID_AGAIN => false,
        Some((_, at)) => {
            *at = now;
            true
        }
        None => {
            said.push((code, now));
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_said_once_in_a_while() {
        assert!(is_news(RDKafkaErrorCode::AllBrokersDown));
        assert!(!is_news(RDKafkaErrorCode::AllBrokersDown));
        assert!(is_news(RDKafkaErrorCode::Resolve));
    }
}
