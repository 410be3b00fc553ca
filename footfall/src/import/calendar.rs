//! Which date a line is of, and whether that date can be imported now.

use jiff::Span;
use schema::day::{BUCKET_S, Day};
use schema::zone::{Zone, last_day_over};

/// A date is closed so long after it is over in the last configured zone; until then, live hits may come for it.
const CLOSED_AFTER_S: i64 = 6 * 3600;
/// How long statistics are kept.
const MONTHS_KEPT: i32 = 24;

/// The site's calendar, as of now.
pub(super) struct Calendar {
    zone: Zone,
    oldest: Day,
    last_closed: Day,
    /// The date of the quarter hour last asked for.
    last: Option<(i64, Day)>,
}

/// What can be done with a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// It is kept no longer.
    TooOld,
    /// It can be imported.
    Closed(Day),
    /// It cannot be imported yet.
    NotYetClosed(Day),
}

impl Calendar {
    /// `zones` are all that are configured, `zone` is the site's.
    pub(super) fn new(zone: &Zone, zones: &[Zone], now_s: i64) -> Calendar {
        let today = zone.at(now_s).day;
        let oldest = Day::of(today.date().saturating_sub(Span::new().months(MONTHS_KEPT)));
        // Without any zone there would be no site either.
        let last_closed = last_day_over(zones, now_s, CLOSED_AFTER_S).unwrap_or(oldest);
        Calendar { zone: zone.clone(), oldest, last_closed, last: None }
    }

    /// The first date that is kept.
    pub(super) fn oldest(&self) -> Day {
        self.oldest
    }

    /// The date of a moment.
    pub(super) fn when(&mut self, time_s: i64) -> When {
        let bucket = time_s.div_euclid(i64::from(BUCKET_S));
        let day = match self.last {
            Some((of, day)) if of == bucket => day,
            _ => {
                let day = self.zone.at(time_s).day;
                self.last = Some((bucket, day));
                day
            }
        };
        if day > self.last_closed {
            When::NotYetClosed(day)
        } else if day < self.oldest {
            When::TooOld
        } else {
            When::Closed(day)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_date_is_closed_six_hours_after_it_is_over_in_the_last_zone() {
        let (paris, los_angeles) = (Zone::new("Europe/Paris").unwrap(), Zone::new("America/Los_Angeles").unwrap());
        let zones = [Zone::utc(), paris.clone(), los_angeles];
        // Midnight in Los Angeles is 08:00 UTC in winter.
        for (now, closed) in [("2026-11-24T13:59:59Z", "2026-11-22"), ("2026-11-24T14:00:00Z", "2026-11-23")] {
            let mut calendar = Calendar::new(&paris, &zones, seconds(now));
            let closed: Day = closed.parse().unwrap();
            assert_eq!(calendar.last_closed, closed, "{now}");
            let over = paris.ends_s(closed);
            assert_eq!(calendar.when(over - 1), When::Closed(closed), "{now}");
            assert_eq!(calendar.when(over), When::NotYetClosed(closed.plus(1)), "{now}");
        }
    }

    #[test]
    fn dates_are_kept_for_24_months() {
        let paris = Zone::new("Europe/Paris").unwrap();
        for (now, oldest) in [("2026-11-24T12:00:00Z", "2024-11-24"), ("2026-02-28T23:30:00Z", "2024-03-01")] {
            let mut calendar = Calendar::new(&paris, &[Zone::utc()], seconds(now));
            let oldest: Day = oldest.parse().unwrap();
            assert_eq!(calendar.oldest(), oldest, "{now}");
            let begins = paris.begins_s(oldest);
            assert_eq!(calendar.when(begins), When::Closed(oldest), "{now}");
            assert_eq!(calendar.when(begins - 1), When::TooOld, "{now}");
        }
    }
}
