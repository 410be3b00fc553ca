//! One line of a server's log, taken apart. In come bytes; out goes what they say, or what is wrong with them.
//!
//! Nothing is judged here but syntax, nothing is copied, and nothing of the line is in what is said about it. A quoted
//! part may hold `\"`, as servers write it; escapes are left as they are.

use jiff::civil::Date;
use memchr::{memchr, memchr2};
use schema::day::Day;

use crate::cli::LogFormat;

/// What a line says. `Debug` is left out on purpose: it holds an address and a user agent.
pub(super) struct Request<'a> {
    /// Who asked: an address, or a host's name.
    pub(super) address: &'a [u8],
    /// When, in UTC seconds.
    pub(super) time_s: i64,
    /// `GET`.
    pub(super) method: &'a [u8],
    /// A path with its query, or a URL.
    pub(super) target: &'a [u8],
    /// Three digits.
    pub(super) status: &'a [u8],
    /// The page before; `None` if the format does not have it.
    pub(super) referrer: Option<&'a [u8]>,
    /// The user agent; `None` if the format does not have it.
    pub(super) agent: Option<&'a [u8]>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Bad {
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

/// Takes lines apart; remembers the last date, which the next line has too.
#[derive(Default)]
pub(super) struct Parser {
    date: Option<(DateText, i64)>,
}

/// `17/May/2015`.
type DateText = [u8; 11];

impl Parser {
    /// Takes a line apart; its newline is cut off already.
    pub(super) fn parse<'a>(&mut self, line: &'a [u8], format: LogFormat) -> Result<Request<'a>, Bad> {
        let line = line.trim_ascii_end();
        let (address, rest) = word(line).ok_or(Bad::Beginning)?;
        let (_ident, rest) = word(rest).ok_or(Bad::Beginning)?;
        // A user's name may hold spaces.
        let time = memchr(b'[', rest).ok_or(Bad::Beginning)? + 1;
        let (time_s, rest) = self.time(&rest[time..]).ok_or(Bad::Time)?;
        let (request, rest) = quoted(rest).ok_or(Bad::Request)?;
        let (method, target) = method_and_target(request).ok_or(Bad::Request)?;
        let (status, rest) = status_and_size(rest).ok_or(Bad::Status)?;
        let (referrer, agent) = match format {
            LogFormat::Common if rest.is_empty() => (None, None),
            LogFormat::Common => return Err(Bad::More),
            LogFormat::Combined => {
                let (referrer, agent) = referrer_and_agent(rest).ok_or(Bad::Agent)?;
                (Some(referrer), Some(agent))
            }
        };
        Ok(Request { address, time_s, method, target, status, referrer, agent })
    }

    /// Reads `17/May/2015:10:05:03 +0000] `.
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

    /// The date's first second, as if it were UTC's.
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

/// Up to the next space, and what comes after it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b' ', text).filter(|&end| end > 0)?;
    Some((&text[..end], &text[end + 1..]))
}

/// What stands in quotes, and what comes after them. A backslash takes the next byte with it.
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

/// Takes `GET /path HTTP/1.1` apart; the oldest clients name no version.
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

/// Reads ` 200 203023`; a size may be `-`.
fn status_and_size(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (status, rest) = text.strip_prefix(b" ")?.split_at_checked(3)?;
    let rest = rest.strip_prefix(b" ")?;
    let (size, rest) = rest.split_at(memchr(b' ', rest).unwrap_or(rest.len()));
    let is_size = size == b"-" || !size.is_empty() && size.iter().all(u8::is_ascii_digit);
    (status.iter().all(u8::is_ascii_digit) && is_size).then_some((status, rest))
}

/// Reads ` "referrer" "agent"`; whatever a server adds after a space is not looked at.
fn referrer_and_agent(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (referrer, rest) = quoted(text.strip_prefix(b" ")?)?;
    let (agent, rest) = quoted(rest.strip_prefix(b" ")?)?;
    (rest.is_empty() || rest.starts_with(b" ")).then_some((referrer, agent))
}

#[cfg(test)]
mod tests;
