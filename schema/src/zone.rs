//! A site's time zone: from UTC seconds to the local date, and from a local date to the UTC seconds at which it begins.

use jiff::{Timestamp, tz::TimeZone};

use crate::day::{BUCKET_S, Day};

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// The local date of a zone at some moment, and its offset from UTC then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// The site's date.
    pub day: Day,
    /// The zone's offset from UTC then, in quarter hours. Historical offsets that are no quarter hours are rounded
    /// down.
    pub offset_quarters: i8,
}

/// The name is not in the IANA time zone database.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time zone of the IANA database (like `Europe/Paris`)")]
pub struct UnknownZone(String);

impl Zone {
    /// Finds the zone by its IANA name.
    pub fn new(name: &str) -> Result<Zone, UnknownZone> {
        let zone = TimeZone::get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        Ok(Zone { name: name.to_owned(), zone })
    }

    /// UTC.
    pub fn utc() -> Zone {
        Zone { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The local date and offset at a moment. All moments of one quarter hour have the same result.
    pub fn at(&self, time_s: i64) -> Local {
        let bucket = time_s - time_s.rem_euclid(i64::from(BUCKET_S));
        let moment = Timestamp::from_second(bucket).unwrap_or(Timestamp::UNIX_EPOCH);
        let offset_s = self.zone.to_offset(moment).seconds();
        let quarters = offset_s.div_euclid(BUCKET_S as i32);
        let local = bucket + i64::from(quarters) * i64::from(BUCKET_S);
        let day = i32::try_from(local.div_euclid(86_400)).unwrap_or(0);
        Local { day: Day(day), offset_quarters: i8::try_from(quarters).unwrap_or(0) }
    }

    /// The UTC second at which the local date begins.
    pub fn begins_s(&self, day: Day) -> i64 {
        match day.date().to_zoned_datetime(self.zone.clone()) {
            Ok(midnight) => midnight.timestamp().as_second(),
            Err(_) => i64::from(day.0) * 86_400,
        }
    }

    /// The UTC second at which the local date is over.
    pub fn ends_s(&self, day: Day) -> i64 {
        self.begins_s(day.plus(1))
    }
}

/// The last date that is over in every one of these zones for at least `grace_s` seconds.
pub fn last_day_over<'a>(zones: impl IntoIterator<Item = &'a Zone>, now_s: i64, grace_s: i64) -> Option<Day> {
    zones.into_iter().map(|zone| zone.at(now_s - grace_s).day.plus(-1)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_the_sites_own() {
        let (paris, auckland) = (Zone::new("Europe/Paris").unwrap(), Zone::new("Pacific/Auckland").unwrap());
        let t = "2026-06-30T22:30:00Z".parse::<Timestamp>().unwrap().as_second();
        assert_eq!(paris.at(t), Local { day: "2026-07-01".parse().unwrap(), offset_quarters: 8 });
        assert_eq!(auckland.at(t).day.to_string(), "2026-07-01");
        assert_eq!(Zone::utc().at(t).day.to_string(), "2026-06-30");
        assert!(Zone::new("Mars/Olympus").is_err());
    }

    #[test]
    fn a_day_holds_exactly_its_own_seconds() {
        for name in ["Europe/Paris", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "UTC", "Asia/Kathmandu"] {
            let zone = Zone::new(name).unwrap();
            for n in 0..800 {
                let day = "2025-01-01".parse::<Day>().unwrap().plus(n);
                let (from, until) = (zone.begins_s(day), zone.ends_s(day));
                assert!((23 * 3600..=25 * 3600).contains(&(until - from)), "{name} {day}");
                for (t, want) in [(from, day), (until - 1, day), (from - 1, day.plus(-1)), (until, day.plus(1))] {
                    assert_eq!(zone.at(t).day, want, "{name} {day} {t}");
                }
            }
        }
    }

    #[test]
    fn a_date_is_over_when_it_is_over_in_the_last_zone() {
        let zones = [Zone::new("Pacific/Auckland").unwrap(), Zone::new("America/Los_Angeles").unwrap()];
        let day: Day = "2026-11-20".parse().unwrap();
        let over = zones[1].ends_s(day);
        assert_eq!(last_day_over(&zones, over + 3600 * 6, 3600 * 6), Some(day));
        assert_eq!(last_day_over(&zones, over + 3600 * 6 - 1, 3600 * 6), Some(day.plus(-1)));
        assert_eq!(last_day_over([], 0, 0), None);
    }
}
