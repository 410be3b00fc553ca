//! `footfall import`: counts the lines of server logs, as a new shard whose number is also its round.
//!
//! ```text
//! known         which parts of the logs were imported before
//! statistics    the ClickHouse that the rows go to
//! read          reads the logs, on a thread of its own:
//!   source        a file, gzipped or not -> lines
//!   line          a line -> its parts
//!   calendar      its date: too old, closed, or not yet closed
//!   rules         page view, error, or refused
//!   days, day     collect anonymous events until a day is in order
//!   fates         the fate of each line
//! summary       prints the result
//! ```
//!
//! Each log is read up to its end, or up to the first line of a date that is not yet closed; the next log is read in
//! both cases.
//!
//! Naming the shard is the last step, and nothing is counted before it. If an import is killed, the next import reads
//! the same lines again. The position up to which each log was read is stored with the shard and becomes valid with it.
//! A lock keeps a second import out, and keeps a running `serve` from deleting this import's rows as those of a killed
//! one.

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
use backon::{BlockingRetryable, ConstantBuilder};
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use ingest::enrich::place::Geo;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
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
use read::ReadTask;
use statistics::Statistics;
use summary::Summary;

/// How often the lock is tried. A running `serve` takes it for a moment now and then, to see whether an import holds
/// it.
const LOCK_TRIES: usize = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// Days that wait between the reader and the fold.
const DAYS_UNDER_WAY: usize = 1;
/// After this number of events the fold checks whether an insert is due.
const INSERT_CHECK_EVENTS: usize = 4096;

/// Imports the logs and prints the summary.
pub(crate) fn run(args: &cli::ImportArgs) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.config.path)?;
    let site = config.sites.by_id(args.site).ok_or_else(|| no_site(args.site, &config))?;
    crate::log::begin(config.log);
    crate::process::keep_memory_private(); // this process holds salts and addresses
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
    args: &cli::ImportArgs,
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
    let mut import = ImportShard::begin(warehouse.clone(), Limits::default()).await?;
    let shard = import.shard();

    let began = Instant::now();
    let progress = progress(&args.logs);
    let (days, arriving) = channel(DAYS_UNDER_WAY);
    let task = ReadTask {
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
    let reading = tokio::task::spawn_blocking(move || task.read(&logs));
    let folded = fold(&mut import, arriving, &progress).await;
    // If the fold has failed, the reader ends too, because its channel is closed.
    let read = reading.await?;
    folded?;
    let read = read?;

    let done = read.known.into_new();
    let is_new = !done.is_empty();
    if is_new {
        let keep = |warehouse: Warehouse, shard| async move {
            warehouse.write_imported_logs(site.id, shard, &done, clock::now_s()).await
        };
        import.finish(keep).await?;
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

/// Folds the days in the order in which they arrive.
async fn fold(import: &mut ImportShard, mut days: Receiver<OneDay>, progress: &ProgressBar) -> Result<(), ImportError> {
    let mut last: Option<Day> = None;
    while let Some(one) = days.recv().await {
        if let Some(last) = last.replace(one.day()).filter(|last| *last != one.day()) {
            import.end_day(last);
        }
        for (n, event) in one.events().enumerate() {
            import.event(&event);
            if n % INSERT_CHECK_EVENTS == 0 {
                import.insert_if_full().await?;
            }
        }
        one.refused().for_each(|refused| import.refused(&refused));
        progress.inc(1);
    }
    Ok(())
}

fn no_site(id: u32, config: &Config) -> String {
    let all: Vec<String> = config.sites.iter().map(|site| format!("{} ({})", site.id, site.domain)).collect();
    format!("there is no site with the number {id}: the sites are {}", all.join(", "))
}

/// Takes the import lock, which is released when the file is dropped.
fn lock(data: &Path) -> Result<File, String> {
    let in_data = |error: std::io::Error| format!("data {}: {error}", data.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(in_data)?;
    let mut options = OpenOptions::new();
    let lock = options.create(true).truncate(false).write(true).mode(0o600).open(data.join("import.lock"));
    let lock = lock.map_err(in_data)?;
    let attempt = || flock(&lock, FlockOperation::NonBlockingLockExclusive);
    let pauses = ConstantBuilder::default().with_delay(LOCK_PAUSE).with_max_times(LOCK_TRIES - 1);
    match attempt.retry(pauses).sleep(std::thread::sleep).when(|error| *error == Errno::WOULDBLOCK).call() {
        Ok(()) => Ok(lock),
        Err(Errno::WOULDBLOCK) => {
            Err(format!("another import into {} is running: wait until it is done", data.display()))
        }
        Err(error) => Err(in_data(error.into())),
    }
}

/// A progress bar over the bytes of all logs. It is hidden unless standard error is a terminal, and cleared when
/// dropped.
fn progress(logs: &[PathBuf]) -> ProgressBar {
    let bytes = logs.iter().filter_map(|log| std::fs::metadata(log).ok()).map(|file| file.len()).sum();
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} % {eta}").expect("the template is valid");
    ProgressBar::new(bytes).with_style(style).with_message("reading").with_finish(ProgressFinish::AndClear)
}
