//! The third source: a partition of Kafka's `hits`, with the shard's place in the group's commits.
//!
//! * A message holds records of one epoch; its offset is their position.
//! * The intent is the metadata of an offset commit: ASCII, far below the broker's bound of 4,096 bytes. Brokers refuse
//!   it from a former owner (`membership`).
//! * What replay from S begins with does not fit there. It stands in the compacted topic `folds`, in the partition of the
//!   same number, keyed by (S, generation), and is written before a commit names that S and generation.
//! * Messages are read by a client of its own that belongs to no group: what is read is said by us alone, and a slow
//!   insert delays no heartbeat.
//!
//! Brokers away: everything here waits and tries again. What they no longer have is an error that says so.

use std::collections::BTreeMap;
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
use kafka::{Connection, Layout, Said};
use schema::wire::{Batch, Record};
use tokio::time::Instant;

use crate::fold::{Checkpoint, Fold};
use crate::intent::Intent;
use crate::membership::{CommitError, Membership, Saved};
use crate::metrics;
use crate::read::{Stream, StreamError};

mod key;
mod place;

use key::Key;

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(300);
/// How long one reading may go on before the shard looks around.
const READ_MAX: Duration = Duration::from_secs(1);
/// The end of the stream is asked for so often.
const END_EVERY: Duration = Duration::from_secs(1);

/// One partition, as its owner reads it.
pub struct Partition {
    reader: BaseConsumer<Said>,
    membership: Arc<Membership>,
    folds: Ledger,
    admin: AdminClient<Said>,
    topic: String,
    number: i32,
    /// Which time of owning it this is.
    assignment: u64,
    position: u64,
    end: Option<(u64, Instant)>,
    /// What `folds` holds of this partition.
    checkpoints: BTreeMap<Key, Checkpoint>,
    /// What is committed, as far as is known.
    saved: Option<Saved>,
    accept_loss: bool,
    /// Set once it is known that nothing is lost, and from where it is read on.
    begun: Arc<AtomicBool>,
}

impl Partition {
    /// As of an assignment. `accept_loss`: what the brokers no longer have is counted as lost and passed over. `begun` is
    /// set once it is known that nothing is lost, and from where it is read on.
    pub fn new(
        connection: &Connection,
        layout: &Layout,
        membership: Arc<Membership>,
        number: u32,
        assignment: u64,
        accept_loss: bool,
        begun: Arc<AtomicBool>,
    ) -> Result<Partition, StreamError> {
        let number = number as i32;
        Ok(Partition {
            reader: connection.reader("footfall-aggregate").create_with_context(Said)?,
            membership,
            folds: Ledger::open(connection, &layout.name(Topic::Folds), number)?,
            admin: admin(connection)?,
            topic: layout.name(Topic::Hits),
            number,
            assignment,
            position: 0,
            end: None,
            checkpoints: BTreeMap::new(),
            saved: None,
            accept_loss,
            begun,
        })
    }

    /// (first offset held, offset after the last), from the brokers.
    async fn watermarks(&self) -> Result<(u64, u64), StreamError> {
        loop {
            match self.reader.fetch_watermarks(&self.topic, self.number, ANSWER_MAX) {
                Ok((low, high)) => return Ok((low.max(0) as u64, high.max(0) as u64)),
                Err(error) => self.wait("asking for the ends of a partition", &error).await?,
            }
        }
    }

    /// Waits a moment after an error that may pass; an error itself once the partition is no longer ours.
    async fn wait(&self, what: &str, error: &KafkaError) -> Result<(), StreamError> {
        if !self.membership.owns(self.number, self.assignment) {
            return Err(StreamError::Fenced);
        }
        tracing::warn!(%error, partition = self.number, "{what} failed ({error}); trying again");
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// Reads on in `folds`.
    async fn read_checkpoints(&mut self) -> Result<(), StreamError> {
        let entries = loop {
            match self.folds.read_all().await {
                Ok(entries) => break entries,
                Err(error) => self.wait("reading the topic folds", &error).await?,
            }
        };
        self.checkpoints.clear();
        for entry in entries {
            let Some(key) = Key::read(&entry.key) else { continue };
            match entry.value {
                None => drop(self.checkpoints.remove(&key)),
                Some(value) => {
                    let checkpoint = serde_json::from_slice(&value).map_err(|error| StreamError::Folds {
                        partition: self.number as u32,
                        says: error.to_string(),
                    })?;
                    self.checkpoints.insert(key, checkpoint);
                }
            }
        }
        Ok(())
    }

    /// Records what replay from an S begins with, unless it stands there.
    async fn record_checkpoint(&mut self, key: Key, checkpoint: &Checkpoint) -> Result<(), StreamError> {
        if self.checkpoints.get(&key) == Some(checkpoint) {
            return Ok(());
        }
        let value = serde_json::to_vec(checkpoint)
            .map_err(|error| StreamError::Folds { partition: self.number as u32, says: error.to_string() })?;
        loop {
            match self.folds.put(&key.bytes(), Some(&value), ANSWER_MAX).await {
                Ok(_) => break,
                Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    return Err(error.into());
                }
                Err(error) => self.wait("writing to the topic folds", &error).await?,
            }
        }
        self.checkpoints.insert(key, checkpoint.clone());
        Ok(())
    }

    /// Takes back what no S to come needs. The highest generation is never forgotten: the key of the S saved last has it.
    async fn forget_checkpoints(&mut self, below: u64) {
        let Some(kept) = self.checkpoints.keys().filter(|key| key.start >= below).map(|key| key.generation).max()
        else {
            return;
        };
        let old: Vec<Key> =
            self.checkpoints.keys().filter(|key| key.start < below && key.generation <= kept).copied().collect();
        for key in old {
            if let Err(error) = self.folds.put(&key.bytes(), None, ANSWER_MAX).await {
                tracing::warn!(%error, "a checkpoint no longer needed stays in the topic folds; the next start looks again");
                return;
            }
            self.checkpoints.remove(&key);
        }
    }

    /// The brokers do not have what must be read next.
    async fn gone(&self, from: u64) -> StreamError {
        let (low, high) = match self.watermarks().await {
            Ok(marks) => marks,
            Err(error) => return error,
        };
        StreamError::Gone { topic: self.topic.clone(), partition: self.number as u32, from, low, high }
    }
}

impl Stream for Partition {
    async fn fold_into(&mut self, fold: &mut Fold, until: u64, rows_max: usize) -> Result<u64, StreamError> {
        if !self.membership.owns(self.number, self.assignment) {
            return Err(StreamError::Fenced);
        }
        tokio::task::yield_now().await; // where a shard whose partition has gone ends
        let began = Instant::now();
        let mut records = 0;
        while self.position < until && fold.pending_rows() < rows_max && began.elapsed() < READ_MAX {
            let patience = if records == 0 { Duration::from_millis(20) } else { Duration::from_millis(5) };
            match self.reader.poll(patience) {
                Some(Ok(message)) => {
                    let position = message.offset() as u64;
                    if position != self.position {
                        // Nothing is ever missing between two messages of `hits`: what is not the next is not believed.
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
                        // What it means is told by what is committed: see `saved` and `checkpoint_at_start`.
                        StreamError::Gone { from, low, .. } if from < low => StreamError::Trimmed,
                        error => error,
                    });
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(error.into()),
                Some(Err(error)) => {
                    tracing::debug!(%error, partition = self.number, "reading a partition: {error}");
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
        list.add_partition_offset(&self.topic, self.number, Offset::Offset(from as i64))?;
        // Assigned anew, so that nothing fetched before is handed out.
        self.reader.unassign()?;
        self.reader.assign(&list)?;
        self.position = from;
        self.begun.store(true, Ordering::Release);
        Ok(())
    }

    /// A broker that is killed may forget what was deleted in its last minute. Below the oldest copy all is done: what
    /// that copy replaced was taken back only after the deletion.
    async fn start(&mut self) -> Result<u64, StreamError> {
        let (low, high) = self.watermarks().await?;
        let oldest = self.checkpoints.keys().next().map_or(0, |key| key.start);
        match oldest > high {
            true if self.accept_loss => Ok(low),
            true => Err(self.gone(oldest).await),
            false => Ok(low.max(oldest)),
        }
    }

    async fn end(&mut self) -> Result<u64, StreamError> {
        if let Some((end, at)) = self.end
            && at.elapsed() < END_EVERY
        {
            return Ok(end.max(self.position));
        }
        let (_, end) = self.watermarks().await?;
        self.end = Some((end, Instant::now()));
        Ok(end)
    }

    async fn trim(&mut self, below: u64) -> Result<(), StreamError> {
        if let Err(error) = delete_below(&self.admin, &self.topic, self.number, below).await {
            tracing::warn!(%error, below, "what is done could not be deleted from Kafka; it is when S moves again");
            return Ok(());
        }
        self.forget_checkpoints(below).await;
        Ok(())
    }

    async fn saved(&mut self) -> Result<Option<Intent>, StreamError> {
        self.end = None;
        self.saved = loop {
            match self.membership.committed(self.number) {
                Ok(saved) => break saved,
                Err(error) => self.wait("asking for what is committed", &error).await?,
            }
        };
        self.read_checkpoints().await?;
        let Some(saved) = &self.saved else { return Ok(None) };
        let partition = self.number as u32;
        let mut intent =
            place::read(saved).ok_or_else(|| StreamError::Commit { partition, says: saved.metadata.clone() })?;
        let (low, high) = self.watermarks().await?;
        if intent.end.unwrap_or(intent.offset).max(intent.offset) > high {
            // What was read is not there: another topic of the same name.
            if !self.accept_loss {
                return Err(self.gone(intent.start).await);
            }
            tracing::error!(partition, "the topic was made anew; it is counted from its beginning");
            self.checkpoints.clear();
            return Ok(None);
        }
        let key = Key { start: intent.start, generation: intent.generation };
        match self.checkpoints.get(&key).cloned() {
            Some(checkpoint) => intent.checkpoint = checkpoint,
            // Whoever deleted it knew of a later S, which is what counts then.
            None if intent.start < low => {}
            None if self.accept_loss => {
                tracing::error!(
                    partition,
                    "the topic folds has lost its checkpoint: what the stream still holds is counted afresh"
                );
                return Ok(None);
            }
            None => {
                let (start, generation) = (key.start, key.generation);
                let says = format!("it has nothing for S = {start} of generation {generation}");
                return Err(StreamError::Folds { partition, says });
            }
        }
        Ok(Some(intent))
    }

    async fn save(&mut self, intent: &Intent) -> Result<(), StreamError> {
        let key = Key { start: intent.start, generation: intent.generation };
        self.record_checkpoint(key, &intent.checkpoint).await?;
        let fresh = place::write(intent);
        loop {
            let before = self.saved.as_ref();
            match self.membership.commit(self.number, self.assignment, before, &fresh) {
                Ok(()) => break,
                Err(CommitError::Fenced) => return Err(StreamError::Fenced),
                Err(CommitError::Passing(error)) => self.wait("committing an intent", &error).await?,
            }
        }
        self.saved = Some(fresh);
        Ok(())
    }

    /// Whoever deleted up to here recorded before what replay from here begins with. If nobody did, it was not us: what
    /// was there is lost.
    async fn checkpoint_at_start(&mut self, first: u64, saved: Option<&Intent>) -> Result<Checkpoint, StreamError> {
        let here = self.checkpoints.iter().rev().find(|(key, _)| key.start == first);
        if let Some((_, checkpoint)) = here {
            return Ok(checkpoint.clone());
        }
        let known = self.checkpoints.keys().map(|key| key.start).filter(|&start| start < first).max();
        let from = saved.map(|intent| intent.start).or(known).unwrap_or(0);
        if first == 0 && self.checkpoints.is_empty() {
            return Ok(Checkpoint::default()); // the very first start
        }
        let lost = self.gone(from).await;
        metrics::lost_messages(first.saturating_sub(from));
        if !self.accept_loss {
            return Err(lost);
        }
        tracing::error!(error = %lost, "going on without what is lost: {lost}");
        let nearest = self.checkpoints.iter().rev().find(|(key, _)| key.start <= first);
        Ok(nearest.map(|(_, checkpoint)| checkpoint.clone()).unwrap_or_default())
    }

    async fn highest_generation(&mut self) -> Result<u32, StreamError> {
        Ok(self.checkpoints.keys().map(|key| key.generation).max().unwrap_or(0))
    }
}
