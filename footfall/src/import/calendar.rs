//! The site's calendar: the date of a line, and whether that date can be imported now.

use jiff::Span;
use schema::day::{BUCKET_S, Day};
use schema::zone::{Zone, last_day_over};

use crate::closing::CLOSE_AFTER_S;

/// How long statistics are kept, in months.
const MONTHS_KEPT: i32 = 24;

/// The site's calendar, as of now.
pub(super) struct Calendar {
    zone: Zone,
    oldest: Day,
    last_closed: Day,
    /// The quarter hour of the last line, and its date: lines of a log follow each other closely.
    last: Option<(i64, Day)>,
}

/// A date, and whether it can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateState {
    /// Statistics of this date are no longer kept.
    TooOld,
    /// The date is closed, so it can be imported.
    Closed(Day),
    /// Live hits may still arrive for this date, so it cannot be imported yet.
    NotYetClosed(Day),
}

impl Calendar {
    /// `zone` is the site's; `zones` are those of all configured sites.
    pub(super) fn new(zone: &Zone, zones: &[Zone], now_s: i64) -> Calendar {
        let today = zone.at(now_s).day;
        let oldest = Day::of(today.date().saturating_sub(Span::new().months(MONTHS_KEPT)));
        // There is a zone, because there is a site.
        let last_closed = last_day_over(zones, now_s, CLOSE_AFTER_S).unwrap_or(oldest);
        Calendar { zone: zone.clone(), oldest, last_closed, last: None }
    }

    /// The first date that is kept.
    pub(super) fn oldest(&self) -> Day {
        self.oldest
    }

    /// The date of a time, and whether it can be imported.
    pub(super) fn date_state(&mut self, time_s: i64) -> DateState {
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
            DateState::NotYetClosed(day)
        } else if day < self.oldest {
            DateState::TooOld
        } else {
            DateState::Closed(day)
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
            assert_eq!(calendar.date_state(over - 1), DateState::Closed(closed), "{now}");
            assert_eq!(calendar.date_state(over), DateState::NotYetClosed(closed.plus(1)), "{now}");
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
            assert_eq!(calendar.date_state(begins), DateState::Closed(oldest), "{now}");
            assert_eq!(calendar.date_state(begins - 1), DateState::TooOld, "{now}");
        }
    }
}
