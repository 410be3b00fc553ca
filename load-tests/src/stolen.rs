//! Stolen CPU time: the share that the host of a virtual machine gave to other machines.
//!
//! The host takes processors away without notice. A measurement during that time is wrong and is not counted.

use std::fs;

/// If a larger share than this was stolen during a measurement, the measurement is not counted.
pub const STOLEN_MAX: f64 = 0.02;

/// The time of all processors since the start of the machine, in ticks (`/proc/stat`, first line).
#[derive(Debug, Clone, Copy)]
pub struct ProcessorTime {
    all: u64,
    stolen: u64,
}

impl ProcessorTime {
    /// The current reading.
    pub fn now() -> ProcessorTime {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        // user, nice, system, idle, iowait, irq, softirq, steal. The later fields are contained in the first two.
        let ticks: Vec<u64> = line.split_whitespace().skip(1).take(8).map(|ticks| ticks.parse().unwrap_or(0)).collect();
        ProcessorTime { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) }
    }

    /// The share of the processors' time that was stolen since `before`.
    pub fn stolen_since(before: ProcessorTime) -> f64 {
        let now = ProcessorTime::now();
        (now.stolen - before.stolen) as f64 / (now.all - before.all).max(1) as f64
    }
}
