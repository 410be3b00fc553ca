//! The summary that an import prints: a table for people or JSON with all figures, and notes about what needs
//! attention.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use schema::day::Day;
use serde_json::{Value, json};

use super::fates::{BadLine, LineFates, UnclosedDate};

/// How many crawlers the table names. JSON has all of them.
const CRAWLERS_SHOWN: usize = 10;

/// The result of an import.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) site: u32,
    pub(super) domain: String,
    pub(super) shift_days: i32,
    /// The shard that was made. `None`: the logs had nothing new.
    pub(super) shard: Option<u32>,
    pub(super) fates: LineFates,
    /// Time from the first byte read to the last row inserted.
    pub(super) took: Duration,
    /// The oldest date that is kept.
    pub(super) oldest: Day,
}

impl Summary {
    /// One object. `pageviews`, `errors`, all of `refused`, `malformed`, `too_old` and `not_yet_closed` add up to
    /// `lines`.
    pub(super) fn json(&self) -> String {
        let fates = &self.fates;
        let refused: BTreeMap<&str, u64> =
            fates.refused.iter().map(|(reason, &lines)| (reason.label(), lines)).collect();
        let (first, last) = fates.dates.map(|(first, last)| (first.to_string(), last.to_string())).unzip();
        let bad: Vec<Value> = fates
            .bad
            .iter()
            .map(|BadLine { log, line, error }| json!({ "log": log.display().to_string(), "line": line, "says": error.to_string() }))
            .collect();
        let summary = json!({
            "site": self.site,
            "shard": self.shard,
            "shift_days": self.shift_days,
            "lines": fates.lines,
            "stored": fates.pageviews + fates.errors,
            "pageviews": fates.pageviews,
            "errors": fates.errors,
            "refused": refused,
            "crawlers": fates.crawlers,
            "malformed": fates.malformed,
            "too_old": fates.too_old,
            "not_yet_closed": fates.not_yet_closed,
            "unfinished": fates.unfinished,
            "late": fates.late,
            "first_date": first,
            "last_date": last,
            "bad_lines": bad,
            "seconds": (self.took.as_secs_f64() * 1000.0).round() / 1000.0,
            "lines_per_second": self.lines_per_second(),
        });
        format!("{summary:#}\n")
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes everything");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let Summary { site, domain, fates, .. } = self;
        if fates.lines == 0 {
            return writeln!(out, "nothing new for site {site} ({domain}): no line that was not imported before");
        }
        write!(out, "site {site} ({domain})")?;
        if let Some((first, last)) = fates.dates {
            write!(out, ", {first} to {last}")?;
        }
        match self.shard {
            Some(shard) => writeln!(out, ", imported as shard {shard}\n")?,
            None => writeln!(out, ", nothing to import yet\n")?,
        }
        let total = thousands(fates.lines);
        let width = total.len();
        for (name, lines) in self.rows() {
            writeln!(out, "  {name:<24}{:>width$}", thousands(lines))?;
        }
        writeln!(out, "  {:24}{:->width$}\n  {:24}{total}", "", "", "lines")?;
        self.write_crawlers(out)?;
        writeln!(out, "\n{:.1} s, {} lines/s", self.took.as_secs_f64(), thousands(self.lines_per_second()))
    }

    /// Each fate by its name, in the order of the rules.
    fn rows(&self) -> Vec<(String, u64)> {
        let fates = &self.fates;
        let mut rows = vec![("page views".to_owned(), fates.pageviews), ("errors".to_owned(), fates.errors)];
        rows.extend(fates.refused.iter().map(|(reason, &lines)| (format!("refused: {}", reason.label()), lines)));
        let rest =
            [("malformed", fates.malformed), ("too old", fates.too_old), ("not yet closed", fates.not_yet_closed)];
        rows.extend(rest.into_iter().filter(|(_, lines)| *lines > 0).map(|(name, lines)| (name.to_owned(), lines)));
        rows
    }

    fn write_crawlers(&self, out: &mut String) -> fmt::Result {
        let mut crawlers: Vec<(&str, u64)> = self.fates.crawlers.iter().map(|(name, &lines)| (*name, lines)).collect();
        if crawlers.is_empty() {
            return Ok(());
        }
        crawlers.sort_by_key(|(name, lines)| (Reverse(*lines), *name));
        let shown: Vec<String> =
            crawlers.iter().take(CRAWLERS_SHOWN).map(|(name, lines)| format!("{name} {}", thousands(*lines))).collect();
        let more = if crawlers.len() > shown.len() { ", ..." } else { "" };
        writeln!(out, "\n  robots: {}{more}", shown.join(", "))
    }

    /// What its owner should know, each in a sentence.
    pub(super) fn notes(&self) -> Vec<String> {
        let fates = &self.fates;
        let mut notes: Vec<String> =
            fates.bad.iter().map(|BadLine { log, line, error }| format!("{}:{line}: {error}", log.display())).collect();
        let more = fates.malformed - fates.bad.len() as u64;
        if more > 0 {
            notes.push(format!("and {} more bad lines", thousands(more)));
        }
        if fates.too_old > 0 {
            let (lines, oldest) = (thousands(fates.too_old), self.oldest);
            notes.push(format!(
                "{lines} lines are from before {oldest} and not counted: nothing is kept for more than 24 months \
                 (--shift DAYS moves a log in time)"
            ));
        }
        notes.extend(fates.stops.iter().map(|UnclosedDate { log, line, day }| {
            format!(
                "{}:{line}: the first line of {day}, which is not closed before 6 h after its end in the last \
                 configured time zone; this line and all after it are left for a later import",
                log.display()
            )
        }));
        if fates.unfinished > 0 {
            notes.push("a last line that does not end yet is left for a later import".to_owned());
        }
        if fates.late > 0 {
            let late = thousands(fates.late);
            notes.push(format!(
                "{late} page views and errors came too long after others of their date: their visitors count again"
            ));
        }
        notes
    }

    fn lines_per_second(&self) -> u64 {
        (self.fates.lines as f64 / self.took.as_secs_f64().max(0.001)) as u64
    }
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schema::fate::Refusal;

    use super::*;
    use crate::import::line::LineError;

    fn summary(fates: LineFates) -> Summary {
        Summary {
            site: 7,
            domain: "example.org".into(),
            shift_days: 0,
            shard: (fates.lines > 0).then_some(1003),
            fates,
            took: Duration::from_millis(2_500),
            oldest: Day(20_000),
        }
    }

    #[test]
    fn the_table_shows_each_fate_and_their_sum() {
        let mut fates = LineFates { lines: 1_234_567, pageviews: 1_200_000, errors: 1, ..LineFates::default() };
        fates.refused = BTreeMap::from([(Refusal::Asset, 30_000), (Refusal::Bot, 4_560)]);
        fates.crawlers = BTreeMap::from([("Bingbot", 560), ("Googlebot", 4_000)]);
        (fates.malformed, fates.too_old) = (2, 4);
        fates.include(Day(20_001));
        fates.include(Day(20_000));
        let want = "\
site 7 (example.org), 2024-10-04 to 2024-10-05, imported as shard 1003

  page views              1,200,000
  errors                          1
  refused: bot                4,560
  refused: asset             30,000
  malformed                       2
  too old                         4
                          ---------
  lines                   1,234,567

  robots: Googlebot 4,000, Bingbot 560

2.5 s, 493,826 lines/s
";
        assert_eq!(summary(fates).table(), want);
        assert!(summary(LineFates::default()).table().starts_with("nothing new for site 7"));
    }

    #[test]
    fn only_the_first_few_bad_lines_are_named() {
        let mut fates = LineFates::default();
        (1..=1_200).for_each(|line| fates.malformed(Path::new("a.log"), line, LineError::Time));
        let notes = summary(fates).notes();
        assert_eq!(notes.len(), 6);
        assert!(notes[0].starts_with("a.log:1: the time is not like"), "{}", notes[0]);
        assert_eq!(notes[5], "and 1,195 more bad lines");
    }
}
