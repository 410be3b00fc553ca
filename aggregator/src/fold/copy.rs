//! What replay from a position begins with, and where each round began.

use std::collections::BTreeMap;

use schema::day::Day;
use serde::{Deserialize, Serialize};

/// A collector's life that was silent for so many days has ended: its numbers are forgotten, so that a copy stays small
/// however often collectors start. What Kafka keeps for an outage, and a spool that waited for it, is younger.
const SILENT_DAYS_MAX: i32 = 35;

/// What replay from a position begins with: which numbers are repeats, and which round an event belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// The highest number seen of each epoch.
    pub seen: BTreeMap<u64, u64>,
    /// Which close was the last when an epoch was last heard; those that were heard before any close are not there.
    #[serde(default)]
    pub heard: BTreeMap<u64, i32>,
    /// The last close, as days since 1970-01-01; `None` before the first.
    pub last_close: Option<i32>,
}

/// Where a round began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct First {
    /// Where the message of its first record begins in the stream.
    pub position: u64,
    /// As of just before that message.
    pub copy: Copy,
}

impl Copy {
    /// Whether a record was there before.
    pub(super) fn is_repeat(&self, epoch: u64, number: u64) -> bool {
        self.seen.get(&epoch).is_some_and(|&highest| number <= highest)
    }

    /// Remembers a record that is no repeat; says how many are missing before it.
    pub(super) fn see(&mut self, epoch: u64, number: u64) -> u64 {
        let highest = self.seen.entry(epoch).or_insert(0);
        let missing = number.saturating_sub(*highest).saturating_sub(1);
        *highest = number;
        missing
    }

    /// The round of an event dated `day`: 0 for a day not yet closed, else one more for each close since. All shards
    /// agree on it unasked.
    pub(super) fn round_of(&self, day: Day) -> u32 {
        let since = self.last_close.map_or(0, |last| i64::from(last) - i64::from(day.0) + 1);
        u32::try_from(since.max(0)).unwrap_or(u32::MAX)
    }

    /// Something comes from an epoch.
    pub(super) fn hear(&mut self, epoch: u64) {
        if let Some(last) = self.last_close {
            self.heard.insert(epoch, last);
        }
    }

    /// Takes a close in; says whether it closes anything. Epochs silent for too long are forgotten.
    pub(super) fn close(&mut self, day: Day) -> bool {
        let is_later = self.last_close.is_none_or(|last| day.0 > last);
        if is_later {
            self.last_close = Some(day.0);
            let Copy { seen, heard, .. } = self;
            seen.retain(|epoch, _| *heard.entry(*epoch).or_insert(day.0) >= day.0 - SILENT_DAYS_MAX);
            heard.retain(|epoch, _| seen.contains_key(epoch));
        }
        is_later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_that_was_silent_for_long_is_forgotten_and_one_that_was_heard_is_not() {
        let mut copy = Copy::default();
        copy.see(1, 5);
        copy.see(2, 5);
        for day in 0..=SILENT_DAYS_MAX {
            assert!(copy.close(Day(day)));
            copy.hear(2);
            copy.see(2, 6 + day as u64);
        }
        assert!(copy.is_repeat(1, 5), "still known after {SILENT_DAYS_MAX} days");
        copy.close(Day(SILENT_DAYS_MAX + 1));
        assert_eq!((copy.seen.len(), copy.heard.len()), (1, 1));
        assert!(!copy.is_repeat(1, 5) && copy.is_repeat(2, 6));
    }
}
