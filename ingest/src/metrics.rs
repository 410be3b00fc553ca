//! The metrics of the collector. Labels come from closed sets only; each is exported from the start, at 0.

use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram};
use metrics::{gauge, histogram};
use schema::fate::{Fault, Refusal};

/// One request in so many is timed, so that timing costs next to nothing.
const TIMED_ONE_OF: u32 = 64;

/// A part of a hit's path that is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The request is parsed.
    Accept,
    /// The hit is admitted or refused.
    Admit,
    /// Headers and URL become the words of the event.
    Enrich,
    /// The visitor becomes a tag.
    Anonymise,
}

impl Stage {
    /// All of them.
    pub const ALL: &'static [Stage] = &[Stage::Accept, Stage::Admit, Stage::Enrich, Stage::Anonymise];

    fn label(self) -> &'static str {
        match self {
            Stage::Accept => "accept",
            Stage::Admit => "admit",
            Stage::Enrich => "enrich",
            Stage::Anonymise => "anonymise",
        }
    }
}

/// The handles of all metrics of this crate but those of connections and of `ship`.
pub struct Meters {
    stored: Counter,
    refused: Vec<Counter>,
    failed: Vec<Counter>,
    stages: Vec<Histogram>,
    commit_frames: Histogram,
    commit_bytes: Histogram,
    write: Histogram,
    sync: Histogram,
    spool_bytes: Gauge,
    spool_oldest: Gauge,
    salts: Gauge,
}

/// Describes the metrics to the recorder, with their units.
pub fn describe() {
    crate::http::socket::describe();
    describe_counter!(
        "footfall_hits_total",
        "Hits received, by fate: stored, a refusal (caused by the sender) or a fault (ours)."
    );
    describe_histogram!(
        "footfall_stage_seconds",
        Unit::Seconds,
        "Time a hit spends in a stage; one hit of 64 is timed."
    );
    describe_histogram!("footfall_commit_records", Unit::Count, "Records per commit of the spool.");
    describe_histogram!("footfall_commit_bytes", Unit::Bytes, "Size of a commit of the spool.");
    describe_histogram!("footfall_spool_write_seconds", Unit::Seconds, "Time of a commit's write.");
    describe_histogram!("footfall_spool_fdatasync_seconds", Unit::Seconds, "Time of a commit's fdatasync.");
    describe_gauge!(
        "footfall_geo_build_timestamp_seconds",
        Unit::Seconds,
        "When the maker of the geo file in use built it, as seconds since 1970; absent without such a file."
    );
    describe_counter!(
        "footfall_geo_reload_failures_total",
        "Geo files that could not be used; the file before stayed in use."
    );
    describe_gauge!(
        "footfall_spool_bytes",
        Unit::Bytes,
        "Bytes the spool takes on disk, including zeroes written ahead."
    );
    describe_gauge!(
        "footfall_spool_oldest_seconds",
        Unit::Seconds,
        "Age of the oldest commit in the spool, at most the time this process has run."
    );
    describe_gauge!("footfall_salts", Unit::Count, "Salts in use: one per time zone and date.");
}

impl Meters {
    /// Registers all of them, so the recorder must be installed before.
    pub fn register() -> Meters {
        let fate = |label: &'static str| counter!("footfall_hits_total", "fate" => label);
        Meters {
            stored: fate("stored"),
            refused: Refusal::ALL.iter().map(|refusal| fate(refusal.label())).collect(),
            failed: Fault::ALL.iter().map(|fault| fate(fault.label())).collect(),
            stages: Stage::ALL
                .iter()
                .map(|stage| histogram!("footfall_stage_seconds", "stage" => stage.label()))
                .collect(),
            commit_frames: histogram!("footfall_commit_records"),
            commit_bytes: histogram!("footfall_commit_bytes"),
            write: histogram!("footfall_spool_write_seconds"),
            sync: histogram!("footfall_spool_fdatasync_seconds"),
            spool_bytes: gauge!("footfall_spool_bytes"),
            spool_oldest: gauge!("footfall_spool_oldest_seconds"),
            salts: gauge!("footfall_salts"),
        }
    }

    /// Counts hits that are on disk, or have failed.
    pub(crate) fn appended(&self, outcome: Result<(), Fault>, hits: u64) {
        match outcome {
            Ok(()) => self.stored.increment(hits),
            Err(fault) => self.failed[fault as usize].increment(hits),
        }
    }

    pub(crate) fn refused(&self, refusal: Refusal) {
        self.refused[refusal as usize - 1].increment(1);
    }

    pub(crate) fn commit(&self, committed: &spool::Committed) {
        if committed.frames > 0 {
            self.commit_frames.record(committed.frames as f64);
            self.commit_bytes.record(committed.bytes as f64);
            self.write.record(committed.write.as_secs_f64());
            self.sync.record(committed.sync.as_secs_f64());
        }
    }

    pub(crate) fn spool(&self, bytes: u64, oldest: Duration) {
        self.spool_bytes.set(bytes as f64);
        self.spool_oldest.set(oldest.as_secs_f64());
    }

    pub(crate) fn salts(&self, alive: usize) {
        self.salts.set(alive as f64);
    }
}

/// Times the stages of some requests.
#[derive(Debug, Default)]
pub(crate) struct StageTimer {
    requests: u32,
    since: Option<Instant>,
}

impl StageTimer {
    /// A request begins its path.
    pub(crate) fn start(&mut self) {
        self.requests = self.requests.wrapping_add(1);
        self.since = self.requests.is_multiple_of(TIMED_ONE_OF).then(Instant::now);
    }

    /// Its hit has passed this stage.
    pub(crate) fn finish(&mut self, stage: Stage, meters: &Meters) {
        if let Some(since) = self.since {
            let now = Instant::now();
            meters.stages[stage as usize].record((now - since).as_secs_f64());
            self.since = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_fault_and_stage_finds_its_own_counter() {
        for (n, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(*refusal as usize - 1, n);
        }
        for (n, fault) in Fault::ALL.iter().enumerate() {
            assert_eq!(*fault as usize, n);
        }
        for (n, stage) in Stage::ALL.iter().enumerate() {
            assert_eq!(*stage as usize, n);
        }
    }
}
