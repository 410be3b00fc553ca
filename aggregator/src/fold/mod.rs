//! The fold: anonymous events in, increments of the live cubes out.
//!
//! Pure: the same records from the same `Copy`, drained at the same positions, give the same rows in the same order. So
//! a batch whose insert is in doubt can be made again, and a shard's state is nothing but a replay.
//!
//! ```text
//! apply -> copy     is it a repeat, is something missing, which round
//!       -> round    the sites of one (day, round)
//!       -> site     the rules: what starts, joins and ends a visit; which sums each event moves
//!             visitor   a tag's day: frozen attributes, its visit
//!             facts     what a tag has done today, for "first"
//!             names     strings -> numbers      profile   frozen attributes -> one number
//!             cells     sums per key, since the last drain
//! drain -> columns  cells -> rows, ready to insert
//! ```
//!
//! It knows neither where records come from nor where rows go, no clock, no time zone (an event carries its date and
//! offset) and no file. A day's state is dropped at its close; its sums stay until `forget`.

use std::collections::BTreeMap;

use schema::day::Day;
use schema::event::Event;
use schema::fate::FateCount;
use schema::wire::{Body, Record};

use crate::rows::Rows;
use crate::sums::Sums;

mod copy;

pub use copy::{Copy, First};

/// Which rules made the rows. A shard whose rows were begun under other rules starts afresh.
pub const VERSION: u32 = 1;

/// How much a site may fill in one (day, round). Beyond it hits still count; firsts are no longer told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Visitor tags of a site in a (day, round), about 250 bytes each.
    pub tags_per_site_day: usize,
    /// Distinct pages, sources, names and attributes of a site in a (day, round); the rest are counted as "(many)".
    pub strings_per_site_day: usize,
    /// Different things (pages, sources, event names) that are told apart for one tag; at most 65,535.
    pub facts_per_tag: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { tags_per_site_day: 4_000_000, strings_per_site_day: 500_000, facts_per_tag: 2_000 }
    }
}

/// What a drain hands out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drained {
    /// By day, round and cube; rows that cancelled to nothing are not there.
    pub rows: Vec<Rows>,
    /// The closes since the last drain; what came before them is among the rows.
    pub closes: Vec<Day>,
}

/// The state of one shard.
#[derive(Debug)]
pub struct Fold {
    copy: Copy,
    #[expect(dead_code, reason = "not yet")]
    limits: Limits,
    sums: BTreeMap<(Day, u32), Sums>,
    firsts: BTreeMap<(Day, u32), First>,
    closes: Vec<Day>,
    repeats: u64,
    gaps: u64,
}

impl Fold {
    /// The state just before the record that `copy` was taken at.
    pub fn new(copy: Copy, limits: Limits) -> Fold {
        Fold { copy, limits, sums: BTreeMap::new(), firsts: BTreeMap::new(), closes: Vec::new(), repeats: 0, gaps: 0 }
    }

    /// Takes in one record; `position` is where it begins in the stream.
    pub fn apply(&mut self, position: u64, record: &Record<'_>) {
        let _ = position;
        match &record.body {
            Body::Close(day) => {
                if self.copy.close(*day) {
                    self.closes.push(*day);
                }
            }
            _ if self.copy.is_repeat(record.epoch, record.number) => self.repeats += 1,
            Body::Event(_) | Body::Fates(_) => self.gaps += self.copy.see(record.epoch, record.number),
        }
    }

    /// Takes in an event that has no number, in a round the caller names (an import's).
    pub fn apply_event(&mut self, round: u32, event: &Event<'_>) {
        let _ = (round, event);
    }

    /// Takes in refusals that have no number, in a round the caller names (an import's).
    pub fn apply_fates(&mut self, round: u32, counts: &[FateCount<'_>]) {
        let _ = (round, counts);
    }

    /// About how many rows a drain would hand out now.
    pub fn pending_rows(&self) -> usize {
        0
    }

    /// The increments since the last drain.
    pub fn drain(&mut self) -> Drained {
        Drained { rows: Vec::new(), closes: std::mem::take(&mut self.closes) }
    }

    /// What all rows handed out so far add up to, by (day, round), for the rounds not forgotten.
    pub fn sums(&self) -> &BTreeMap<(Day, u32), Sums> {
        &self.sums
    }

    /// Where each round began, for the rounds not forgotten.
    pub fn firsts(&self) -> &BTreeMap<(Day, u32), First> {
        &self.firsts
    }

    /// The round is done: nothing will be asked about it again. Its state went at its close.
    pub fn forget(&mut self, day: Day, round: u32) {
        self.sums.remove(&(day, round));
        self.firsts.remove(&(day, round));
    }

    /// What replay from here begins with.
    pub fn copy(&self) -> Copy {
        self.copy.clone()
    }

    /// Records dropped because they had been there before.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Records that never came: the numbers missing in between.
    pub fn gaps(&self) -> u64 {
        self.gaps
    }

    /// Tags, strings and firsts that no longer fit within the limits.
    pub fn saturated(&self) -> u64 {
        0
    }

    /// Tags held now, over all open rounds.
    pub fn visitors(&self) -> usize {
        0
    }

    /// About how many bytes the state takes.
    pub fn bytes(&self) -> usize {
        0
    }
}
