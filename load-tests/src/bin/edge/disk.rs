//! Latency of the disk: a small write and `fdatasync` every 5 ms, each measured from its due time.
//!
//! Hits arrive at the disk in the same way. The percentiles of a server's own commits are different: if the disk stalls
//! for 100 ms, that is one slow commit of thousands, but every hit that arrives during the stall waits.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Rare enough to leave the disk to other programs.
const INTERVAL: Duration = Duration::from_millis(5);
const BYTES: usize = 4 << 10;
/// The file has its full length before the first write, like the segments of a spool.
const FILE_BYTES: usize = 16 << 20;

/// A thread that measures the disk.
pub(super) struct DiskProbe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Duration>>,
}

impl DiskProbe {
    /// Measures the disk of this directory from now on.
    pub(super) fn start(dir: &Path) -> DiskProbe {
        let path = dir.join("disk");
        fs::write(&path, vec![0; FILE_BYTES]).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.sync_all().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stop_of_thread = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let (start, mut latencies) = (Instant::now(), Vec::new());
            while !stop_of_thread.load(Ordering::Relaxed) {
                let n = latencies.len() as u32;
                let due = start + INTERVAL * n;
                thread::sleep(due.saturating_duration_since(Instant::now()));
                // If only this thread woke late, the latency runs from now: the disk is measured, not the scheduler. If
                // the write before this one took longer than the interval, the latency runs from the due time.
                let from = if n > 0 && latencies[latencies.len() - 1] > INTERVAL { due } else { Instant::now() };
                file.write_all_at(&[n as u8; BYTES], u64::from(n) * BYTES as u64 % FILE_BYTES as u64).unwrap();
                file.sync_data().unwrap();
                latencies.push(from.elapsed());
            }
            latencies
        });
        DiskProbe { stop, thread }
    }

    /// Stops the thread. Returns the 99th percentile and the maximum of the latencies, in milliseconds.
    pub(super) fn finish(self) -> (f64, f64) {
        self.stop.store(true, Ordering::Relaxed);
        let mut latencies = self.thread.join().unwrap();
        latencies.sort_unstable();
        let ms = |at: usize| latencies[at].as_secs_f64() * 1e3;
        (ms(latencies.len() * 99 / 100), ms(latencies.len() - 1))
    }
}
