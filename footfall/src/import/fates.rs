//! What became of the lines: each has one fate.
//!
//! Of a bad line, its log, number and mistake are kept, never the line: it may hold an address.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schema::day::Day;
use schema::fate::Refusal;

use super::line::Bad;

/// Most bad lines that are kept to be shown.
const BAD_LINES_MAX: usize = 5;

/// How many lines had which fate.
#[derive(Debug, Default, Clone)]
pub(super) struct Fates {
    /// Whole lines read, of those not imported before.
    pub(super) lines: u64,
    /// Counted as page views.
    pub(super) pageviews: u64,
    /// Counted as errors.
    pub(super) errors: u64,
    /// Not counted, but kept as a number.
    pub(super) refused: BTreeMap<Refusal, u64>,
    /// Of those refused as robots: which.
    pub(super) crawlers: BTreeMap<&'static str, u64>,
    /// No lines of a log.
    pub(super) malformed: u64,
    /// Of dates that are kept no longer.
    pub(super) too_old: u64,
    /// Left for a later import.
    pub(super) not_yet_closed: u64,
    /// Logs whose last line has no end yet: it is no line yet, and not among `lines`.
    pub(super) unfinished: u64,
    /// Counted (they are among `lines` once), but so late that their visitors count again.
    pub(super) late: u64,
    /// The first and the last date of lines counted or refused.
    pub(super) dates: Option<(Day, Day)>,
    /// The first few bad lines.
    pub(super) bad: Vec<BadLine>,
    /// Where reading stopped before the end.
    pub(super) stops: Vec<Stop>,
}

/// Where a bad line is, and what is wrong with it.
#[derive(Debug, Clone)]
pub(super) struct BadLine {
    pub(super) log: PathBuf,
    pub(super) line: u64,
    pub(super) bad: Bad,
}

/// The first line of a date that is not yet closed.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    pub(super) log: PathBuf,
    pub(super) line: u64,
    pub(super) day: Day,
}

impl Fates {
    /// A line is none.
    pub(super) fn malformed(&mut self, log: &Path, line: u64, bad: Bad) {
        self.malformed += 1;
        if self.bad.len() < BAD_LINES_MAX {
            self.bad.push(BadLine { log: log.to_owned(), line, bad });
        }
    }

    /// A line was refused.
    pub(super) fn refused(&mut self, reason: Refusal, crawler: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
        if !crawler.is_empty() {
            *self.crawlers.entry(crawler).or_default() += 1;
        }
    }

    /// A line is of this day.
    pub(super) fn day(&mut self, day: Day) {
        self.dates = Some(self.dates.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
    }
}
