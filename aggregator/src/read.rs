//! Where a fold's records come from. Three sources exist: the spool (`spooled.rs`), Kafka (`partition.rs`), both read by
//! position and readable again; and events handed in by an import (`handed.rs`), which begins again from its log instead.

use std::io;

use schema::wire;

use crate::fold::{Checkpoint, Fold};
use crate::intent::Intent;

/// One shard's stream, and the place where its intent stands.
///
/// Positions only grow. What lies between two positions is the same whenever it is read.
pub trait Stream {
    /// Folds what is there up to `until`, or until the fold has about `rows_max` rows to hand out. Returns how many
    /// records were folded; 0 if there was none for a moment.
    fn fold_into(
        &mut self,
        fold: &mut Fold,
        until: u64,
        rows_max: usize,
    ) -> impl Future<Output = Result<u64, StreamError>>;

    /// The end of the last record folded.
    fn position(&self) -> u64;

    /// Goes back (or on) to a position.
    fn seek(&mut self, from: u64) -> Result<(), StreamError>;

    /// The first position still held.
    fn start(&mut self) -> impl Future<Output = Result<u64, StreamError>>;

    /// The end of what is there for good.
    fn end(&mut self) -> impl Future<Output = Result<u64, StreamError>>;

    /// Gives up what lies below. Only what is below the S that was saved last may be given up.
    fn trim(&mut self, below: u64) -> impl Future<Output = Result<(), StreamError>>;

    /// What was saved last; `None` if nothing is left of it.
    fn saved(&mut self) -> impl Future<Output = Result<Option<Intent>, StreamError>>;

    /// Replaces what was saved. When this returns, no crash brings the old one back, and no former owner of the shard
    /// can replace the new one.
    fn save(&mut self, intent: &Intent) -> impl Future<Output = Result<(), StreamError>>;

    /// What replay from the stream's first position begins with, when nothing is saved or what is saved begins below it.
    fn checkpoint_at_start(
        &mut self,
        first: u64,
        saved: Option<&Intent>,
    ) -> impl Future<Output = Result<Checkpoint, StreamError>>;

    /// The highest generation the stream's side has a record of; 0 if none.
    fn highest_generation(&mut self) -> impl Future<Output = Result<u32, StreamError>>;
}

/// The stream could not be read on, or the shard's place in it not be kept.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The spool says so.
    #[error("reading the spool: {0}")]
    Spool(#[from] spool::Error),
    /// A record is whole and is not of a version this program knows.
    #[error(
        "the stream's record at position {position} cannot be understood ({error}); a newer Footfall may have written it"
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
    /// Another owns the shard now.
    #[error("another aggregator owns this partition now")]
    Fenced,
    /// What was to be read next was deleted meanwhile, perhaps by a former owner whose S was further: to be looked at
    /// again from the beginning.
    #[error("a part of the partition was deleted while it was read")]
    Trimmed,
    /// What must be read next is not there any more.
    #[error(
        "Kafka does not have {topic}/{partition} from offset {from} on, which belongs to days that are not done: it holds \
         {low} to {high}. Was the topic's retention too short, the aggregator away for longer, or the topic made anew? \
         `footfall aggregate --accept-loss` goes on with what there is"
    )]
    Gone {
        /// The topic.
        topic: String,
        /// Its partition.
        partition: u32,
        /// What is needed first.
        from: u64,
        /// What is there first.
        low: u64,
        /// And the end of it.
        high: u64,
    },
    /// What the topic `folds` says cannot be used.
    #[error(
        "what the topic `folds` says of partition {partition} cannot be used: {says}. Bring the topic back, or go on by \
         `footfall aggregate --accept-loss`: what is still in Kafka is counted afresh, late hits perhaps not"
    )]
    Folds {
        /// The partition.
        partition: u32,
        /// Why.
        says: String,
    },
    /// What is committed was not committed by this program.
    #[error(
        "the commit of partition {partition} was made by another program or a newer Footfall: \"{says}\". Use that Footfall, \
         or delete the group's offset of the partition: what is still in Kafka is counted afresh then"
    )]
    Commit {
        /// The partition.
        partition: u32,
        /// What it says.
        says: String,
    },
    /// Kafka, in a way that does not pass.
    #[error("Kafka: {0}")]
    Kafka(#[from] kafka::Error),
}
