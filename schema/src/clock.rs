//! The only place that reads the wall clock. Everything else is handed the time, or reads it in what it is sent.

/// Seconds since 1970-01-01T00:00:00Z by this machine's clock; 0 if the clock stands before that.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now_s() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// UTC seconds of a moment as text: RFC 3339 with its offset, or seconds since 1970 as they are.
pub fn seconds_of(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second))
}
