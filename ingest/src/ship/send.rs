//! Sends messages to the brokers, and processes their answers. A producer is used until the first error in an answer.
//! The state of the messages behind it is then unknown, so the caller begins again with a new producer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka::rdkafka::client::ClientContext;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use kafka::topics::Topic;
use kafka::{Connection, Layout, client_log};
use metrics::{counter, gauge};
use parking_lot::Mutex;

use super::ShipError;
use super::pack::PackedMessage;

/// A producer, and the messages that are not confirmed yet.
pub(super) struct MessageSender {
    producer: BaseProducer<DeliveryAnswers>,
    topic: String,
    number: usize,
    in_flight: BTreeMap<usize, InFlight>,
    /// (first position, number) of each message in flight.
    positions: BTreeSet<(u64, usize)>,
    bytes: usize,
}

struct InFlight {
    from: u64,
    records: u64,
    bytes: usize,
}

/// The answers that are not processed yet, by the number of their message.
#[derive(Default)]
struct DeliveryAnswers {
    answered: Mutex<Vec<(usize, Result<(), KafkaError>)>>,
}

impl ClientContext for DeliveryAnswers {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::log_error(&error, reason);
    }
}

impl ProducerContext for DeliveryAnswers {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let outcome = result.as_ref().map(|_| ()).map_err(|(error, _)| error.clone());
        self.answered.lock().push((number, outcome));
    }
}

impl MessageSender {
    pub(super) fn new(connection: &Connection, layout: &Layout) -> Result<MessageSender, KafkaError> {
        let mut config = connection.producer("footfall-ingest");
        config
            // After a message that is rejected permanently, no message behind it may be accepted.
            .set("enable.gapless.guarantee", "true")
            // The messages are packed already; the library only combines them up to the bound of one request.
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            // `IN_FLIGHT_BYTES_MAX` is the bound that applies. The library's bounds must not be reached before it.
            .set("queue.buffering.max.kbytes", "65536")
            .set("queue.buffering.max.messages", "100000");
        Ok(MessageSender {
            producer: config.create_with_context(DeliveryAnswers::default())?,
            topic: layout.name(Topic::Hits),
            number: 0,
            in_flight: BTreeMap::new(),
            positions: BTreeSet::new(),
            bytes: 0,
        })
    }

    /// Gives a message to the producer.
    pub(super) fn send(&mut self, message: PackedMessage<'_>) -> Result<(), ShipError> {
        self.number += 1;
        let PackedMessage { partition, from, records, bytes } = message;
        loop {
            let record = BaseRecord::<(), [u8], usize>::with_opaque_to(&self.topic, self.number)
                .partition(partition as i32)
                .payload(bytes);
            match self.producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.process_answers(Duration::from_millis(10))?;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
        self.in_flight.insert(self.number, InFlight { from, records, bytes: bytes.len() });
        self.positions.insert((from, self.number));
        self.bytes += bytes.len();
        Ok(())
    }

    /// Processes the answers that have arrived. If there is none, waits at most so long for one.
    pub(super) fn process_answers(&mut self, wait: Duration) -> Result<(), ShipError> {
        self.producer.poll(wait);
        let answered = std::mem::take(&mut *self.producer.context().answered.lock());
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

    /// The position of the oldest record that is not confirmed.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.positions.first().map(|&(from, _)| from)
    }

    /// Bytes that are not confirmed.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
