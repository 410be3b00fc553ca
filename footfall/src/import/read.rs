//! Reads the logs, line by line: in come files, out go days of anonymous events, and what became of each line.
//!
//! ```text
//! source -> line -> calendar -> rules -> ingest's stages (admit, enrich, anonymise) -> days -> whoever folds them
//! ```
//!
//! It runs on a thread of its own. Of who asked, nothing is left after `ingest::lines`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indicatif::ProgressBar;
use ingest::client::Prefix;
use ingest::enrich::place::{Geo, Places};
use ingest::fate::NotStored;
use ingest::lines::{Line, Lines};
use schema::day::Day;
use schema::event::Kind;
use schema::fate::{Fault, Refusal};
use schema::sites::Site;
use tokio::sync::mpsc::Sender;

use super::calendar::{Calendar, When};
use super::day::OneDay;
use super::days::Days;
use super::fates::{Fates, Stop};
use super::known::Known;
use super::line::{Bad, Parser};
use super::rules::{self, Verdict};
use super::source::{Next, Source};

use crate::cli::Format;

/// What stands for the user agent where the format has none: neither a browser nor a robot, which none at all would be.
const NO_AGENT: &[u8] = b"(not logged)";
const DAY_S: i64 = 86_400;

/// Why reading stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// A log could not be read.
    #[error("{0}: {1}; nothing of this import is counted")]
    Io(PathBuf, io::Error),
    /// Nothing in it is a line of a log.
    #[error(
        "{log}: none of its {lines} lines is of a log in this format; the first: {bad}. Nothing of this import is counted"
    )]
    NoLog {
        /// Which.
        log: PathBuf,
        /// All of them.
        lines: u64,
        /// What is wrong with the first.
        bad: Bad,
    },
    /// No tag can be made.
    #[error("{0}; nothing of this import is counted")]
    Fault(#[from] Fault),
    /// Whoever folds the days has ended; it says why.
    #[error("the statistics ended")]
    Gone,
}

/// How logs of one site are to be read.
pub(super) struct Reading {
    pub(super) site: Arc<Site>,
    /// Where addresses are, if the operator has a file of that.
    pub(super) geo: Option<Arc<Geo>>,
    pub(super) format: Format,
    pub(super) shift_days: i32,
    pub(super) calendar: Calendar,
    pub(super) known: Known,
    pub(super) days: Days,
    /// Whoever folds them.
    pub(super) out: Sender<OneDay>,
    pub(super) progress: ProgressBar,
}

/// What reading came to, once all days are out.
pub(super) struct Read {
    pub(super) known: Known,
    pub(super) fates: Fates,
}

/// What became of a line.
enum Fate {
    Taken,
    Malformed(Bad),
    NotYetClosed(Day),
}

struct Reader {
    reading: Reading,
    parser: Parser,
    lines: Lines,
    fates: Fates,
    /// The date of the last line that has one: what dates a bad line after it.
    day: Option<Day>,
    /// Bad lines before the first that has a date.
    undated: u64,
}

impl Reading {
    /// Reads all logs, in this order, then gives out the days.
    pub(super) fn read(self, logs: &[PathBuf]) -> Result<Read, ReadError> {
        let lines = Lines::new(Arc::clone(&self.site), Places::new(self.geo.clone()));
        let (parser, fates) = (Parser::default(), Fates::default());
        let mut reader = Reader { reading: self, parser, lines, fates, day: None, undated: 0 };
        for log in logs {
            reader.log(log)?;
        }
        let Reader { mut reading, mut fates, .. } = reader;
        reading.progress.set_message("counting");
        reading.progress.set_length(reading.days.len() as u64);
        reading.progress.set_position(0);
        reading.progress.reset_eta();
        while let Some(day) = reading.days.first() {
            reading.send(day)?;
        }
        fates.late = reading.days.late();
        Ok(Read { known: reading.known, fates })
    }

    fn send(&self, day: OneDay) -> Result<(), ReadError> {
        self.out.blocking_send(day).map_err(|_| ReadError::Gone)
    }
}

impl Reader {
    /// Reads what is new in a log, up to its end or to the first line of a date not yet closed.
    fn log(&mut self, log: &Path) -> Result<(), ReadError> {
        let io = |error| ReadError::Io(log.to_owned(), error);
        let file = File::open(log).map_err(io)?;
        let mut source = Source::open(self.reading.progress.wrap_read(file)).map_err(io)?;
        let bytes_before = self.reading.known.bytes_done(source.head());
        let lines_before = source.skip_to(bytes_before).map_err(io)?;
        let (mut bytes_done, mut lines, mut malformed, mut first_bad) = (bytes_before, 0, 0, None);
        loop {
            let fate = match source.next().map_err(io)? {
                Next::Line(line) => self.line(line)?,
                Next::TooLong => Fate::Malformed(Bad::TooLong),
                Next::End { unfinished } => {
                    self.fates.unfinished += u64::from(unfinished);
                    break;
                }
            };
            lines += 1;
            match fate {
                Fate::Taken => {}
                Fate::Malformed(bad) => {
                    malformed += 1;
                    first_bad = first_bad.or(Some(bad));
                    self.malformed(log, lines_before + lines, bad);
                }
                Fate::NotYetClosed(day) => {
                    let left = 1 + source.count_rest().map_err(io)?;
                    self.fates.lines += left - 1;
                    self.fates.not_yet_closed += left;
                    self.fates.stops.push(Stop { log: log.to_owned(), line: lines_before + lines, day });
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
            self.reading.known.add(source.head(), bytes_done);
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<Fate, ReadError> {
        let request = match self.parser.parse(line, self.reading.format) {
            Ok(request) => request,
            Err(bad) => return Ok(Fate::Malformed(bad)),
        };
        let time_s = request.time_s + i64::from(self.reading.shift_days) * DAY_S;
        let day = match self.reading.calendar.when(time_s) {
            When::Closed(day) => day,
            When::NotYetClosed(day) => return Ok(Fate::NotYetClosed(day)),
            When::TooOld => {
                self.fates.too_old += 1;
                return Ok(Fate::Taken);
            }
        };
        self.fates.day(day);
        self.day = Some(day);
        if self.undated > 0 {
            self.reading.days.refuse(day, Refusal::Malformed, "", std::mem::take(&mut self.undated));
        }
        let status = String::from_utf8_lossy(request.status);
        let (kind, name) = match rules::judge(&request) {
            Verdict::View => (Kind::Pageview, ""),
            Verdict::Error => (Kind::Error, &*status),
            Verdict::Refused(reason) => {
                self.refuse(day, reason, "");
                return Ok(Fate::Taken);
            }
        };
        let walked = self.lines.walk(Line {
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
                    _ => self.fates.errors += 1, // a log tells of no other
                }
                if let Some(day) = self.reading.days.push(&event) {
                    self.reading.send(day)?;
                }
            }
            Err(NotStored::Refused(refused)) => self.refuse(day, refused.reason, refused.crawler),
            Err(NotStored::Failed(fault)) => return Err(fault.into()),
        }
        Ok(Fate::Taken)
    }

    fn refuse(&mut self, day: Day, reason: Refusal, crawler: &'static str) {
        self.fates.refused(reason, crawler);
        self.reading.days.refuse(day, reason, crawler, 1);
    }

    /// A bad line has no date: it is counted with the line before it.
    fn malformed(&mut self, log: &Path, line: u64, bad: Bad) {
        self.fates.malformed(log, line, bad);
        match self.day {
            Some(day) => self.reading.days.refuse(day, Refusal::Malformed, "", 1),
            None => self.undated += 1,
        }
    }
}
