//! What replay from a position begins with, and where each round began.

use std::collections::BTreeMap;

use schema::day::Day;
use serde::{Deserialize, Serialize};

/// What replay from a position begins with: which numbers are repeats, and which round an event belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// The highest number seen of each epoch.
    pub seen: BTreeMap<u64, u64>,
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

    /// Takes a close in; says whether it closes anything.
    pub(super) fn close(&mut self, day: Day) -> bool {
        let is_later = self.last_close.is_none_or(|last| day.0 > last);
        if is_later {
            self.last_close = Some(day.0);
        }
        is_later
    }
}

/// Whether a round takes no more events once `close` is there: its next late event goes to a later round.
pub(super) fn is_closed_by(close: Day, day: Day, round: u32) -> bool {
    i64::from(day.0) + i64::from(round) <= i64::from(close.0)
}
