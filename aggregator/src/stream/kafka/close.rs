//! Closes days in the stream: the owner of shard 0 writes `close(D)` into every partition once day D has been over for
//! long enough. A close that is written twice, late, or by a former owner changes nothing: the fold uses the first one.

use std::time::Duration;

use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::rdkafka::util::Timeout;
use kafka::topics::Topic;
use kafka::{Connection, Error, Layout, LoggingContext};
use schema::day::Day;
use schema::wire::Packer;

/// Longest wait for one answer of the brokers.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Writes closes.
pub(super) struct DayCloser {
    producer: FutureProducer<LoggingContext>,
    topic: String,
    partitions: u32,
    /// The last day that is closed in all partitions.
    closed: Option<Day>,
}

impl DayCloser {
    pub(super) fn new(connection: &Connection, layout: &Layout) -> Result<DayCloser, Error> {
        let producer =
            connection.producer("footfall-closer").set("linger.ms", "0").create_with_context(LoggingContext)?;
        Ok(DayCloser { producer, topic: layout.name(Topic::Hits), partitions: layout.partitions, closed: None })
    }

    /// Closes every date up to `due` in all partitions, unless that is done. After an error the next call tries again.
    pub(super) async fn close(&mut self, due: Option<Day>) {
        let Some(day) = due.filter(|_| due > self.closed) else { return };
        let mut message = Vec::new();
        Packer::close(day, &mut message);
        for partition in 0..self.partitions as i32 {
            let record = FutureRecord::<(), [u8]>::to(&self.topic).partition(partition).payload(&message);
            let sent = self.producer.send(record, Timeout::After(REQUEST_TIMEOUT));
            match tokio::time::timeout(REQUEST_TIMEOUT, sent).await {
                Ok(Ok(_)) => {}
                Ok(Err((error, _))) => {
                    tracing::error!(%error, %day, "{day} could not be closed in all partitions; trying again soon");
                    return;
                }
                // The close may still be written. A second one changes nothing.
                Err(_) => {
                    tracing::error!(%day, "{day} could not be closed in all partitions yet: no answer; trying again soon");
                    return;
                }
            }
        }
        tracing::info!(%day, "all partitions have the close of {day}");
        self.closed = Some(day);
    }
}
