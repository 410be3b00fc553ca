//! The rules of the protocol that the code keeps, by the names they have where they are kept.
//!
//! In the program they always hold: `holds` is a constant there. A test can let one go and must then see the simulation
//! fail; a rule whose absence nobody notices is not tested, or not needed.

#[cfg(test)]
pub(crate) use without::{holds, let_go};

/// A rule that this crate's code keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The range stands in the intent before its first insert.
    IntentFirst,
    /// Starting afresh uses a new generation.
    NewGeneration,
    /// And one above those that have live rows, whatever is recorded of them elsewhere.
    GenerationOfRows,
    /// What was begun too long ago is not sent (again): its token may be forgotten.
    AgeLimit,
    /// After anything uncertain, the live rows are compared with the fold's sums.
    ControlSums,
    /// A shard's first batch after it took over counts as uncertain.
    SumsAtAssignment,
    /// The copy is of before the first message of the oldest round.
    CheckpointBeforeRound,
    /// S below the stream's first position is treated like a missing intent.
    StartBelowFirst,
    /// S passes a round only once it is settled.
    StartWaitsForSettled,
    /// The stream is told to forget only what a committed S has passed.
    DeleteAfterCommit,
    /// A generation is named once it has caught up.
    NamedWhenCaughtUp,
    /// A generation opens with its shard's last close.
    ClosedUpTo,
    /// A round is settled only if its live rows are what was folded.
    SettledWhenEqual,
    /// A round is settled only when all of it is inserted.
    SettledWhenInserted,
    /// The sweep leaves generations above the named one alone.
    SweepSparesNewer,
    /// The sweep leaves alone what `settled` names.
    SweepSparesSettled,
    /// Nothing is dropped before the queries that may read it have ended.
    DropsWait,
    /// Nor before a former owner can no longer settle a round with it.
    DropsWaitForOwners,
    /// What nobody counts is dropped some time.
    Sweep,
}

/// Whether the rule holds: always, but for a test that lets it go.
#[cfg(not(test))]
pub(crate) const fn holds(_: Rule) -> bool {
    true
}

#[cfg(test)]
mod without {
    use std::cell::RefCell;

    use super::Rule;

    thread_local! {
        static RULES_OFF: RefCell<Vec<Rule>> = const { RefCell::new(Vec::new()) };
    }

    /// Whether the rule holds in this test.
    pub(crate) fn holds(rule: Rule) -> bool {
        RULES_OFF.with_borrow(|off| !off.contains(&rule))
    }

    /// From now on these do not hold on this thread, and all others do.
    pub(crate) fn let_go(rules: &[Rule]) {
        RULES_OFF.set(rules.to_vec());
    }
}
