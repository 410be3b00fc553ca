//! How much of this machine others took: a virtual machine's processors are taken away without a word to its processes,
//! and what is measured meanwhile says nothing of ours.

use std::fs;

/// More than this, and what was measured is not counted.
pub const STOLEN_MAX: f64 = 0.02;

/// The processors' time so far, in ticks (`/proc/stat`, first line).
#[derive(Debug, Clone, Copy)]
pub struct Processors {
    all: u64,
    stolen: u64,
}

impl Processors {
    /// What it is now.
    pub fn now() -> Processors {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).map(|ticks| ticks.parse().unwrap_or(0)).collect();
        Processors { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The share of all processors that others took since then.
    pub fn stolen_since(before: Processors) -> f64 {
        let now = Processors::now();
        (now.stolen - before.stolen) as f64 / (now.all - before.all).max(1) as f64
    }
}
