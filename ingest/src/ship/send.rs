//! Messages to the brokers, and their answers. One producer lives until its first answer that says no: then nothing is
//! known of what follows in its queue, and the caller begins again with a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use kafka::rdkafka::client::ClientContext;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use kafka::topics::Topic;
use kafka::{Connection, Layout, client_log};
use metrics::{counter, gauge};

use super::Broken;
use super::pack::Message;

/// A producer, and what it has not yet been answered for.
pub(super) struct Sender {
    producer: BaseProducer<Answers>,
    topic: String,
    number: usize,
    in_flight: BTreeMap<usize, Sent>,
    /// (first position, number) of each of them.
    positions: BTreeSet<(u64, usize)>,
    bytes: usize,
}

struct Sent {
    from: u64,
    records: u64,
    bytes: usize,
}

/// Answers since the last look, by the number of their message.
#[derive(Default)]
struct Answers {
    answered: Mutex<Vec<(usize, Result<(), KafkaError>)>>,
}

impl ClientContext for Answers {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::log_error(&error, reason);
    }
}

impl ProducerContext for Answers {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let outcome = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        if let Ok(mut answered) = self.answered.lock() {
            answered.push((number, outcome));
        }
    }
}

impl Sender {
    pub(super) fn new(connection: &Connection, layout: &Layout) -> Result<Sender, KafkaError> {
        let mut config = connection.producer("footfall-ingest");
        config
            // Messages are packed already: what waits for more of them waits for the bound of one request.
            // After a message that is refused for good nothing that follows it may be taken.
            .set("enable.gapless.guarantee", "true")
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            // The bound that counts is ours; the library's must not be met before it.
            .set("queue.buffering.max.kbytes", "65536")
            .set("queue.buffering.max.messages", "100000");
        Ok(Sender {
            producer: config.create_with_context(Answers::default())?,
            topic: layout.name(Topic::Hits),
            number: 0,
            in_flight: BTreeMap::new(),
            positions: BTreeSet::new(),
            bytes: 0,
        })
    }

    /// Hands a message to the producer.
    pub(super) fn send(&mut self, message: Message<'_>) -> Result<(), Broken> {
        self.number += 1;
        let Message { partition, from, records, bytes } = message;
        loop {
            let record = BaseRecord::<(), [u8], usize>::with_opaque_to(&self.topic, self.number)
                .partition(partition as i32)
                .payload(bytes);
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.answers(Duration::from_millis(10))?;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        self.in_flight.insert(self.number, Sent { from, records, bytes: bytes.len() });
        self.positions.insert((from, self.number));
        self.bytes += bytes.len();
        Ok(())
    }

    /// Takes in the answers that came, waiting for one at most so long.
    pub(super) fn answers(&mut self, wait: Duration) -> Result<(), Broken> {
        self.producer.poll(wait);
        let answered = match self.producer.context().answered.lock() {
            Ok(mut answered) => std::mem::take(&mut *answered),
            Err(_) => Vec::new(),
        };
        for (number, outcome) in answered {
            let Some(sent) = self.in_flight.remove(&number) else { continue };
            self.positions.remove(&(sent.from, number));
            self.bytes -= sent.bytes;
            outcome?;
            counter!("footfall_ship_records_total").increment(sent.records);
            counter!("footfall_ship_messages_total").increment(1);
            counter!("footfall_ship_bytes_total").increment(sent.bytes as u64);
        }
        gauge!("footfall_ship_in_flight_bytes").set(self.bytes as f64);
        Ok(())
    }

    /// The position of the oldest record not answered for.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.positions.first().map(|&(from, _)| from)
    }

    /// Bytes not yet answered for.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
