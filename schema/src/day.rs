//! A site's local date, and the buckets of a quarter hour, which are the finest time that is ever stored.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

/// A local calendar date, as days since 1970-01-01. The site's configuration names the zone.
///
/// Nothing crosses days: a salt, a tag, a visit, a first and a round belong to one (site, day).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

const EPOCH: Date = Date::constant(1970, 1, 1);

impl Day {
    /// The calendar date. A day that a calendar cannot hold (before the year -9999 or after 9999) is clamped.
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

    /// The day as ClickHouse's `Date` (u16 days since 1970), if it is in that range.
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

    /// Parses `2026-11-24`.
    fn from_str(text: &str) -> Result<Day, jiff::Error> {
        text.parse::<Date>().map(Day::of)
    }
}

/// Length of a bucket: 15 minutes of UTC. No stored time is finer.
pub const BUCKET_S: u32 = 15 * 60;

/// The bucket that contains a moment, named by the UTC second at which it begins.
pub fn bucket_of(time_s: u32) -> u32 {
    time_s - time_s % BUCKET_S
}

/// The local hour that contains a moment, named by the UTC second at which it begins.
///
/// `offset_quarters` is the zone's offset from UTC at that moment, in quarter hours. So an hour always consists of
/// whole buckets.
pub fn hour_of(time_s: u32, offset_quarters: i8) -> u32 {
    let local = i64::from(time_s) + i64::from(offset_quarters) * i64::from(BUCKET_S);
    u32::try_from(i64::from(time_s) - local.rem_euclid(3600)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_and_parsed_as_its_date() {
        for (text, days) in [("1970-01-01", 0), ("2026-11-24", 20_781), ("1969-12-31", -1), ("2024-02-29", 19_782)] {
            assert_eq!(text.parse::<Day>().unwrap(), Day(days));
            assert_eq!(Day(days).to_string(), text);
        }
    }

    #[test]
    fn an_hour_begins_at_the_zones_full_hour_and_consists_of_whole_buckets() {
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
