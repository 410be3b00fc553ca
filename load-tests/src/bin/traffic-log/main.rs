//! Writes a believable web server log of made-up visits: `traffic-log --from DATE --days N --out FILE`.
//!
//! Each day's lines depend on the seed and the date alone. With `--append`, a log that is there is kept byte for byte and
//! gets the days it does not have yet: `footfall import` knows a log by its beginning and counts what was added.

mod day;
mod random;
mod world;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use schema::day::Day;

/// Writes a believable web server log (`combined`) of made-up visits.
#[derive(Debug, Parser)]
struct Args {
    /// Another seed, other visits
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first day, like 2026-11-10 (UTC)
    #[arg(long, value_name = "DATE")]
    from: Day,
    /// How many days
    #[arg(long, value_name = "N")]
    days: u16,
    /// About how many people come on a weekday
    #[arg(long, value_name = "N", default_value_t = 800)]
    visitors_per_day: u64,
    /// Keep what is in FILE and add the days after its last, without a gap
    #[arg(long)]
    append: bool,
    /// The log
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
    // Written beside it and moved there: a log is never seen half written.
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
