//! The rules of the protocol that other parts than the shard follow: Kafka, ClickHouse, collectors, readers.

use std::cell::RefCell;

use crate::shard::rules::{self, Rule};

/// A rule that a simulated part follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Law {
    /// The commit of a former owner is refused.
    Fencing,
    /// ClickHouse remembers tokens for longer than the maximum age of an intent.
    LongWindow,
    /// The checkpoint of S is written before S is committed.
    CheckpointBeforeStart,
    /// A generation is recorded in `folds` before it is committed.
    GenerationRecorded,
    /// The key in `folds` is (partition, S, generation), not the partition alone.
    FoldsByStart,
    /// Readers count the highest named generation, not the one that was named last.
    ReadersFollowHighest,
    /// The round of an event follows from the last close in the partition, not from the clock.
    RoundsByStream,
    /// Replay begins with the checkpoint, not with an empty one.
    CheckpointUsed,
    /// The checkpoint contains the last close before S.
    LastCloseInCheckpoint,
    /// A collector begins a new epoch at each start.
    FreshEpoch,
    /// A collector sends only what is on its disk.
    ShipOnlySynced,
}

thread_local! {
    static LAWS_OFF: RefCell<Vec<Law>> = const { RefCell::new(Vec::new()) };
}

/// Whether the law holds on this thread.
pub(super) fn holds(law: Law) -> bool {
    LAWS_OFF.with_borrow(|off| !off.contains(&law))
}

/// Switches these laws and rules off on this thread, and all others on.
pub(super) fn switch_off(laws: &[Law], rules: &[Rule]) {
    LAWS_OFF.set(laws.to_vec());
    rules::switch_off(rules);
}
