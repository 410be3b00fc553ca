//! The only place that reads the wall clock. Every other module gets the time as an argument, or from what it receives.

/// Seconds since 1970-01-01T00:00:00Z by this machine's clock; 0 if the clock is before that.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now_s() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Parses a moment to UTC seconds. The text is RFC 3339 with an offset, or seconds since 1970.
pub fn seconds_of(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second))
}
