//! A small topic: one partition of it, written record by record and read as a whole.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message, Timestamp};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use crate::{Connection, Error, Said};

/// How long nothing may come before a read gives up.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Longest wait for the answer where the beginning is.
const BEGINNING_MAX: Duration = Duration::from_secs(5);
/// What the library says of an offset that is not there (any more).
const GONE: KafkaError = KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset);

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// What it says; nothing if it takes back what its key said.
    pub value: Option<Vec<u8>>,
    /// When the broker took it, in milliseconds since 1970, by the broker's clock; nothing on a topic where the writer's
    /// clock is kept instead.
    pub appended_ms: Option<i64>,
}

/// One partition of a small topic.
pub struct Ledger {
    reader: Arc<BaseConsumer<Said>>,
    producer: FutureProducer<Said>,
    topic: String,
    partition: i32,
    next: Option<i64>,
}

impl Ledger {
    /// Opens it; nothing is read yet.
    pub fn open(connection: &Connection, topic: &str, partition: i32) -> Result<Ledger, Error> {
        let mut reader = connection.reader("footfall-ledger");
        reader.set("enable.partition.eof", "true").set("queued.max.messages.kbytes", "1024");
        Ok(Ledger {
            reader: Arc::new(reader.create_with_context(Said)?),
            producer: connection.producer("footfall-ledger").set("linger.ms", "0").create_with_context(Said)?,
            topic: topic.to_owned(),
            partition,
            next: None,
        })
    }

    /// Writes one record; when this returns all replicas in sync have it. Says where it stands. It waits for the brokers
    /// at most for `patience`; after that the record may be there or come yet.
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

    /// Everything from the beginning to the end there is now.
    pub async fn read_all(&mut self) -> Result<Vec<Entry>, Error> {
        self.next = None;
        self.read_on().await
    }

    /// What has come since the last read, to the end there is now.
    pub async fn read_on(&mut self) -> Result<Vec<Entry>, Error> {
        match self.next {
            Some(next) => self.read_from(next).await,
            None => match self.read_from(self.beginning().await?).await {
                // Something was deleted since we asked.
                Err(gone) if gone == GONE => self.read_from(self.beginning().await?).await,
                read => read,
            },
        }
    }

    /// Where the first record there is stands. The library's own notion of the beginning is that of its last fetch:
    /// when records were deleted since it finds nothing there, and when the topic was made anew it begins in the middle.
    async fn beginning(&self) -> Result<i64, Error> {
        let (reader, topic, partition) = (self.reader.clone(), self.topic.clone(), self.partition);
        let ask = move || reader.fetch_watermarks(&topic, partition, BEGINNING_MAX);
        let asked = tokio::task::spawn_blocking(ask).await;
        asked.map_err(|_| KafkaError::MetadataFetch(RDKafkaErrorCode::Fail))?.map(|(beginning, _)| beginning)
    }

    async fn read_from(&mut self, offset: i64) -> Result<Vec<Entry>, Error> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, self.partition, Offset::Offset(offset))?;
        self.reader.assign(&list)?;
        let read = self.to_the_end().await;
        self.reader.unassign()?;
        self.next = match &read {
            Ok(entries) => entries.last().map(|entry| entry.offset + 1).or(self.next),
            // Perhaps it was deleted from there on: the next read begins at the beginning.
            Err(_) => None,
        };
        read
    }

    async fn to_the_end(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        let mut heard = Instant::now();
        loop {
            match self.reader.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    entries.push(Entry {
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
                Some(Err(gone)) if gone == GONE => return Err(gone),
                Some(Err(error)) if heard.elapsed() > SILENCE_MAX => return Err(error),
                None if heard.elapsed() > SILENCE_MAX => {
                    return Err(KafkaError::MessageConsumption(RDKafkaErrorCode::OperationTimedOut));
                }
                Some(Err(_)) | None => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }
}
