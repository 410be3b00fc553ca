//! Writes a realistic web server log of invented visits: `traffic-log --from DATE --days N --out FILE`.
//!
//! The lines of a day depend only on the seed and the date. With `--append`, an existing log stays unchanged byte for
//! byte, and the missing days are added: `footfall import` identifies a log by its beginning and counts only the added
//! lines.

mod day;
mod random;
mod world;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use schema::day::Day;

/// Writes a realistic web server log (`combined`) of invented visits.
#[derive(Debug, Parser)]
struct Args {
    /// Another seed makes other visits
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first day, like 2026-11-10 (UTC)
    #[arg(long, value_name = "DATE")]
    from: Day,
    /// Number of days
    #[arg(long, value_name = "N")]
    days: u16,
    /// Approximate number of visitors on a weekday
    #[arg(long, value_name = "N", default_value_t = 800)]
    visitors_per_day: u64,
    /// Keep the content of FILE and add the days after its last day
    #[arg(long)]
    append: bool,
    /// The log file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let old = match fs::read_to_string(&args.out) {
        Ok(text) if args.append => text,
        Err(error) if args.append && error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        Ok(_) | Err(_) => String::new(),
    };
    let end = args.from.plus(i32::from(args.days));
    let mut day = last_day(&old)?.map_or(args.from, |last| last.plus(1));
    // The log is written to a second file and then renamed, so that no reader sees an incomplete log.
    let unfinished = args.out.with_extension("unfinished");
    let mut out = BufWriter::new(File::create(&unfinished)?);
    out.write_all(old.as_bytes())?;
    let mut lines = 0;
    while day < end {
        for line in day::lines(args.seed, day, args.visitors_per_day) {
            writeln!(out, "{line}")?;
            lines += 1;
        }
        day = day.plus(1);
    }
    finish(out, &unfinished, &args.out)?;
    println!("{lines} lines added to {}, up to {}", args.out.display(), end.plus(-1));
    Ok(())
}

fn finish(out: BufWriter<File>, unfinished: &Path, to: &Path) -> io::Result<()> {
    out.into_inner()?.sync_all()?;
    fs::rename(unfinished, to)
}

/// The date of the last line.
fn last_day(log: &str) -> Result<Option<Day>, Box<dyn Error>> {
    let Some(line) = log.lines().next_back() else { return Ok(None) };
    let time = line.split_once('[').and_then(|(_, rest)| rest.split_once(':')).map(|(date, _)| date);
    let date = jiff::civil::Date::strptime("%d/%b/%Y", time.ok_or("the last line of the log has no time")?)?;
    Ok(Some(Day::of(date)))
}
