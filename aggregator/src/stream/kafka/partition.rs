//! A partition of the topic `hits` as the stream of a shard. Positions are offsets of messages.
//!
//! * A message has records of one epoch; their position is its offset.
//! * The intent is an offset commit (`commit`), which only the owner of the partition can make (`membership`). Its
//!   checkpoint is in the topic `folds` (`folds`).
//! * The client that reads messages belongs to no group. So only this module decides what is read, and a slow insert
//!   delays no heartbeat.
//!
//! If the brokers are away, every call waits and tries again. If the brokers have lost what must be read next, the call
//! fails and reports what is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka::ledger::Ledger;
use kafka::rdkafka::admin::AdminClient;
use kafka::rdkafka::consumer::{BaseConsumer, Consumer};
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::message::Message;
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::topics::{Topic, admin, delete_below};
use kafka::{Connection, Layout, LoggingContext};
use schema::wire::{Batch, Record};
use tokio::time::Instant;

use super::commit::Commit;
use super::folds::{CheckpointKey, Checkpoints};
use super::membership::{CommitError, Membership};
use super::owner::PartitionOwner;
use crate::fold::{Checkpoint, Fold};
use crate::metrics;
use crate::shard::intent::Intent;
use crate::stream::{Stream, StreamError};

/// Longest wait for one answer of the brokers.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time of one `fold_into`.
const READ_MAX: Duration = Duration::from_secs(1);
/// So long the end of the partition is cached.
const END_MAX_AGE: Duration = Duration::from_secs(1);

/// What is needed to read a partition.
pub(super) struct PartitionInputs {
    pub(super) connection: Connection,
    pub(super) layout: Layout,
    pub(super) membership: Arc<Membership>,
    pub(super) partition: u32,
    /// The number of the assignment by which this process owns the partition.
    pub(super) assignment: u64,
    /// Whether messages that the brokers have lost are counted as lost and passed over. Otherwise they are an error.
    pub(super) accept_loss: bool,
    /// Set once it is certain where the shard begins, and that nothing is lost.
    pub(super) has_begun: Arc<AtomicBool>,
}

/// One partition, read by its owner.
pub(super) struct PartitionStream {
    owner: PartitionOwner,
    reader: BaseConsumer<LoggingContext>,
    folds: Ledger,
    admin: AdminClient<LoggingContext>,
    topic: String,
    position: u64,
    /// The end of the partition, and when it was asked for.
    end: Option<(u64, Instant)>,
    checkpoints: Checkpoints,
    /// The last commit that this owner read or made.
    commit: Option<Commit>,
    accept_loss: bool,
    has_begun: Arc<AtomicBool>,
}

impl PartitionStream {
    pub(super) fn new(inputs: PartitionInputs) -> Result<PartitionStream, StreamError> {
        let PartitionInputs { connection, layout, membership, partition, assignment, accept_loss, has_begun } = inputs;
        let partition = partition as i32;
        Ok(PartitionStream {
            owner: PartitionOwner { membership, partition, assignment },
            reader: connection.reader("footfall-aggregate").create_with_context(LoggingContext)?,
            folds: Ledger::open(&connection, &layout.name(Topic::Folds), partition)?,
            admin: admin(&connection)?,
            topic: layout.name(Topic::Hits),
            position: 0,
            end: None,
            checkpoints: Checkpoints::default(),
            commit: None,
            accept_loss,
            has_begun,
        })
    }

    fn partition(&self) -> u32 {
        self.owner.partition as u32
    }

    /// The first offset that the brokers have, and the offset after the last.
    async fn watermarks(&self) -> Result<(u64, u64), StreamError> {
        let ask = async || self.reader.fetch_watermarks(&self.topic, self.owner.partition, REQUEST_TIMEOUT);
        let (low, high) = self.owner.retry("asking for the first and last offset of a partition", ask).await?;
        Ok((low.max(0) as u64, high.max(0) as u64))
    }

    /// Reads the checkpoints of the partition.
    async fn read_checkpoints(&mut self) -> Result<(), StreamError> {
        let folds = &mut self.folds;
        let entries = self.owner.retry("reading the topic folds", async || folds.read_all().await).await?;
        self.checkpoints = Checkpoints::decode(entries).map_err(|error| self.unusable_folds(error.to_string()))?;
        Ok(())
    }

    /// Writes the checkpoint of an S, unless the topic has it.
    async fn write_checkpoint(&mut self, key: CheckpointKey, checkpoint: &Checkpoint) -> Result<(), StreamError> {
        if self.checkpoints.get(&key) == Some(checkpoint) {
            return Ok(());
        }
        let value = serde_json::to_vec(checkpoint).map_err(|error| self.unusable_folds(error.to_string()))?;
        let put = async || match self.folds.put(&key.encode(), Some(&value), REQUEST_TIMEOUT).await {
            Ok(_) => Ok(Ok(())),
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) => Ok(Err(error)),
            Err(error) => Err(error),
        };
        self.owner.retry("writing to the topic folds", put).await??;
        self.checkpoints.insert(key, checkpoint.clone());
        Ok(())
    }

    /// The error for messages from `from` on, which must be read next and which the brokers do not have.
    async fn gone(&self, from: u64) -> StreamError {
        match self.watermarks().await {
            Ok((low, high)) => {
                StreamError::Gone { topic: self.topic.clone(), partition: self.partition(), from, low, high }
            }
            Err(error) => error,
        }
    }

    fn unusable_folds(&self, reason: String) -> StreamError {
        StreamError::Folds { partition: self.partition(), reason }
    }
}

impl Stream for PartitionStream {
    async fn fold_into(&mut self, fold: &mut Fold, until: u64, rows_max: usize) -> Result<u64, StreamError> {
        if !self.owner.is_current() {
            return Err(StreamError::Fenced);
        }
        tokio::task::yield_now().await; // a shard whose partition was revoked is dropped here
        let began = Instant::now();
        let mut records = 0;
        while self.position < until && fold.pending_rows() < rows_max && began.elapsed() < READ_MAX {
            let wait = if records == 0 { Duration::from_millis(20) } else { Duration::from_millis(5) };
            match self.reader.poll(wait) {
                Some(Ok(message)) => {
                    let position = message.offset() as u64;
                    if position != self.position {
                        // The offsets of `hits` have no gaps. So the messages between were deleted.
                        return Err(StreamError::Trimmed);
                    }
                    let batch = Batch::decode(message.payload().unwrap_or_default())
                        .map_err(|error| StreamError::Record { position, error })?;
                    metrics::message(message.payload_len());
                    let epoch = batch.epoch;
                    for (number, body) in batch.into_records() {
                        fold.apply(position, &Record { partition: 0, epoch, number, body });
                        records += 1;
                    }
                    self.position = position + 1;
                }
                Some(Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                ))) => {
                    return Err(match self.gone(self.position).await {
                        // The present commit decides whether that is a loss: see `saved` and `checkpoint_at_start`.
                        StreamError::Gone { from, low, .. } if from < low => StreamError::Trimmed,
                        error => error,
                    });
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error.into()),
                Some(Err(error)) => {
                    tracing::debug!(%error, partition = self.partition(), "reading a partition: {error}");
                }
                None => break,
            }
        }
        Ok(records)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn seek(&mut self, from: u64) -> Result<(), StreamError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, self.owner.partition, Offset::Offset(from as i64))?;
        // A new assignment discards the messages that were fetched before.
        self.reader.unassign()?;
        self.reader.assign(&list)?;
        self.position = from;
        self.has_begun.store(true, Ordering::Release);
        Ok(())
    }

    /// After a kill a broker may still have messages that were deleted in its last minute. Everything below the lowest
    /// checkpoint is settled, because a checkpoint is deleted only after the messages below the next one. So the stream
    /// begins at the lowest checkpoint at the earliest.
    async fn start(&mut self) -> Result<u64, StreamError> {
        let (low, high) = self.watermarks().await?;
        let lowest = self.checkpoints.lowest_start().unwrap_or(0);
        match lowest > high {
            true if self.accept_loss => Ok(low),
            true => Err(self.gone(lowest).await),
            false => Ok(low.max(lowest)),
        }
    }

    async fn end(&mut self) -> Result<u64, StreamError> {
        if let Some((end, asked_at)) = self.end
            && asked_at.elapsed() < END_MAX_AGE
        {
            return Ok(end.max(self.position));
        }
        let (_, end) = self.watermarks().await?;
        self.end = Some((end, Instant::now()));
        Ok(end)
    }

    async fn trim(&mut self, below: u64) -> Result<(), StreamError> {
        if let Err(error) = delete_below(&self.admin, &self.topic, self.owner.partition, below).await {
            tracing::warn!(%error, below, "settled messages could not be deleted from Kafka; tried again when S moves");
            return Ok(());
        }
        let obsolete = self.checkpoints.obsolete(below);
        let folds = &self.folds;
        let delete =
            |key: CheckpointKey| async move { folds.put(&key.encode(), None, REQUEST_TIMEOUT).await.map(|_offset| ()) };
        self.checkpoints.delete(obsolete, delete).await;
        Ok(())
    }

    async fn saved(&mut self) -> Result<Option<Intent>, StreamError> {
        self.end = None;
        let ask = async || self.owner.membership.committed(self.owner.partition);
        self.commit = self.owner.retry("asking for the present commit", ask).await?;
        self.read_checkpoints().await?;
        let Some(commit) = &self.commit else { return Ok(None) };
        let partition = self.partition();
        let mut intent =
            commit.decode().ok_or_else(|| StreamError::Commit { partition, metadata: commit.metadata.clone() })?;
        let (low, high) = self.watermarks().await?;
        if intent.end.unwrap_or(intent.offset).max(intent.offset) > high {
            // The partition ends below what was read before, so it is another topic with the same name.
            if !self.accept_loss {
                return Err(self.gone(intent.start).await);
            }
            tracing::error!(partition, "the topic was made anew; it is counted from its beginning");
            self.checkpoints.clear();
            return Ok(None);
        }
        let key = CheckpointKey { start: intent.start, generation: intent.generation };
        match self.checkpoints.get(&key).cloned() {
            Some(checkpoint) => intent.checkpoint = checkpoint,
            // A checkpoint is deleted only after a higher S was committed. The checkpoint of that S counts then.
            None if intent.start < low => {}
            None if self.accept_loss => {
                tracing::error!(
                    partition,
                    "the topic folds has lost the checkpoint: what the stream still has is counted again"
                );
                return Ok(None);
            }
            None => {
                let CheckpointKey { start, generation } = key;
                let reason = format!("there is none for S = {start} of generation {generation}");
                return Err(StreamError::Folds { partition, reason });
            }
        }
        Ok(Some(intent))
    }

    async fn save(&mut self, intent: &Intent) -> Result<(), StreamError> {
        let key = CheckpointKey { start: intent.start, generation: intent.generation };
        self.write_checkpoint(key, &intent.checkpoint).await?;
        let PartitionOwner { membership, partition, assignment } = &self.owner;
        let (before, new) = (self.commit.as_ref(), Commit::encode(intent));
        let commit = async || match membership.commit(*partition, *assignment, before, &new) {
            Ok(()) => Ok(Ok(())),
            Err(CommitError::Fenced) => Ok(Err(StreamError::Fenced)),
            Err(CommitError::Retryable(error)) => Err(error),
        };
        self.owner.retry("committing an intent", commit).await??;
        self.commit = Some(new);
        Ok(())
    }

    /// The owner that deleted messages up to here has written the checkpoint of this position before. If there is none,
    /// the brokers have deleted messages that were not settled: those are lost.
    async fn checkpoint_at_start(&mut self, first: u64, saved: Option<&Intent>) -> Result<Checkpoint, StreamError> {
        if let Some(checkpoint) = self.checkpoints.at(first) {
            return Ok(checkpoint.clone());
        }
        if first == 0 && self.checkpoints.is_empty() {
            return Ok(Checkpoint::default()); // the very first start
        }
        let known = self.checkpoints.highest_start_below(first);
        let from = saved.map(|intent| intent.start).or(known).unwrap_or(0);
        let lost = self.gone(from).await;
        metrics::lost_messages(first.saturating_sub(from));
        if !self.accept_loss {
            return Err(lost);
        }
        tracing::error!(error = %lost, "continuing without what is lost: {lost}");
        Ok(self.checkpoints.nearest(first).cloned().unwrap_or_default())
    }

    async fn highest_generation(&mut self) -> Result<u32, StreamError> {
        Ok(self.checkpoints.highest_generation())
    }
}
