//! How moments and hours are written in answers: as local times of the site.

use jiff::Timestamp;
use jiff::tz::Offset;
use schema::day::Day;
use schema::zone::Zone;

/// A moment with its offset: `2026-11-01T00:00:00+01:00`.
pub fn moment(zone: &Zone, time_s: i64) -> String {
    let (time, offset) = at(zone, time_s);
    time.display_with_offset(offset).to_string()
}

/// An hour: `2026-11-01 13:00:00`.
pub fn hour(zone: &Zone, time_s: i64) -> String {
    let (time, offset) = at(zone, time_s);
    offset.to_datetime(time).strftime("%F %T").to_string()
}

/// The moment, and the zone's offset then in whole quarters of an hour, as events carry it.
fn at(zone: &Zone, time_s: i64) -> (Timestamp, Offset) {
    let offset_s = i32::from(zone.at(time_s).offset_quarters) * 900;
    (Timestamp::from_second(time_s).unwrap_or_default(), Offset::from_seconds(offset_s).unwrap_or(Offset::UTC))
}

/// The UTC seconds at which the local hours of a date begin, in order.
pub fn hours(zone: &Zone, day: Day) -> Vec<i64> {
    let (from, until) = (zone.begins_s(day), zone.ends_s(day));
    let hour = |time_s: i64| {
        let time = u32::try_from(time_s).unwrap_or(0);
        i64::from(schema::day::hour_of(time, zone.at(time_s).offset_quarters))
    };
    let mut hours: Vec<i64> = (from..until).step_by(900).map(hour).collect();
    hours.dedup();
    hours
}
