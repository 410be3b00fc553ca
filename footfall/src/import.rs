//! `footfall import`: the lines of server logs, counted as a shard of their own whose number is also its round.
//!
//! ```text
//! known       what was imported before           statistics  where the rows go
//! read        the logs, on a thread of its own:
//!   source      bytes, gzipped or not -> lines     line        a line -> what it says
//!   calendar    its date: too old, closed, or not  rules       page view, error, or neither
//!   days, day   anonymous events, until a day is in order
//!   fates       what became of each line
//! summary     all of it, said
//! ```
//!
//! Each log is read up to its end, or up to the first line of a date not yet closed; the next log is read nevertheless.
//! Nothing counts before the shard is named, which is the last thing that happens: killed at any moment, the next
//! import reads the same lines again. What was read of each log is kept with the shard and counts with it. A lock keeps
//! a second import out, and a running `serve` from taking the rows of this one for those of a killed one.

mod calendar;
mod day;
mod days;
mod fates;
mod known;
mod line;
mod read;
mod rules;
mod source;
mod statistics;
mod summary;

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aggregator::fold::Limits;
use aggregator::stream::import::{ImportError, ImportShard};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use ingest::enrich::place::Geo;
use rustix::fs::{FlockOperation, flock};
use schema::clock;
use schema::day::Day;
use schema::sites::Site;
use tokio::sync::mpsc::{Receiver, channel};
use warehouse::Warehouse;

use crate::cli;
use crate::config::Config;
use calendar::Calendar;
use day::OneDay;
use days::Days;
use known::Known;
use read::Reading;
use statistics::Statistics;
use summary::Summary;

/// A running `serve` takes the lock for a moment now and then, to see whether an import has it.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// Days on their way from the reader to the fold.
const DAYS_UNDER_WAY: usize = 1;
/// After so many events it is looked whether an insert is due.
const LOOK_EVERY: usize = 4096;

/// Imports the logs and says what became of their lines.
pub(crate) fn run(args: &cli::Import) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.config.path)?;
    let site = config.sites.by_id(args.site).ok_or_else(|| no_site(args.site, &config))?;
    crate::log::begin(config.log);
    crate::process::keep_memory_private(); // salts and addresses pass through it
    let geo = config.geo.as_deref().map(Geo::open).transpose()?.map(Arc::new);
    let _lock = lock(&config.data)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let summary = runtime.block_on(async {
        let statistics = Statistics::open(&config).await?;
        let summary = import(args, &config, site, geo, &statistics.warehouse).await;
        statistics.close().await;
        summary
    })?;
    for note in summary.notes() {
        eprintln!("{note}");
    }
    crate::print(&if args.json { summary.json() } else { summary.table() })
}

async fn import(
    args: &cli::Import,
    config: &Config,
    site: &Arc<Site>,
    geo: Option<Arc<Geo>>,
    warehouse: &Warehouse,
) -> Result<Summary, Box<dyn Error>> {
    let now_s = clock::now_s();
    warehouse.migrate(now_s).await?;
    let known = Known::load(warehouse, site.id, args.shift).await?;
    let calendar = Calendar::new(&site.zone, &config.sites.zones(), now_s);
    let oldest = calendar.oldest();
    let mut handed = ImportShard::begin(warehouse.clone(), Limits::default()).await?;
    let shard = handed.shard();

    let began = Instant::now();
    let progress = progress(&args.logs);
    let (days, arriving) = channel(DAYS_UNDER_WAY);
    let reading = Reading {
        site: Arc::clone(site),
        geo,
        format: args.format,
        shift_days: args.shift,
        calendar,
        known,
        days: Days::new(site.id, days::BYTES_MAX),
        out: days,
        progress: progress.clone(),
    };
    let logs = args.logs.clone();
    let reading = tokio::task::spawn_blocking(move || reading.read(&logs));
    let folded = fold(&mut handed, arriving, &progress).await;
    // A reader whose days nobody takes has ended too.
    let read = reading.await?;
    folded?;
    let read = read?;

    let done = read.known.into_new();
    let is_new = !done.is_empty();
    if is_new {
        let keep = |warehouse: Warehouse, shard| async move {
            warehouse.write_imported_logs(site.id, shard, &done, clock::now_s()).await
        };
        handed.finish(keep).await?;
    }
    Ok(Summary {
        site: site.id,
        domain: site.domain.clone(),
        shift_days: args.shift,
        shard: is_new.then_some(shard),
        fates: read.fates,
        took: began.elapsed(),
        oldest,
    })
}

/// Folds the days as they come.
async fn fold(handed: &mut ImportShard, mut days: Receiver<OneDay>, progress: &ProgressBar) -> Result<(), ImportError> {
    let mut last: Option<Day> = None;
    while let Some(one) = days.recv().await {
        if let Some(last) = last.replace(one.day()).filter(|last| *last != one.day()) {
            handed.end_day(last);
        }
        for (n, event) in one.events().enumerate() {
            handed.event(&event);
            if n % LOOK_EVERY == 0 {
                handed.insert_if_full().await?;
            }
        }
        one.refused().for_each(|refused| handed.refused(&refused));
        progress.inc(1);
    }
    Ok(())
}

fn no_site(id: u32, config: &Config) -> String {
    let all: Vec<String> = config.sites.iter().map(|site| format!("{} ({})", site.id, site.domain)).collect();
    format!("there is no site with the number {id}: the sites are {}", all.join(", "))
}

/// Keeps other imports out until the file is dropped.
fn lock(data: &Path) -> Result<File, String> {
    let in_data = |error: std::io::Error| format!("data {}: {error}", data.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(in_data)?;
    let mut options = OpenOptions::new();
    let lock = options.create(true).truncate(false).write(true).mode(0o600).open(data.join("import.lock"));
    let lock = lock.map_err(in_data)?;
    for tries in (0..LOCK_TRIES).rev() {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(rustix::io::Errno::WOULDBLOCK) if tries > 0 => std::thread::sleep(LOCK_PAUSE),
            Err(rustix::io::Errno::WOULDBLOCK) => break,
            Err(error) => return Err(in_data(error.into())),
        }
    }
    Err(format!("another import into {} is running: wait until it is done", data.display()))
}

/// A bar over the bytes of all logs; hidden unless standard error is a terminal, and gone when it is dropped.
fn progress(logs: &[PathBuf]) -> ProgressBar {
    let bytes = logs.iter().filter_map(|log| std::fs::metadata(log).ok()).map(|file| file.len()).sum();
    let style =
        ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}").expect("its words are those of indicatif");
    ProgressBar::new(bytes).with_style(style).with_message("reading").with_finish(ProgressFinish::AndClear)
}
