//! Parses one line of a server's log. In: bytes. Out: the parts of the line, or what is wrong with it.
//!
//! Only the syntax is checked, and nothing is copied. An error holds nothing of the line, because a line has an
//! address. A quoted part may hold `\"`, as servers write it; escapes are not decoded.

use jiff::civil::Date;
use memchr::{memchr, memchr2};
use schema::day::Day;

use crate::cli::LogFormat;

/// The parts of a line. It has no `Debug`, because it holds an address and a user agent.
pub(super) struct LoggedRequest<'a> {
    /// The client: an address, or a host's name.
    pub(super) address: &'a [u8],
    /// The time of the request, in seconds since 1970 (UTC).
    pub(super) time_s: i64,
    /// The method, such as `GET`.
    pub(super) method: &'a [u8],
    /// The target: a path with its query, or a URL.
    pub(super) target: &'a [u8],
    /// The status: three digits.
    pub(super) status: &'a [u8],
    /// The referrer. `None` if the format does not have it.
    pub(super) referrer: Option<&'a [u8]>,
    /// The user agent. `None` if the format does not have it.
    pub(super) agent: Option<&'a [u8]>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("it does not begin with an address, a name and a time in brackets")]
    Beginning,
    #[error("the time is not like [17/May/2015:10:05:03 +0000]")]
    Time,
    #[error("the request is not like \"GET /path HTTP/1.1\", in quotes")]
    Request,
    #[error("after the request there is no status of three digits and no size")]
    Status,
    #[error("after the size there is no referrer and user agent, each in quotes (for logs without: --format common)")]
    Agent,
    #[error("something follows after the size (for logs with referrer and user agent: --format combined)")]
    More,
    #[error("it is longer than a line of a log can be")]
    TooLong,
}

/// Parses lines. It caches the last date, because the next line usually has the same one.
#[derive(Default)]
pub(super) struct LineParser {
    date: Option<(DateText, i64)>,
}

/// `17/May/2015`.
type DateText = [u8; 11];

impl LineParser {
    /// Parses a line without its newline.
    pub(super) fn parse<'a>(&mut self, line: &'a [u8], format: LogFormat) -> Result<LoggedRequest<'a>, LineError> {
        let line = line.trim_ascii_end();
        let (address, rest) = word(line).ok_or(LineError::Beginning)?;
        let (_ident, rest) = word(rest).ok_or(LineError::Beginning)?;
        // A user's name may contain spaces.
        let time = memchr(b'[', rest).ok_or(LineError::Beginning)? + 1;
        let (time_s, rest) = self.time(&rest[time..]).ok_or(LineError::Time)?;
        let (request, rest) = quoted(rest).ok_or(LineError::Request)?;
        let (method, target) = method_and_target(request).ok_or(LineError::Request)?;
        let (status, rest) = status_and_size(rest).ok_or(LineError::Status)?;
        let (referrer, agent) = match format {
            LogFormat::Common if rest.is_empty() => (None, None),
            LogFormat::Common => return Err(LineError::More),
            LogFormat::Combined => {
                let (referrer, agent) = referrer_and_agent(rest).ok_or(LineError::Agent)?;
                (Some(referrer), Some(agent))
            }
        };
        Ok(LoggedRequest { address, time_s, method, target, status, referrer, agent })
    }

    /// Parses `17/May/2015:10:05:03 +0000] `.
    fn time<'a>(&mut self, text: &'a [u8]) -> Option<(i64, &'a [u8])> {
        let (date, rest) = text.split_first_chunk::<11>()?;
        let (clock, rest) = rest.split_first_chunk::<15>()?;
        let &[b':', h, hh, b':', m, mm, b':', s, ss, b' ', sign, zh, zhh, zm, zmm] = clock else { return None };
        let rest = rest.strip_prefix(b"] ")?;
        let [hour, minute, second] = [number(&[h, hh], 23)?, number(&[m, mm], 59)?, number(&[s, ss], 59)?];
        let ahead_s = number(&[zh, zhh], 23)? * 3600 + number(&[zm, zmm], 59)? * 60;
        let local_s = self.midnight(date)? + hour * 3600 + minute * 60 + second;
        match sign {
            b'+' => Some((local_s - ahead_s, rest)),
            b'-' => Some((local_s + ahead_s, rest)),
            _ => None,
        }
    }

    /// The first second of the date, in UTC.
    fn midnight(&mut self, date: &DateText) -> Option<i64> {
        match self.date {
            Some((known, midnight)) if known == *date => Some(midnight),
            _ => {
                let midnight = i64::from(day(date)?.0) * 86_400;
                self.date = Some((*date, midnight));
                Some(midnight)
            }
        }
    }
}

fn day(date: &DateText) -> Option<Day> {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let &[d, dd, b'/', m, o, n, b'/', y, yy, yyy, yyyy] = date else { return None };
    let month = MONTHS.iter().position(|name| **name == [m, o, n])? as i8 + 1;
    let (year, day) = (number(&[y, yy, yyy, yyyy], 9999)?, number(&[d, dd], 31)?);
    Date::new(year as i16, month, day as i8).ok().map(Day::of)
}

fn number(digits: &[u8], max: i64) -> Option<i64> {
    let number = digits.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))?;
    (number <= max).then_some(number)
}

/// The bytes up to the next space, and the bytes after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b' ', text).filter(|&end| end > 0)?;
    Some((&text[..end], &text[end + 1..]))
}

/// The bytes in quotes, and the bytes after them. A backslash escapes the next byte.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let at = from + memchr2(b'"', b'\\', inner.get(from..)?)?;
        if inner[at] == b'"' {
            return Some((&inner[..at], &inner[at + 1..]));
        }
        from = at + 2;
    }
}

/// Parses `GET /path HTTP/1.1`. The oldest clients send no version.
fn method_and_target(request: &[u8]) -> Option<(&[u8], &[u8])> {
    let (method, rest) = word(request)?;
    let target = match word(rest) {
        Some((target, version)) if is_version(version) => target,
        Some(_) => return None,
        None => rest,
    };
    let is_method = method.iter().all(u8::is_ascii_uppercase);
    let is_target = !target.is_empty() && !target.iter().any(u8::is_ascii_whitespace);
    (is_method && is_target).then_some((method, target))
}

fn is_version(text: &[u8]) -> bool {
    match text.strip_prefix(b"HTTP/") {
        Some([major]) => major.is_ascii_digit(),
        Some([major, b'.', minor]) => major.is_ascii_digit() && minor.is_ascii_digit(),
        Some(_) | None => false,
    }
}

/// Parses ` 200 203023`. The size may be `-`.
fn status_and_size(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (status, rest) = text.strip_prefix(b" ")?.split_at_checked(3)?;
    let rest = rest.strip_prefix(b" ")?;
    let (size, rest) = rest.split_at(memchr(b' ', rest).unwrap_or(rest.len()));
    let is_size = size == b"-" || !size.is_empty() && size.iter().all(u8::is_ascii_digit);
    (status.iter().all(u8::is_ascii_digit) && is_size).then_some((status, rest))
}

/// Parses ` "referrer" "agent"`. Fields that a server adds after them are ignored.
fn referrer_and_agent(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (referrer, rest) = quoted(text.strip_prefix(b" ")?)?;
    let (agent, rest) = quoted(rest.strip_prefix(b" ")?)?;
    (rest.is_empty() || rest.starts_with(b" ")).then_some((referrer, agent))
}

#[cfg(test)]
mod tests;
