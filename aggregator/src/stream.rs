//! Where the records of a fold come from.
//!
//! ```text
//! spool    the spool of this machine, read by position; the intent is a file beside it
//! kafka    a partition of Kafka, read by offset; the intent is in the metadata of an offset commit
//! import   not a stream: an import folds the events of a log, and begins again from the log if it fails
//! ```

use std::io;

use schema::wire;

use crate::fold::{Checkpoint, Fold};
use crate::shard::intent::Intent;

pub mod import;
pub mod kafka;
pub mod spool;

/// The stream of one shard, and the place where its intent is stored.
///
/// Positions only grow. Whenever a range between two positions is read, its records are the same.
pub trait Stream {
    /// Folds records up to the position `until`, or until the fold has about `rows_max` rows pending. Returns how many
    /// records were folded; 0 if there is none at the moment.
    fn fold_into(
        &mut self,
        fold: &mut Fold,
        until: u64,
        rows_max: usize,
    ) -> impl Future<Output = Result<u64, StreamError>>;

    /// The end of the last record that was folded.
    fn position(&self) -> u64;

    /// Continues at another position.
    fn seek(&mut self, from: u64) -> Result<(), StreamError>;

    /// The first position that the stream still has.
    fn start(&mut self) -> impl Future<Output = Result<u64, StreamError>>;

    /// The high-water mark: the end of what is stored durably.
    fn end(&mut self) -> impl Future<Output = Result<u64, StreamError>>;

    /// Deletes what is below a position, which must not be above the S that was saved last.
    fn trim(&mut self, below: u64) -> impl Future<Output = Result<(), StreamError>>;

    /// The intent that was saved last; `None` if there is none, or if it is lost.
    fn saved(&mut self) -> impl Future<Output = Result<Option<Intent>, StreamError>>;

    /// Replaces the saved intent. When this returns, no crash brings the former intent back, and no former owner of the
    /// shard can replace the new one.
    fn save(&mut self, intent: &Intent) -> impl Future<Output = Result<(), StreamError>>;

    /// The checkpoint of the stream's first position. It is asked for if no intent is saved, or if S of the saved
    /// intent is below that position.
    fn checkpoint_at_start(
        &mut self,
        first: u64,
        saved: Option<&Intent>,
    ) -> impl Future<Output = Result<Checkpoint, StreamError>>;

    /// The highest generation that is recorded beside the stream; 0 if none is.
    fn highest_generation(&mut self) -> impl Future<Output = Result<u32, StreamError>>;
}

/// The stream cannot be read, or the intent cannot be saved.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The spool cannot be read.
    #[error("reading the spool: {0}")]
    Spool(#[from] ::spool::Error),
    /// A record is complete, but its version is not known to this program.
    #[error(
        "the stream's record at position {position} cannot be decoded ({error}); a newer Footfall may have written it"
    )]
    Record {
        /// Where the record begins.
        position: u64,
        /// What is wrong with it.
        error: wire::WireError,
    },
    /// The intent file cannot be read or written.
    #[error("the intent file: {0}")]
    Intent(#[from] io::Error),
    /// Another process owns the shard now.
    #[error("another aggregator owns this partition now")]
    Fenced,
    /// The records at the position were deleted during the read, perhaps by a former owner with a higher S. The shard
    /// must be taken over again.
    #[error("a part of the partition was deleted while it was read")]
    Trimmed,
    /// Kafka does not have the messages that must be read next.
    #[error(
        "Kafka does not have {topic}/{partition} from offset {from} on, which belongs to days that are not settled: it has \
         {low} to {high}. Was the topic's retention too short, the aggregator away for longer, or the topic made anew? \
         `footfall aggregate --accept-loss` continues with what Kafka has"
    )]
    Gone {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// The first offset that is needed.
        from: u64,
        /// The first offset that Kafka has.
        low: u64,
        /// The end of what Kafka has.
        high: u64,
    },
    /// The topic `folds` does not have a usable checkpoint.
    #[error(
        "the checkpoints of partition {partition} in the topic `folds` cannot be used: {reason}. Bring the topic back, or \
         continue with `footfall aggregate --accept-loss`: what is still in Kafka is counted again then, late hits perhaps \
         not"
    )]
    Folds {
        /// The partition.
        partition: u32,
        /// Why.
        reason: String,
    },
    /// Another program made the commit.
    #[error(
        "the commit of partition {partition} was made by another program or a newer Footfall: \"{metadata}\". Use that \
         Footfall, or delete the group's offset of the partition: what is still in Kafka is counted again then"
    )]
    Commit {
        /// The partition.
        partition: u32,
        /// The metadata of the commit.
        metadata: String,
    },
    /// An error of Kafka after which a retry would fail too.
    #[error("Kafka: {0}")]
    Kafka(#[from] ::kafka::Error),
}
