//! A site's local date, and the quarter-hour buckets that are the finest time ever stored.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// A local calendar date, as days since 1970-01-01. Which zone it is local to, the site says.
///
/// A day is a world of its own: salt, tags, visits, firsts and rounds belong to one (site, day).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

const EPOCH: Date = Date::constant(1970, 1, 1);

impl Day {
    /// The date as the calendar writes it. Days a calendar cannot hold (before -9999 or after 9999) are clamped.
    pub fn date(self) -> Date {
        EPOCH.saturating_add(jiff::Span::new().days(self.0.clamp(-4_000_000, 2_932_896)))
    }

    /// The day of a calendar date.
    pub fn of(date: Date) -> Day {
        let days = date.since(EPOCH).map_or(0, |span| span.get_days());
        Day(days)
    }

    /// `n` days later (earlier if negative).
    pub fn plus(self, n: i32) -> Day {
        Day(self.0.saturating_add(n))
    }

    /// As ClickHouse's `Date` counts it (u16 days since 1970), if it can.
    pub fn clickhouse(self) -> Option<u16> {
        u16::try_from(self.0).ok()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    /// Reads `2026-11-24`.
    fn from_str(text: &str) -> Result<Day, jiff::Error> {
        text.parse::<Date>().map(Day::of)
    }
}

/// Length of a bucket: 15 minutes of UTC. No stored time is finer.
pub const BUCKET_S: u32 = 15 * 60;

/// The bucket a moment falls into: the UTC second it begins.
pub fn bucket_of(time_s: u32) -> u32 {
    time_s - time_s % BUCKET_S
}

/// The local hour a moment falls into, told apart by the UTC second it began.
///
/// `offset_quarters` is the zone's offset from UTC at that moment, in quarter hours, so an hour never cuts a bucket.
pub fn hour_of(time_s: u32, offset_quarters: i8) -> u32 {
    let local = i64::from(time_s) + i64::from(offset_quarters) * i64::from(BUCKET_S);
    u32::try_from(i64::from(time_s) - local.rem_euclid(3600)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_the_same_thing() {
        for (text, days) in [("1970-01-01", 0), ("2026-11-24", 20_781), ("1969-12-31", -1), ("2024-02-29", 19_782)] {
            assert_eq!(text.parse::<Day>().unwrap(), Day(days));
            assert_eq!(Day(days).to_string(), text);
        }
    }

    #[test]
    fn an_hour_begins_at_the_zones_full_hour_and_never_cuts_a_bucket() {
        // 10:50 UTC is 16:20 in Kolkata (+5:30, 22 quarters): its hour began at 16:00 = 10:30 UTC.
        assert_eq!(hour_of(10 * 3600 + 50 * 60, 22), 10 * 3600 + 30 * 60);
        for offset in -48..=56 {
            for time_s in (100_000..110_000).step_by(7) {
                let (bucket, hour) = (bucket_of(time_s), hour_of(time_s, offset));
                assert!(hour <= time_s && time_s - hour < 3600);
                assert_eq!(hour, hour_of(bucket, offset), "a bucket lies in one hour");
            }
        }
    }
}
