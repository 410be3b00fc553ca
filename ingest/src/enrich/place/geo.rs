//! The atlas in use, and how another one takes its place while hits go on.
//!
//! The file is looked at every few seconds. Once it is another one and has stood still from one look to the next (so that
//! one being copied over it is not read half way), it is read and checked; if it is sound, workers take it with their next
//! hit. If it is not, the old one stays, and that is said and counted once.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, counter, gauge};

use super::atlas::{Atlas, AtlasError};

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(10);

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
#[error("geo: {} {error}", file.display())]
pub struct GeoError {
    file: PathBuf,
    error: AtlasError,
}

/// The atlas in use, shared by all workers.
pub struct Geo {
    file: PathBuf,
    atlas: Mutex<Arc<Atlas>>,
    /// Counts how often it was replaced.
    change: AtomicU64,
    looks: Mutex<Looks>,
    built: Gauge,
    failures: Counter,
}

/// How the file stood at the last look, and when it was last read.
#[derive(Default)]
struct Looks {
    last: Option<Stamp>,
    read: Option<Stamp>,
}

/// Tells one file from another without reading it. None: there is no file.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Geo {
    /// Reads the file. To be called after the recorder of metrics is installed.
    pub fn open(file: &Path) -> Result<Geo, GeoError> {
        let stamp = Stamp::of(file);
        let atlas = Atlas::read(file).map_err(|error| GeoError { file: file.to_owned(), error })?;
        tracing::info!("geo: {atlas}");
        let (built, failures) =
            (gauge!("footfall_geo_build_timestamp_seconds"), counter!("footfall_geo_reload_failures_total"));
        built.set(atlas.built_s() as f64);
        Ok(Geo {
            file: file.to_owned(),
            atlas: Mutex::new(Arc::new(atlas)),
            change: AtomicU64::new(0),
            looks: Mutex::new(Looks { last: stamp, read: stamp }),
            built,
            failures,
        })
    }

    /// Reads the file now, whether or not it changed. It takes as long as reading and checking the whole file takes, and
    /// so is for a thread that may wait; hits go on meanwhile.
    pub fn reload(&self) {
        self.read(&mut held(&self.looks));
    }

    /// Reads the file if it is another one than before, and has been since the last look.
    pub(super) fn look(&self) {
        let mut looks = held(&self.looks);
        let now = Stamp::of(&self.file);
        let before = std::mem::replace(&mut looks.last, now);
        if now == before && now != looks.read {
            self.read(&mut looks);
        }
    }

    fn read(&self, looks: &mut Looks) {
        looks.read = Stamp::of(&self.file); // before it is read: what changes meanwhile is seen at the next look
        match Atlas::read(&self.file) {
            Ok(atlas) => {
                tracing::info!("geo: {atlas}; in use from now on");
                self.built.set(atlas.built_s() as f64);
                *held(&self.atlas) = Arc::new(atlas);
                self.change.fetch_add(1, Ordering::Release);
            }
            Err(error) => {
                self.failures.increment(1);
                let atlas = self.atlas();
                tracing::error!("geo: {} {error}; still in use: {atlas}", self.file.display());
            }
        }
    }

    /// Differs from what it was before if there is another atlas.
    pub(super) fn change(&self) -> u64 {
        self.change.load(Ordering::Acquire)
    }

    /// What is in use now.
    pub fn atlas(&self) -> Arc<Atlas> {
        Arc::clone(&held(&self.atlas))
    }
}

/// Looks at the file for as long as the process lives, if there is one.
pub async fn watch(geo: Option<Arc<Geo>>) {
    let Some(geo) = geo else { return };
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let geo = Arc::clone(&geo);
        // A thread of its own, as it may read a large file. If it panics, the next look tries again.
        let _panicked = tokio::task::spawn_blocking(move || geo.look()).await;
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stamp {
    fn of(file: &Path) -> Option<Stamp> {
        let about = std::fs::metadata(file).ok()?;
        let modified = (about.mtime(), about.mtime_nsec());
        Some(Stamp { device: about.dev(), inode: about.ino(), bytes: about.len(), modified })
    }
}
