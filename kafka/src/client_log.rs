//! What the client library reports goes into our log, at levels that fit Footfall.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

/// After an error was logged, the same error is not logged for so long.
const REPEAT_INTERVAL: Duration = Duration::from_secs(10);

/// The context of a client that needs only logging.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoggingContext;

impl ClientContext for LoggingContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

impl ConsumerContext for LoggingContext {}

/// Logs one line of the library. Below the level of errors its lines are about single connections, which often change.
pub fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::error!(facility, "kafka: {message}");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(facility, "kafka: {message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::debug!(facility, "kafka: {message}"),
        RDKafkaLogLevel::Debug => tracing::trace!(facility, "kafka: {message}"),
    }
}

/// Logs an error that belongs to no call.
pub fn log_error(error: &KafkaError, reason: &str) {
    match error.rdkafka_error_code() {
        // The end of a partition, where the client asked for it; and a group without commits, which the reader of the
        // commits finds out itself.
        Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AutoOffsetReset) => {
            tracing::debug!(%error, "kafka: {reason}");
        }
        Some(code) if !start_interval(code) => tracing::trace!(%error, "kafka: {reason}"),
        _ => tracing::warn!(%error, "kafka: {reason}"),
    }
}

/// Starts an interval in which this error is not logged again; false if such an interval is running. While the brokers
/// are away, the library reports it hundreds of times a second.
fn start_interval(code: RDKafkaErrorCode) -> bool {
    static LAST_LOGGED: Mutex<Vec<(RDKafkaErrorCode, Instant)>> = Mutex::new(Vec::new());
    let mut last_logged = LAST_LOGGED.lock();
    let now = Instant::now();
    match last_logged.iter_mut().find(|(logged, _)| *logged == code) {
        Some((_, at)) if now - *at < REPEAT_INTERVAL => false,
        Some((_, at)) => {
            *at = now;
            true
        }
        None => {
            last_logged.push((code, now));
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_logged_once_per_interval() {
        assert!(start_interval(RDKafkaErrorCode::AllBrokersDown));
        assert!(!start_interval(RDKafkaErrorCode::AllBrokersDown));
        assert!(start_interval(RDKafkaErrorCode::Resolve));
    }
}
