//! Which days a question is about, in the site's zone.
//!
//! | `date_range` | days |
//! |---|---|
//! | `"day"` | today |
//! | `"7d"`, `"28d"`, `"30d"`, `"91d"`, `"<n>d"` | the n days up to yesterday |
//! | `"month"` | this month up to today |
//! | `"6mo"`, `"12mo"`, `"<n>mo"` | the n whole months before this one |
//! | `"year"` | this year up to today |
//! | `"all"` | from the first day with a visit up to today |
//! | `["2026-11-01", "2026-11-07"]` | from the first date to the second, both included |

use jiff::civil::Date;
use schema::day::Day;
use schema::zone::Zone;
use serde_json::Value;

/// More days than this are not answered at once.
pub const DAYS_MAX: i32 = 3_660;

const KNOWN: &str = "day, 7d, 28d, 30d, 91d, <n>d, month, 6mo, 12mo, <n>mo, year, all, or [\"2026-11-01\", \
                     \"2026-11-07\"]";

/// Days as they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateRange {
    /// Today.
    Today,
    /// So many days up to yesterday.
    Days(i32),
    /// This month up to today.
    Month,
    /// So many whole months before this one.
    Months(i32),
    /// This year up to today.
    Year,
    /// From the first day there is.
    All,
    /// From the first to the second, both included.
    Between(Day, Day),
}

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub first: Day,
    /// The last.
    pub last: Day,
}

impl Days {
    /// Whether it is one day only.
    pub fn is_one(self) -> bool {
        self.first == self.last
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Day> {
        (self.first.0..=self.last.0).map(Day)
    }
}

impl DateRange {
    /// Reads the value of `date_range`; the error is a sentence for the one who asks.
    pub fn parse(value: &Value) -> Result<DateRange, String> {
        match value {
            Value::String(text) => named(text),
            Value::Array(ends) => match ends.as_slice() {
                [Value::String(first), Value::String(last)] => between(first, last),
                _ => Err(format!("date_range must be two dates or a word: {KNOWN}")),
            },
            _ => Err(format!("date_range must be one of {KNOWN}")),
        }
    }

    /// The days that are meant today; `stored` is the first day the site has.
    pub fn days(self, today: Day, stored: Option<Day>) -> Days {
        let month = |back: i32| Day::of(first_of_month(today.date(), back));
        let (first, last) = match self {
            DateRange::Today => (today, today),
            DateRange::Days(n) => (today.plus(-n), today.plus(-1)),
            DateRange::Month => (month(0), today),
            DateRange::Months(n) => (month(n), month(0).plus(-1)),
            DateRange::Year => (Day::of(Date::new(today.date().year(), 1, 1).unwrap_or(today.date())), today),
            DateRange::All => (stored.unwrap_or(today).max(today.plus(1 - DAYS_MAX)).min(today), today),
            DateRange::Between(first, last) => (first, last),
        };
        Days { first, last }
    }
}

fn named(text: &str) -> Result<DateRange, String> {
    let number = |unit: &str, max: i32| -> Option<Result<i32, String>> {
        let digits = text.strip_suffix(unit)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let n = digits.parse().ok().filter(|n| (1..=max).contains(n));
        Some(n.ok_or_else(|| format!("date_range {text} must be from 1{unit} to {max}{unit}")))
    };
    if let Some(days) = number("d", DAYS_MAX) {
        return days.map(DateRange::Days);
    }
    if let Some(months) = number("mo", DAYS_MAX / 31) {
        return months.map(DateRange::Months);
    }
    match text {
        "day" => Ok(DateRange::Today),
        "month" => Ok(DateRange::Month),
        "year" => Ok(DateRange::Year),
        "all" => Ok(DateRange::All),
        "24h" => Err("date_range 24h cuts days in two, and a day is the smallest thing kept: ask for day".to_owned()),
        "30m" | "realtime" => {
            Err("date_range cannot be finer than a day: ask for day, with the dimension time:hour".to_owned())
        }
        _ => Err(format!("date_range must be one of {KNOWN}")),
    }
}

fn between(first: &str, last: &str) -> Result<DateRange, String> {
    let day = |text: &str| -> Result<Day, String> {
        if text.contains(['T', ' ']) {
            return Err(format!("date_range takes dates, not times: ask for \"{}\"", date_of(text)));
        }
        let day = text.parse::<Day>().ok().filter(|day| text.len() == 10 && day.clickhouse().is_some());
        day.ok_or_else(|| "date_range takes dates from 1970 to 2149, like \"2026-11-01\"".to_owned())
    };
    let (first, last) = (day(first)?, day(last)?);
    if first > last {
        return Err(format!("date_range begins after it ends: ask for [\"{last}\", \"{first}\"]"));
    }
    if last.0 - first.0 >= DAYS_MAX {
        return Err(format!("date_range is at most {DAYS_MAX} days long: ask in parts, and add them up"));
    }
    Ok(DateRange::Between(first, last))
}

/// The date a time begins with, if it is one; what was asked is not repeated otherwise.
fn date_of(text: &str) -> String {
    let date = text.get(..10).and_then(|date| date.parse::<Day>().ok());
    date.map_or_else(|| "2026-11-01".to_owned(), |date| date.to_string())
}

fn first_of_month(date: Date, back: i32) -> Date {
    let months = i32::from(date.year()) * 12 + i32::from(date.month()) - 1 - back;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    let (year, month) = (i16::try_from(year).unwrap_or(1), i8::try_from(month).unwrap_or(1));
    Date::new(year, month, 1).unwrap_or(date)
}

/// A moment as the site's clock shows it: `2026-11-01T00:00:00+01:00`.
pub fn moment(zone: &Zone, time_s: i64) -> String {
    let quarters = zone.at(time_s).offset_quarters;
    let (day, second) = local(zone, time_s);
    let offset = i32::from(quarters) * 15;
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
    format!("{day}T{}{sign}{hours:02}:{minutes:02}", clock(second))
}

/// An hour as the site's clock shows it: `2026-11-01 13:00:00`.
pub fn hour(zone: &Zone, time_s: i64) -> String {
    let (day, second) = local(zone, time_s);
    format!("{day} {}", clock(second))
}

/// The local date, and the seconds the clock on the wall shows since its midnight.
fn local(zone: &Zone, time_s: i64) -> (Day, i64) {
    let shown = time_s + i64::from(zone.at(time_s).offset_quarters) * 900;
    (Day(i32::try_from(shown.div_euclid(86_400)).unwrap_or(0)), shown.rem_euclid(86_400))
}

fn clock(second: i64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
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

#[cfg(test)]
mod tests;
