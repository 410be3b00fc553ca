//! How long the disk makes wait whoever asks it at any time: a small write and `fdatasync` every 5 ms, each counted from
//! when it was due.
//!
//! That is how hits ask it. The percentiles of a server's own commits are of another kind: a disk that stands still for
//! 100 ms is one commit of thousands, but every hit that comes meanwhile waits.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Seldom enough to leave the disk to others.
const EVERY: Duration = Duration::from_millis(5);
const BYTES: usize = 4 << 10;
/// The file has its length before, as a spool's segments do.
const FILE_BYTES: usize = 16 << 20;

/// A disk that is asked.
pub(super) struct Disk {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl Disk {
    /// Asks the disk of this folder from now on.
    pub(super) fn ask(dir: &Path) -> Disk {
        let path = dir.join("disk");
        fs::write(&path, vec![0; FILE_BYTES]).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.sync_all().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (began, mut took) = (Instant::now(), Vec::new());
            while !stops.load(Ordering::Relaxed) {
                let n = took.len() as u32;
                let due = began + EVERY * n;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                // It is the disk that is asked, not whether this thread was woken in time; but what follows a wait is late.
                let from = if n > 0 && took[took.len() - 1] > EVERY { due } else { Instant::now() };
                file.write_all_at(&[n as u8; BYTES], u64::from(n) * BYTES as u64 % FILE_BYTES as u64).unwrap();
                file.sync_data().unwrap();
                took.push(from.elapsed());
            }
            took
        });
        Disk { stop, thread }
    }

    /// The 99th percentile of what it took, in milliseconds, and the longest.
    pub(super) fn said(self) -> (f64, f64) {
        self.stop.store(true, Ordering::Relaxed);
        let mut took = self.thread.join().unwrap();
        took.sort_unstable();
        let ms = |at: usize| took[at].as_secs_f64() * 1e3;
        (ms(took.len() * 99 / 100), ms(took.len() - 1))
    }
}
