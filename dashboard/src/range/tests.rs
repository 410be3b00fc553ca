use schema::zone::Zone;
use serde_json::{Value, json};

use super::labels::{hour, hours, moment};
use super::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn parse(value: &Value) -> Result<DateRange, String> {
    DateRange::deserialize(value).map_err(|error| error.to_string())
}

fn zone(name: &str) -> Zone {
    Zone::new(name).unwrap()
}

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn each_word_means_its_days() {
    let today = day("2026-03-15");
    for (word, first, last) in [
        ("day", "2026-03-15", "2026-03-15"),
        ("1d", "2026-03-14", "2026-03-14"),
        ("7d", "2026-03-08", "2026-03-14"),
        ("28d", "2026-02-15", "2026-03-14"),
        ("30d", "2026-02-13", "2026-03-14"),
        ("91d", "2025-12-14", "2026-03-14"),
        ("month", "2026-03-01", "2026-03-15"),
        ("1mo", "2026-02-01", "2026-02-28"),
        ("6mo", "2025-09-01", "2026-02-28"),
        ("12mo", "2025-03-01", "2026-02-28"),
        ("15mo", "2024-12-01", "2026-02-28"),
        ("year", "2026-01-01", "2026-03-15"),
        ("all", "2025-06-30", "2026-03-15"),
    ] {
        let range = parse(&json!(word)).unwrap();
        let days = range.days(today, Some(day("2025-06-30")));
        assert_eq!(days, DaySpan { first: day(first), last: day(last) }, "{word}");
    }
    let range = parse(&json!(["2024-02-28", "2024-03-01"])).unwrap();
    let days = range.days(today, None);
    assert_eq!(days.iter().map(|d| d.to_string()).collect::<Vec<_>>(), ["2024-02-28", "2024-02-29", "2024-03-01"]);
}

#[test]
fn all_of_a_site_without_visits_is_today_and_months_begin_on_their_first() {
    let today = day("2024-01-31");
    assert_eq!(DateRange::All.days(today, None), DaySpan { first: today, last: today });
    assert_eq!(DateRange::All.days(today, Some(today.plus(9))), DaySpan { first: today, last: today });
    let months = DateRange::Months(1).days(today, None);
    assert_eq!(months, DaySpan { first: day("2023-12-01"), last: day("2023-12-31") });
    assert!(DateRange::Month.days(day("2024-03-01"), None).is_one());
}

#[test]
fn another_value_is_refused_with_a_sentence() {
    for (value, words) in [
        (json!("yesterday"), "must be one of day, 7d"),
        (json!(7), "must be one of day, 7d"),
        (json!("d"), "must be one of"),
        (json!("-1d"), "must be one of"),
        (json!("+7d"), "must be one of"),
        (json!("0d"), "from 1d to 3660d"),
        (json!("3661d"), "from 1d to 3660d"),
        (json!("99999999999d"), "from 1d to 3660d"),
        (json!("0mo"), "from 1mo to 118mo"),
        (json!("24h"), "ask for day"),
        (json!("30m"), "ask for day"),
        (json!("realtime"), "ask for day"),
        (json!([]), "two dates"),
        (json!(["2026-11-01"]), "two dates"),
        (json!(["2026-11-01", 7]), "two dates"),
        (json!(["2026-11-01", "2026-11-02", "2026-11-03"]), "two dates"),
        (json!(["2026-11-31", "2026-12-01"]), "dates from 1970"),
        (json!(["1969-12-31", "1970-01-01"]), "dates from 1970"),
        (json!(["2026-11-01", "2150-01-01"]), "dates from 1970"),
        (json!(["20261101", "20261102"]), "dates from 1970"),
        (json!(["2026-11-01T00:00:00", "2026-11-02T00:00:00"]), "ask for \"2026-11-01\""),
        (json!(["2026-11-01T00:00:00Z", "2026-11-02"]), "ask for \"2026-11-01\""),
        (json!(["2026-11-02", "2026-11-01"]), "[\"2026-11-01\", \"2026-11-02\"]"),
        (json!(["2000-01-01", "2026-11-01"]), "at most 3660 days"),
    ] {
        let sentence = parse(&value).expect_err(&value.to_string());
        assert!(sentence.contains(words), "{value}: {sentence}");
    }
}

#[test]
fn a_moment_is_written_with_its_own_offset() {
    for (name, utc, want) in [
        ("UTC", "2026-11-01T12:30:15Z", "2026-11-01T12:30:15+00:00"),
        ("Europe/Paris", "2026-06-30T22:00:00Z", "2026-07-01T00:00:00+02:00"),
        ("Europe/Paris", "2026-10-25T00:59:59Z", "2026-10-25T02:59:59+02:00"),
        ("Europe/Paris", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00+01:00"),
        ("America/St_Johns", "2026-01-01T03:29:59Z", "2025-12-31T23:59:59-03:30"),
        ("Asia/Kathmandu", "2026-01-01T00:00:00Z", "2026-01-01T05:45:00+05:45"),
    ] {
        assert_eq!(moment(&zone(name), at(utc)), want);
    }
}

#[test]
fn a_day_has_as_many_hours_as_its_clocks_show() {
    for (name, date, count, some) in [
        ("UTC", "2026-03-29", 24, "2026-03-29 02:00:00"),
        ("Europe/Paris", "2026-03-29", 23, "2026-03-29 03:00:00"),
        ("Europe/Paris", "2026-10-25", 25, "2026-10-25 02:00:00"),
        ("Asia/Kolkata", "2026-03-29", 24, "2026-03-29 02:00:00"),
        ("America/New_York", "2026-11-01", 25, "2026-11-01 01:00:00"),
    ] {
        let zone = zone(name);
        let hours = hours(&zone, day(date));
        assert_eq!(hours.len(), count, "{name} {date}");
        assert_eq!(hours[0], zone.begins_s(day(date)));
        assert!(hours.is_sorted());
        let labels: Vec<String> = hours.iter().map(|at| hour(&zone, *at)).collect();
        assert!(labels.contains(&some.to_owned()), "{labels:?}");
        assert!(labels.iter().all(|label| label.starts_with(date)), "{labels:?}");
    }
    let paris = zone("Europe/Paris");
    let labels: Vec<String> = hours(&paris, day("2026-03-29")).iter().map(|at| hour(&paris, *at)).collect();
    assert!(!labels.contains(&"2026-03-29 02:00:00".to_owned()), "the clocks skip that hour");
}
