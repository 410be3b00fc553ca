//! The rules of the protocol that others keep for the shard: Kafka, ClickHouse, collectors, readers, the caretaker.

use std::cell::RefCell;

use crate::run::rules::{self, Rule};

/// A rule that is kept outside this crate's spine, by what the simulation stands in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Law {
    /// A commit by a former owner is refused.
    Fencing,
    /// Tokens are remembered longer than an intent may be old.
    LongWindow,
    /// The copy that belongs to S is written before S is committed.
    CheckpointBeforeStart,
    /// A generation stands in `folds` before it is committed.
    GenerationRecorded,
    /// `folds` is keyed by (partition, S, generation), not by partition.
    FoldsByStart,
    /// Readers follow the highest generation named, not the last.
    ReadersFollowHighest,
    /// The round follows the last close in the partition, not the clock.
    RoundsByStream,
    /// Replay begins with the copy, not with nothing.
    CheckpointUsed,
    /// The copy holds the last close before S.
    LastCloseInCheckpoint,
    /// Each start of a collector draws an epoch.
    FreshEpoch,
    /// Nothing is sent that is not on the collector's disk.
    ShipOnlySynced,
}

thread_local! {
    static LAWS_OFF: RefCell<Vec<Law>> = const { RefCell::new(Vec::new()) };
}

/// Whether the law holds in this run.
pub(super) fn holds(law: Law) -> bool {
    LAWS_OFF.with_borrow(|off| !off.contains(&law))
}

/// From now on these do not hold on this thread, and all others do.
pub(super) fn let_go(laws: &[Law], rules: &[Rule]) {
    LAWS_OFF.set(laws.to_vec());
    rules::let_go(rules);
}
