//! The atlas in use, and its replacement while hits arrive.
//!
//! The file is checked every few seconds. Once it has changed, and has not changed again between two checks (so that
//! a file that is still being copied is not read), it is read and validated. If it is valid, workers use it from
//! their next hit on. Otherwise the old atlas stays in use, and the failure is logged and counted once.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::{Counter, Gauge, counter, gauge};
use parking_lot::Mutex;

use super::atlas::{Atlas, AtlasError};

/// The time between two checks of the file.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("geo: {} {error}", file.display())]
pub struct GeoError {
    file: PathBuf,
    error: AtlasError,
}

/// The atlas in use, shared by all workers.
pub struct Geo {
    file: PathBuf,
    atlas: ArcSwap<Atlas>,
    /// The number of replacements.
    change: AtomicU64,
    checks: Mutex<FileChecks>,
    built: Gauge,
    failures: Counter,
}

/// The file's stamp at the last check, and when it was last read.
struct FileChecks {
    last: Option<GeoFileStamp>,
    read: Option<GeoFileStamp>,
}

/// Identifies a version of the file without reading it. `None` means that there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct GeoFileStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Geo {
    /// Reads the file. Must be called after the metrics recorder is installed.
    pub fn open(file: &Path) -> Result<Geo, GeoError> {
        let stamp = GeoFileStamp::of(file);
        let atlas = Atlas::read(file).map_err(|error| GeoError { file: file.to_owned(), error })?;
        tracing::info!("geo: {atlas}");
        let (built, failures) =
            (gauge!("footfall_geo_build_timestamp_seconds"), counter!("footfall_geo_reload_failures_total"));
        built.set(atlas.built_s() as f64);
        Ok(Geo {
            file: file.to_owned(),
            atlas: ArcSwap::from_pointee(atlas),
            change: AtomicU64::new(0),
            checks: Mutex::new(FileChecks { last: stamp, read: stamp }),
            built,
            failures,
        })
    }

    /// Reads the file now, whether or not it changed. The call blocks until the whole file is read and validated.
    /// Hits use the old atlas meanwhile.
    pub fn reload(&self) {
        self.read(&mut self.checks.lock());
    }

    /// Reads the file if it has changed since it was read, and has not changed since the last check.
    pub(super) fn check(&self) {
        let mut checks = self.checks.lock();
        let now = GeoFileStamp::of(&self.file);
        let before = std::mem::replace(&mut checks.last, now);
        if now == before && now != checks.read {
            self.read(&mut checks);
        }
    }

    fn read(&self, checks: &mut FileChecks) {
        // The stamp is taken before the file is read, so that a change during the reading is noticed at the next check.
        checks.read = GeoFileStamp::of(&self.file);
        match Atlas::read(&self.file) {
            Ok(atlas) => {
                tracing::info!("geo: {atlas}; in use from now on");
                self.built.set(atlas.built_s() as f64);
                self.atlas.store(Arc::new(atlas));
                self.change.fetch_add(1, Ordering::Release);
            }
            Err(error) => {
                self.failures.increment(1);
                let atlas = self.atlas();
                tracing::error!("geo: {} {error}; still in use: {atlas}", self.file.display());
            }
        }
    }

    /// A number that changes whenever the atlas is replaced.
    pub(super) fn change(&self) -> u64 {
        self.change.load(Ordering::Acquire)
    }

    /// The atlas in use.
    pub fn atlas(&self) -> Arc<Atlas> {
        self.atlas.load_full()
    }
}

/// Checks the file every few seconds, without end. Returns at once if there is no file.
pub async fn watch(geo: Option<Arc<Geo>>) {
    let Some(geo) = geo else { return };
    let mut ticks = tokio::time::interval(CHECK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let geo = Arc::clone(&geo);
        // The check runs on a thread of its own, because it may read a large file. If it panics, the next check tries
        // again.
        let _panicked = tokio::task::spawn_blocking(move || geo.check()).await;
    }
}

impl GeoFileStamp {
    fn of(file: &Path) -> Option<GeoFileStamp> {
        let metadata = std::fs::metadata(file).ok()?;
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Some(GeoFileStamp { device: metadata.dev(), inode: metadata.ino(), bytes: metadata.len(), modified })
    }
}
