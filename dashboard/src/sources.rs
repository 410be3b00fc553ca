//! Where numbers come from: the rounds of a site, with what each publishes.
//!
//! `live` computes it from the live tables. A source of sealed days comes beside it. This module does not know
//! questions or tokens.

pub mod live;

use std::sync::Arc;

use crowd::{BareSums, K, Numbers, Published};
use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use schema::round::RoundKey;

/// How much of each round is read. A later variant includes the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The bare totals.
    BareTotals,
    /// What it publishes too, if it is settled.
    PublishedIfSettled,
    /// What it publishes too, settled or open.
    Published,
}

/// A round of a site, as far as it was read.
#[derive(Debug, Clone)]
pub struct KnownRound {
    /// The round now.
    pub round: RoundState,
    /// What it publishes. None: that was not asked for, or the round is open and the client may not see it.
    pub snapshot: Option<Arc<RoundSnapshot>>,
}

/// A (day, round) of a site, as its rows are at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundState {
    /// The site's local date.
    pub day: Day,
    /// 0 for the day's own events, more for late ones.
    pub number: u32,
    /// Whether all its rows are final.
    pub settled: bool,
    /// What its rows add up to.
    pub sums: RoundSums,
}

/// What the rows of a round add up to. If two are equal, the round publishes the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoundSums {
    bare: BareSums,
    /// Every sum of its visits.
    visits: Vec<i64>,
    /// How many rows each cube of the crowd rule has: it changes with every insert.
    rows: Vec<u64>,
}

/// What a round published when it was computed.
#[derive(Debug)]
pub struct RoundSnapshot {
    /// What it published.
    pub published: Published,
    /// The round then.
    pub round: RoundState,
    /// When it was computed (UTC seconds).
    pub computed_s: i64,
}

impl RoundState {
    /// Its key among the site's rounds.
    pub fn key(&self) -> RoundKey {
        (self.day, self.number)
    }
}

impl From<&warehouse::Round> for RoundState {
    fn from(round: &warehouse::Round) -> RoundState {
        let sums = RoundSums::new(round.visit_sums(), round.row_counts());
        RoundState { day: round.day, number: round.round, settled: round.settled, sums }
    }
}

impl RoundSums {
    /// From every sum of its visits, and the number of rows of each cube.
    pub fn new(
        visits: impl IntoIterator<Item = (Measure, i64)>,
        rows: impl IntoIterator<Item = (Cube, u64)>,
    ) -> RoundSums {
        let visits: Vec<(Measure, i64)> = visits.into_iter().collect();
        let cubes: Vec<Cube> = crowd::cubes().collect();
        RoundSums {
            bare: BareSums::new(visits.iter().copied()),
            visits: visits.into_iter().map(|(_, sum)| sum).collect(),
            rows: rows.into_iter().filter(|(cube, _)| cubes.contains(cube)).map(|(_, rows)| rows).collect(),
        }
    }

    /// The sums that are exempt from the crowd rule.
    pub fn bare(&self) -> &BareSums {
        &self.bare
    }
}

impl KnownRound {
    /// The bare totals of the round as it is now. `snapshot`: the one to take custom events from.
    pub fn bare_totals(&self, snapshot: Option<&RoundSnapshot>, k: K) -> Numbers {
        let snapshot = match snapshot {
            Some(snapshot) if snapshot.round.sums == self.round.sums => crowd::Snapshot::Current(&snapshot.published),
            Some(snapshot) => crowd::Snapshot::Older(&snapshot.published),
            None => crowd::Snapshot::None,
        };
        self.round.sums.bare.totals(snapshot, k)
    }
}
