//! The fates of the lines. Each line has exactly one.
//!
//! Of a bad line only the log, the number and the error are kept, never its text: it may hold an address.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schema::day::Day;
use schema::fate::Refusal;

use super::line::LineError;

/// How many bad lines are kept for the summary.
const BAD_LINES_MAX: usize = 5;

/// The number of lines of each fate.
#[derive(Debug, Default, Clone)]
pub(super) struct LineFates {
    /// Whole lines that were read and not imported before.
    pub(super) lines: u64,
    /// Lines counted as page views.
    pub(super) pageviews: u64,
    /// Lines counted as errors.
    pub(super) errors: u64,
    /// Lines that were refused, by reason.
    pub(super) refused: BTreeMap<Refusal, u64>,
    /// Lines refused as robots, by the robot's name.
    pub(super) crawlers: BTreeMap<&'static str, u64>,
    /// Lines with a syntax error.
    pub(super) malformed: u64,
    /// Lines of dates that are no longer kept.
    pub(super) too_old: u64,
    /// Lines left for a later import.
    pub(super) not_yet_closed: u64,
    /// Logs whose last line has no newline yet. Such a line is not among `lines`.
    pub(super) unfinished: u64,
    /// Lines that were counted, but came so late that their visitors count a second time.
    pub(super) late: u64,
    /// The first and the last date of the lines that were counted or refused.
    pub(super) dates: Option<(Day, Day)>,
    /// The first few bad lines.
    pub(super) bad: Vec<BadLine>,
    /// Logs that were not read to their end, because a date was not yet closed.
    pub(super) stops: Vec<UnclosedDate>,
}

/// The place of a bad line, and its error.
#[derive(Debug, Clone)]
pub(super) struct BadLine {
    pub(super) log: PathBuf,
    pub(super) line: u64,
    pub(super) error: LineError,
}

/// The first line of a date that is not yet closed.
#[derive(Debug, Clone)]
pub(super) struct UnclosedDate {
    pub(super) log: PathBuf,
    pub(super) line: u64,
    pub(super) day: Day,
}

impl LineFates {
    /// Counts a line with a syntax error.
    pub(super) fn malformed(&mut self, log: &Path, line: u64, error: LineError) {
        self.malformed += 1;
        if self.bad.len() < BAD_LINES_MAX {
            self.bad.push(BadLine { log: log.to_owned(), line, error });
        }
    }

    /// Counts a refused line.
    pub(super) fn refused(&mut self, reason: Refusal, crawler: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
        if !crawler.is_empty() {
            *self.crawlers.entry(crawler).or_default() += 1;
        }
    }

    /// Extends the range of dates by `day`.
    pub(super) fn include(&mut self, day: Day) {
        self.dates = Some(self.dates.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
    }
}
