//! Closing days in the stream: the owner of shard 0 says `close(D)` to every partition once D has been over for long
//! enough. A close said twice, late, or by a former owner changes nothing: the fold takes the first.

use std::time::Duration;

use kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use kafka::rdkafka::util::Timeout;
use kafka::topics::Topic;
use kafka::{Connection, Error, Layout, LoggingContext};
use schema::day::Day;
use schema::wire::Packer;

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Says what is over.
pub(crate) struct Closer {
    producer: FutureProducer<LoggingContext>,
    topic: String,
    partitions: u32,
    closed: Option<Day>,
}

impl Closer {
    pub(crate) fn new(connection: &Connection, layout: &Layout) -> Result<Closer, Error> {
        Ok(Closer {
            producer: connection
                .producer("footfall-closer")
                .set("linger.ms", "0")
                .create_with_context(LoggingContext)?,
            topic: layout.name(Topic::Hits),
            partitions: layout.partitions,
            closed: None,
        })
    }

    /// Closes every date up to `due`, unless that is done.
    pub(crate) async fn close(&mut self, due: Option<Day>) {
        let Some(day) = due.filter(|_| due > self.closed) else { return };
        let mut message = Vec::new();
        Packer::close(day, &mut message);
        for partition in 0..self.partitions as i32 {
            let record = FutureRecord::<(), [u8]>::to(&self.topic).partition(partition).payload(&message);
            match tokio::time::timeout(ANSWER_MAX, self.producer.send(record, Timeout::After(ANSWER_MAX))).await {
                Ok(Ok(_)) => {}
                Ok(Err((error, _))) => {
                    tracing::error!(%error, %day, "{day} could not be closed everywhere; tried again soon");
                    return;
                }
                // It may come yet; said twice it changes nothing.
                Err(_) => {
                    tracing::error!(%day, "{day} could not be closed everywhere yet: no answer; tried again soon");
                    return;
                }
            }
        }
        tracing::info!(%day, "said that {day} is over");
        self.closed = Some(day);
    }
}
