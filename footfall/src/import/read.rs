//! Reads the logs line by line. In: files. Out: days of anonymous events, and the fate of each line.
//!
//! ```text
//! source -> line -> calendar -> rules -> ingest's stages (admit, enrich, anonymise) -> days -> the fold
//! ```
//!
//! It runs on a thread of its own. After `ingest::lines`, no address and no user agent is left.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use ingest::client::Prefix;
use ingest::enrich::place::{Geo, Places};
use ingest::fate::NotStored;
use ingest::lines::{LogLine, LogLines};
use schema::day::Day;
use schema::event::Kind;
use schema::fate::{Fault, Refusal};
use schema::sites::Site;
use tokio::sync::mpsc::Sender;

use super::calendar::{Calendar, DateState};
use super::day::OneDay;
use super::days::Days;
use super::fates::{LineFates, UnclosedDate};
use super::known::Known;
use super::line::{LineError, LineParser};
use super::rules::{self, Verdict};
use super::source::{LogFile, NextLine};

use crate::cli::LogFormat;

/// The user agent of lines whose format has none. It is neither a browser nor a robot; an empty one would be a robot.
const NO_AGENT: &[u8] = b"(not logged)";
const DAY_S: i64 = 86_400;

/// Why reading failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// A log could not be read.
    #[error("{0}: {1}; nothing of this import is counted")]
    Io(PathBuf, io::Error),
    /// No line of the file has the format of a log.
    #[error(
        "{log}: none of its {lines} lines is of a log in this format; the first: {bad}. Nothing of this import is counted"
    )]
    NoLog {
        /// The file.
        log: PathBuf,
        /// The number of its lines.
        lines: u64,
        /// What is wrong with the first line.
        bad: LineError,
    },
    /// No visitor tag could be made.
    #[error("{0}; nothing of this import is counted")]
    Fault(#[from] Fault),
    /// The fold has ended. Its own error names the cause.
    #[error("the statistics ended")]
    Gone,
}

/// What is needed to read the logs of one site.
pub(super) struct ReadTask {
    pub(super) site: Arc<Site>,
    /// The geo file, if the configuration names one.
    pub(super) geo: Option<Arc<Geo>>,
    pub(super) format: LogFormat,
    pub(super) shift_days: i32,
    pub(super) calendar: Calendar,
    pub(super) known: Known,
    pub(super) days: Days,
    /// Where days go to be folded.
    pub(super) out: Sender<OneDay>,
    pub(super) progress: ProgressBar,
}

/// The result of reading, after all days were sent.
pub(super) struct ReadResult {
    pub(super) known: Known,
    pub(super) fates: LineFates,
}

/// The fate of a line.
enum LineFate {
    Taken,
    Malformed(LineError),
    NotYetClosed(Day),
}

struct LogReader {
    task: ReadTask,
    parser: LineParser,
    lines: LogLines,
    fates: LineFates,
    /// The date of the last good line. LineError lines have no date and are counted under this one.
    day: Option<Day>,
    /// LineError lines before the first good line.
    undated: u64,
}

impl ReadTask {
    /// Reads all logs in this order, then sends the days that remain.
    pub(super) fn read(self, logs: &[PathBuf]) -> Result<ReadResult, ReadError> {
        let lines = LogLines::new(Arc::clone(&self.site), Places::new(self.geo.clone()));
        let (parser, fates) = (LineParser::default(), LineFates::default());
        let mut reader = LogReader { task: self, parser, lines, fates, day: None, undated: 0 };
        for log in logs {
            reader.read_log(log)?;
        }
        let LogReader { mut task, mut fates, .. } = reader;
        task.progress.set_message("counting");
        task.progress.set_length(task.days.len() as u64);
        task.progress.set_position(0);
        task.progress.reset_eta();
        while let Some(day) = task.days.first() {
            task.send(day)?;
        }
        fates.late = task.days.late();
        Ok(ReadResult { known: task.known, fates })
    }

    fn send(&self, day: OneDay) -> Result<(), ReadError> {
        self.out.blocking_send(day).map_err(|_| ReadError::Gone)
    }
}

impl LogReader {
    /// Reads the new lines of a log, up to its end or to the first line of a date that is not yet closed.
    fn read_log(&mut self, log: &Path) -> Result<(), ReadError> {
        let io = |error| ReadError::Io(log.to_owned(), error);
        let file = File::open(log).map_err(io)?;
        let mut source = LogFile::open(self.task.progress.wrap_read(file)).map_err(io)?;
        let bytes_before = self.task.known.bytes_done(source.head());
        let lines_before = source.skip_to(bytes_before).map_err(io)?;
        let (mut bytes_done, mut lines, mut malformed, mut first_bad) = (bytes_before, 0, 0, None);
        loop {
            let fate = match source.next_line().map_err(io)? {
                NextLine::Line(line) => self.line(line)?,
                NextLine::TooLong => LineFate::Malformed(LineError::TooLong),
                NextLine::End { unfinished } => {
                    self.fates.unfinished += u64::from(unfinished);
                    break;
                }
            };
            lines += 1;
            match fate {
                LineFate::Taken => {}
                LineFate::Malformed(bad) => {
                    malformed += 1;
                    first_bad = first_bad.or(Some(bad));
                    self.malformed(log, lines_before + lines, bad);
                }
                LineFate::NotYetClosed(day) => {
                    let left = 1 + source.count_rest().map_err(io)?;
                    self.fates.lines += left - 1;
                    self.fates.not_yet_closed += left;
                    self.fates.stops.push(UnclosedDate { log: log.to_owned(), line: lines_before + lines, day });
                    break;
                }
            }
            bytes_done = source.position();
        }
        self.fates.lines += lines;
        if let Some(bad) = first_bad.filter(|_| malformed == lines && bytes_before == 0) {
            return Err(ReadError::NoLog { log: log.to_owned(), lines, bad });
        }
        if bytes_done > bytes_before {
            self.task.known.add(source.head(), bytes_done);
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<LineFate, ReadError> {
        let request = match self.parser.parse(line, self.task.format) {
            Ok(request) => request,
            Err(bad) => return Ok(LineFate::Malformed(bad)),
        };
        let time_s = request.time_s + i64::from(self.task.shift_days) * DAY_S;
        let day = match self.task.calendar.date_state(time_s) {
            DateState::Closed(day) => day,
            DateState::NotYetClosed(day) => return Ok(LineFate::NotYetClosed(day)),
            DateState::TooOld => {
                self.fates.too_old += 1;
                return Ok(LineFate::Taken);
            }
        };
        self.fates.include(day);
        self.day = Some(day);
        if self.undated > 0 {
            self.task.days.refuse(day, Refusal::Malformed, "", std::mem::take(&mut self.undated));
        }
        let status = String::from_utf8_lossy(request.status);
        let (kind, name) = match rules::judge(&request) {
            Verdict::View => (Kind::Pageview, ""),
            Verdict::Error => (Kind::Error, &*status),
            Verdict::Refused(reason) => {
                self.refuse(day, reason, "");
                return Ok(LineFate::Taken);
            }
        };
        let walked = self.lines.walk(LogLine {
            prefix: std::str::from_utf8(request.address).map_or(Prefix::UNKNOWN, Prefix::of_text),
            agent: request.agent.unwrap_or(NO_AGENT),
            referrer: &request.referrer.map(String::from_utf8_lossy).unwrap_or_default(),
            target: &String::from_utf8_lossy(request.target),
            time_s,
            kind,
            name,
        });
        match walked {
            Ok(event) => {
                match kind {
                    Kind::Pageview => self.fates.pageviews += 1,
                    _ => self.fates.errors += 1, // `rules::judge` makes no other kind
                }
                if let Some(day) = self.task.days.push(&event) {
                    self.task.send(day)?;
                }
            }
            Err(NotStored::Refused(refused)) => self.refuse(day, refused.reason, refused.crawler),
            Err(NotStored::Failed(fault)) => return Err(fault.into()),
        }
        Ok(LineFate::Taken)
    }

    fn refuse(&mut self, day: Day, reason: Refusal, crawler: &'static str) {
        self.fates.refused(reason, crawler);
        self.task.days.refuse(day, reason, crawler, 1);
    }

    /// A bad line has no date, so it is counted under the date of the line before it.
    fn malformed(&mut self, log: &Path, line: u64, bad: LineError) {
        self.fates.malformed(log, line, bad);
        match self.day {
            Some(day) => self.task.days.refuse(day, Refusal::Malformed, "", 1),
            None => self.undated += 1,
        }
    }
}
