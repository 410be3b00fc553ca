//! CPU time of processes and threads.

use std::fs;

use nix::time::{ClockId, clock_gettime};

/// CPU seconds of the calling thread.
pub fn thread_cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has a CPU clock for each thread");
    time.tv_sec() as f64 + time.tv_nsec() as f64 / 1e9
}

/// CPU seconds of all threads of a process, ended ones included (`/proc/PID/stat`, fields 14 and 15).
pub fn cpu_seconds(pid: u32) -> f64 {
    const TICKS_PER_SECOND: f64 = 100.0; // the unit of /proc, independent of the kernel's own clock tick
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The process name can contain any character. The fields begin after its closing bracket.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}
