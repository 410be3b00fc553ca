//! Where numbers come from: the rounds of a site, with what each may publish.
//!
//! `live` computes it from the live tables. A source of sealed days comes beside it.

pub mod live;

use std::sync::Arc;

use crate::read::Round;
use live::Snapshot;

/// How much of each round is read. A later variant includes the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The sums of its visits.
    BareTotals,
    /// What it publishes too, if it is settled.
    PublishedIfSettled,
    /// What it publishes too, settled or open.
    Published,
}

/// A round of a site, as far as it was read.
#[derive(Debug, Clone)]
pub struct KnownRound {
    /// The round, and its sums now.
    pub round: Round,
    /// What it publishes. None: that was not asked for, or the round is open and the client may not see it.
    pub snapshot: Option<Arc<Snapshot>>,
}
