//! Checkpoints: what replay from a position begins with, and where each round began.
//!
//! A checkpoint is stored as JSON in the intent file and in the Kafka topic `folds`. The names of its fields there are
//! older than the names here; they do not change, because earlier versions of the program wrote them.

use std::collections::BTreeMap;

use schema::day::Day;
use serde::{Deserialize, Serialize};

/// If an epoch was silent for so many days, its collector process has ended, and its last number is dropped. So a
/// checkpoint stays small however often collectors start. Records that wait in a spool or in Kafka during an outage are
/// younger.
const SILENT_DAYS_MAX: i32 = 35;

/// What replay from a position begins with: which numbers are repeats, and to which round an event belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The last number of each epoch.
    #[serde(rename = "seen")]
    pub last_numbers: BTreeMap<u64, u64>,
    /// For each epoch the last close before its newest message, as days since 1970-01-01. Empty before the first close.
    #[serde(rename = "heard", default)]
    pub last_active: BTreeMap<u64, i32>,
    /// The last close, as days since 1970-01-01; `None` before the first.
    pub last_close: Option<i32>,
}

/// Where a round began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundStart {
    /// Where the message of the round's first record begins in the stream.
    pub position: u64,
    /// The checkpoint of that position: as it was before the message.
    pub checkpoint: Checkpoint,
}

impl Checkpoint {
    /// Whether the record was folded before.
    pub(super) fn is_repeat(&self, epoch: u64, number: u64) -> bool {
        self.last_numbers.get(&epoch).is_some_and(|&last| number <= last)
    }

    /// Counts a record that is no repeat. Returns how many numbers are missing before it.
    pub(super) fn count_number(&mut self, epoch: u64, number: u64) -> u64 {
        let last = self.last_numbers.entry(epoch).or_insert(0);
        let missing = number.saturating_sub(*last).saturating_sub(1);
        *last = number;
        missing
    }

    /// The round of an event dated `day`: 0 if the day is not closed, else one more for each close since. The round
    /// depends only on the closes in the stream, so all shards agree on it.
    pub(super) fn round_of(&self, day: Day) -> u32 {
        let since = self.last_close.map_or(0, |last| i64::from(last) - i64::from(day.0) + 1);
        u32::try_from(since.max(0)).unwrap_or(u32::MAX)
    }

    /// Notes that a message of this epoch was read.
    pub(super) fn mark_active(&mut self, epoch: u64) {
        if let Some(last) = self.last_close {
            self.last_active.insert(epoch, last);
        }
    }

    /// Folds a close and drops the epochs that were silent for too long. Returns false if a later close was folded
    /// before; then nothing changes.
    pub(super) fn close(&mut self, day: Day) -> bool {
        let is_later = self.last_close.is_none_or(|last| day.0 > last);
        if is_later {
            self.last_close = Some(day.0);
            let Checkpoint { last_numbers, last_active, .. } = self;
            last_numbers.retain(|epoch, _| *last_active.entry(*epoch).or_insert(day.0) >= day.0 - SILENT_DAYS_MAX);
            last_active.retain(|epoch, _| last_numbers.contains_key(epoch));
        }
        is_later
    }
}

/// The message that is being folded, and what the checkpoint had of its epoch before it.
pub(super) struct CurrentMessage {
    pub(super) position: u64,
    epoch: u64,
    last_number: Option<u64>,
    last_active: Option<i32>,
}

impl CurrentMessage {
    /// A message of which no record is folded yet.
    pub(super) fn begin(position: u64, epoch: u64, checkpoint: &Checkpoint) -> CurrentMessage {
        let last_number = checkpoint.last_numbers.get(&epoch).copied();
        let last_active = checkpoint.last_active.get(&epoch).copied();
        CurrentMessage { position, epoch, last_number, last_active }
    }
}

impl RoundStart {
    /// The start of a round whose first record is in `message`. Replay begins with the whole message, so the checkpoint
    /// is made to be as it was before the message.
    pub(super) fn of_message(position: u64, message: Option<&CurrentMessage>, now: &Checkpoint) -> RoundStart {
        let mut checkpoint = now.clone();
        if let Some(&CurrentMessage { epoch, last_number, last_active, .. }) = message {
            restore(&mut checkpoint.last_numbers, epoch, last_number);
            restore(&mut checkpoint.last_active, epoch, last_active);
        }
        RoundStart { position, checkpoint }
    }
}

fn restore<T>(map: &mut BTreeMap<u64, T>, epoch: u64, value: Option<T>) {
    match value {
        Some(value) => drop(map.insert(epoch, value)),
        None => drop(map.remove(&epoch)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_was_silent_for_long_is_dropped_and_an_active_one_is_kept() {
        let mut checkpoint = Checkpoint::default();
        checkpoint.count_number(1, 5);
        checkpoint.count_number(2, 5);
        for day in 0..=SILENT_DAYS_MAX {
            assert!(checkpoint.close(Day(day)));
            checkpoint.mark_active(2);
            checkpoint.count_number(2, 6 + day as u64);
        }
        assert!(checkpoint.is_repeat(1, 5), "still there after {SILENT_DAYS_MAX} days");
        checkpoint.close(Day(SILENT_DAYS_MAX + 1));
        assert_eq!((checkpoint.last_numbers.len(), checkpoint.last_active.len()), (1, 1));
        assert!(!checkpoint.is_repeat(1, 5) && checkpoint.is_repeat(2, 6));
    }

    #[test]
    fn checkpoints_of_earlier_versions_are_read_and_written_under_the_same_names() {
        let checkpoint = Checkpoint {
            last_numbers: [(7, 9), (u64::MAX, 1)].into(),
            last_active: [(7, 19_999)].into(),
            last_close: Some(20_000),
        };
        let stored = r#"{"seen":{"7":9,"18446744073709551615":1},"heard":{"7":19999},"last_close":20000}"#;
        assert_eq!(serde_json::from_str::<Checkpoint>(stored).unwrap(), checkpoint);
        assert_eq!(serde_json::to_string(&checkpoint).unwrap(), stored);
        let without_activity = r#"{"seen":{"7":9},"last_close":null}"#;
        let expected = Checkpoint { last_numbers: [(7, 9)].into(), ..Checkpoint::default() };
        assert_eq!(serde_json::from_str::<Checkpoint>(without_activity).unwrap(), expected);
    }
}
