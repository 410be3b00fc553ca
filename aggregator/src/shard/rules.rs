//! The rules of the protocol, by the names that the code uses where it follows them.
//!
//! In the program all rules hold: `holds` is constant. A test can switch rules off. The simulation must then fail;
//! otherwise the rule is not tested, or not needed.

#[cfg(test)]
pub(crate) use switched_off::{holds, switch_off};

/// A rule that this crate follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The range of a batch is in the intent before the first insert of the batch.
    IntentFirst,
    /// A rebuild uses a new generation.
    NewGeneration,
    /// The new generation is above every generation that has live rows, whatever is recorded elsewhere.
    GenerationOfRows,
    /// A batch that was begun too long ago is not sent (again), because its token may be forgotten.
    AgeLimit,
    /// After anything uncertain, the live rows are compared with the sums of the fold.
    ControlSums,
    /// The sums are compared after the first batch of an owner, too.
    SumsAtAssignment,
    /// The checkpoint of S is as it was before the first message of the oldest round.
    CheckpointBeforeRound,
    /// If S is below the first position of the stream, the shard rebuilds.
    StartBelowFirst,
    /// S moves past a round only when the round is settled.
    StartWaitsForSettled,
    /// The stream deletes only what is below a committed S.
    DeleteAfterCommit,
    /// A generation is named only when it has caught up.
    NamedWhenCaughtUp,
    /// Before a generation is named, the last close of its shard is written for it.
    ClosedUpTo,
    /// A round is settled only if its live rows are what was folded.
    SettledWhenEqual,
    /// A round is settled only when all of it is inserted.
    SettledWhenInserted,
    /// The sweep does not drop generations above the named one.
    SweepSparesNewer,
    /// The sweep does not drop rows that `settled` names.
    SweepSparesSettled,
    /// Rows are dropped only after the queries that may read them have ended.
    DropsWait,
    /// Rows are dropped only after a former owner can no longer settle a round with them.
    DropsWaitForOwners,
    /// Rows that no reader counts are dropped at some time.
    Sweep,
}

/// Whether the rule holds. Only a test can switch a rule off.
#[cfg(not(test))]
pub(crate) const fn holds(_: Rule) -> bool {
    true
}

#[cfg(test)]
mod switched_off {
    use std::cell::RefCell;

    use super::Rule;

    thread_local! {
        static RULES_OFF: RefCell<Vec<Rule>> = const { RefCell::new(Vec::new()) };
    }

    /// Whether the rule holds on this thread.
    pub(crate) fn holds(rule: Rule) -> bool {
        RULES_OFF.with_borrow(|off| !off.contains(&rule))
    }

    /// Switches these rules off on this thread, and all others on.
    pub(crate) fn switch_off(rules: &[Rule]) {
        RULES_OFF.set(rules.to_vec());
    }
}
