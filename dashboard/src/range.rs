//! Which days a question is about, in the site's time zone.
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

pub mod labels;

use jiff::ToSpan;
use schema::day::Day;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Most days in one answer.
pub const DAYS_MAX: i32 = 3_660;

const KNOWN: &str = "day, 7d, 28d, 30d, 91d, <n>d, month, 6mo, 12mo, <n>mo, year, all, or [\"2026-11-01\", \
                     \"2026-11-07\"]";

/// Days as they were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "DateRangeShape")]
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
    /// From the first day with a visit up to today.
    All,
    /// From the first to the second, both included.
    Between(Day, Day),
}

/// The JSON shapes of `date_range`: two that are valid, and two that get a sentence.
#[derive(Deserialize)]
#[serde(untagged)]
enum DateRangeShape {
    Word(String),
    Dates(String, String),
    OtherList(#[expect(dead_code, reason = "only its shape counts")] Vec<IgnoredAny>),
    Other(IgnoredAny),
}

impl TryFrom<DateRangeShape> for DateRange {
    /// A sentence for the client.
    type Error = String;

    fn try_from(shape: DateRangeShape) -> Result<DateRange, String> {
        match shape {
            DateRangeShape::Word(text) => named(&text),
            DateRangeShape::Dates(first, last) => between(&first, &last),
            DateRangeShape::OtherList(_) => Err(format!("date_range must be two dates or a word: {KNOWN}")),
            DateRangeShape::Other(_) => Err(format!("date_range must be one of {KNOWN}")),
        }
    }
}

impl PartialSchema for DateRange {
    fn schema() -> RefOr<Schema> {
        let word = ObjectBuilder::new().schema_type(Type::String).description(Some(KNOWN));
        let date = ObjectBuilder::new().schema_type(Type::String).description(Some("A date, like 2026-11-01"));
        let dates = ArrayBuilder::new().items(date).min_items(Some(2)).max_items(Some(2));
        OneOfBuilder::new().description(Some("A word, or the first and the last date")).item(word).item(dates).into()
    }
}

impl ToSchema for DateRange {}

/// Days from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DaySpan {
    /// The first.
    pub first: Day,
    /// The last.
    pub last: Day,
}

impl DaySpan {
    /// Whether it is one day only.
    pub fn is_one(self) -> bool {
        self.first == self.last
    }

    /// Each day, in order.
    pub fn iter(self) -> impl Iterator<Item = Day> {
        (self.first.0..=self.last.0).map(Day)
    }
}

impl DateRange {
    /// The days that are meant on `today`. `stored`: the first day on which the site had a visit.
    pub fn days(self, today: Day, stored: Option<Day>) -> DaySpan {
        let this_month = today.date().first_of_month();
        let (first, last) = match self {
            DateRange::Today => (today, today),
            DateRange::Days(n) => (today.plus(-n), today.plus(-1)),
            DateRange::Month => (Day::of(this_month), today),
            DateRange::Months(n) => (Day::of(this_month.saturating_sub(n.months())), Day::of(this_month).plus(-1)),
            DateRange::Year => (Day::of(today.date().first_of_year()), today),
            DateRange::All => (stored.unwrap_or(today).max(today.plus(1 - DAYS_MAX)).min(today), today),
            DateRange::Between(first, last) => (first, last),
        };
        DaySpan { first, last }
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

/// The date that a time begins with. If it begins with none, an example: the sentence does not repeat what was sent.
fn date_of(text: &str) -> String {
    let date = text.get(..10).and_then(|date| date.parse::<Day>().ok());
    date.map_or_else(|| "2026-11-01".to_owned(), |date| date.to_string())
}

#[cfg(test)]
mod tests;
