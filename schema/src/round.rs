//! Rounds: the part of a day that an event belongs to, and when a round takes no more events.
//!
//! A `close` record in the stream ends rounds. This module does not know where a close comes from; `day` and `zone`
//! say when a date is over.

use crate::day::Day;

/// A site's local date and the number of the round: 0 for the day's own events, more for late ones. An import's round
/// has the number of its shard.
pub type RoundKey = (Day, u32);

/// The first number of a shard that belongs to an import. A shard below it is a partition of the stream, so a topic has
/// at most so many partitions.
pub const IMPORT_SHARD_MIN: u32 = 1000;

/// Whether a round takes no more events once `close` is folded. Late round `n` of a day ends with the close of the date
/// that is `n` days later.
///
/// The SQL of `warehouse` (`counted.rs`) has the same rule.
pub fn is_over((day, round): RoundKey, close: Day) -> bool {
    i64::from(day.0) + i64::from(round) <= i64::from(close.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_round_ends_with_a_later_close() {
        for (round, close, want) in [(0, 9, false), (0, 10, true), (1, 10, false), (1, 11, true), (1, 12, true)] {
            assert_eq!(is_over((Day(10), round), Day(close)), want, "round {round}, close {close}");
        }
        assert!(!is_over((Day(i32::MAX), u32::MAX), Day(i32::MAX)), "no overflow");
    }
}
