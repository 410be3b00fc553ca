//! A ledger: one partition of a small topic, written record by record and read as a whole.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message, Timestamp};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use crate::{Connection, Error, LoggingContext};

/// If nothing arrives for so long, a read fails.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Longest wait for the offset of the first record.
const WATERMARKS_TIMEOUT: Duration = Duration::from_secs(5);
/// The error of the library for an offset that does not exist, or no longer.
const OFFSET_GONE: KafkaError = KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset);

/// One record of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value; `None` if it deletes the value of its key.
    pub value: Option<Vec<u8>>,
    /// When the broker appended it, in milliseconds since 1970, by the broker's clock; `None` if the topic stores the
    /// writer's time instead.
    pub appended_ms: Option<i64>,
}

/// A client for one partition of a small topic.
pub struct Ledger {
    reader: Arc<BaseConsumer<LoggingContext>>,
    producer: FutureProducer<LoggingContext>,
    topic: String,
    partition: i32,
    next: Option<i64>,
}

impl Ledger {
    /// Makes the clients. Nothing is read yet.
    pub fn open(connection: &Connection, topic: &str, partition: i32) -> Result<Ledger, Error> {
        let mut reader = connection.reader("footfall-ledger");
        reader.set("enable.partition.eof", "true").set("queued.max.messages.kbytes", "1024");
        Ok(Ledger {
            reader: Arc::new(reader.create_with_context(LoggingContext)?),
            producer: connection
                .producer("footfall-ledger")
                .set("linger.ms", "0")
                .create_with_context(LoggingContext)?,
            topic: topic.to_owned(),
            partition,
            next: None,
        })
    }

    /// Writes one record and returns its offset. All replicas in sync have the record then. After `patience` the call
    /// fails; the record may have been written nevertheless, or be written later.
    pub async fn put(&self, key: &[u8], value: Option<&[u8]>, patience: Duration) -> Result<i64, Error> {
        let mut record = FutureRecord::<[u8], [u8]>::to(&self.topic).partition(self.partition).key(key);
        if let Some(value) = value {
            record = record.payload(value);
        }
        let sent = self.producer.send(record, Timeout::After(patience));
        match tokio::time::timeout(patience, sent).await {
            Ok(Ok(delivery)) => Ok(delivery.offset),
            Ok(Err((error, _))) => Err(error),
            Err(_) => Err(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)),
        }
    }

    /// Reads all records from the first to the present end.
    pub async fn read_all(&mut self) -> Result<Vec<LedgerEntry>, Error> {
        self.next = None;
        self.read_on().await
    }

    /// Reads the records since the last read, to the present end.
    pub async fn read_on(&mut self) -> Result<Vec<LedgerEntry>, Error> {
        match self.next {
            Some(next) => self.read_from(next).await,
            None => match self.read_from(self.first_offset().await?).await {
                // Records were deleted since the first offset was asked for.
                Err(error) if error == OFFSET_GONE => self.read_from(self.first_offset().await?).await,
                read => read,
            },
        }
    }

    /// The offset of the first record. `Offset::Beginning` of the library is not used, because it is the first offset
    /// as of the last fetch. If records were deleted since, nothing is found there; if the topic was created again, the
    /// read begins in the middle.
    async fn first_offset(&self) -> Result<i64, Error> {
        let (reader, topic, partition) = (self.reader.clone(), self.topic.clone(), self.partition);
        let ask = move || reader.fetch_watermarks(&topic, partition, WATERMARKS_TIMEOUT);
        let asked = tokio::task::spawn_blocking(ask).await;
        asked.map_err(|_| KafkaError::MetadataFetch(RDKafkaErrorCode::Fail))?.map(|(first, _)| first)
    }

    async fn read_from(&mut self, offset: i64) -> Result<Vec<LedgerEntry>, Error> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, self.partition, Offset::Offset(offset))?;
        self.reader.assign(&list)?;
        let read = self.read_to_end().await;
        self.reader.unassign()?;
        self.next = match &read {
            Ok(entries) => entries.last().map(|entry| entry.offset + 1).or(self.next),
            // The records there may be deleted, so the next read begins with the first one.
            Err(_) => None,
        };
        read
    }

    async fn read_to_end(&self) -> Result<Vec<LedgerEntry>, Error> {
        let mut entries = Vec::new();
        let mut last_received = Instant::now();
        loop {
            match self.reader.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    last_received = Instant::now();
                    entries.push(LedgerEntry {
                        offset: message.offset(),
                        key: message.key().unwrap_or_default().to_vec(),
                        value: message.payload().map(<[u8]>::to_vec),
                        appended_ms: match message.timestamp() {
                            Timestamp::LogAppendTime(ms) => Some(ms),
                            Timestamp::CreateTime(_) | Timestamp::NotAvailable => None,
                        },
                    });
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(entries),
                Some(Err(error)) if error == OFFSET_GONE => return Err(error),
                Some(Err(error)) if last_received.elapsed() > SILENCE_MAX => return Err(error),
                None if last_received.elapsed() > SILENCE_MAX => {
                    return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
                }
                Some(Err(_)) | None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }
}
