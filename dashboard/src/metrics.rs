//! What an SRE sees of the answers. Names: thing, unit, `total`; labels from closed sets only.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Where what a round may say came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cache {
    /// It was kept, and is still what the rows say.
    Hit,
    /// It was kept, and the next step has not come.
    Step,
    /// It was computed.
    Miss,
}

impl Cache {
    const ALL: &'static [Cache] = &[Cache::Hit, Cache::Step, Cache::Miss];

    fn label(self) -> &'static str {
        match self {
            Cache::Hit => "hit",
            Cache::Step => "step",
            Cache::Miss => "miss",
        }
    }
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was answered.
    Answered,
    /// It was refused: the asker's side.
    Refused,
    /// ClickHouse did not answer: ours.
    Failed,
}

impl Ended {
    const ALL: &'static [Ended] = &[Ended::Answered, Ended::Refused, Ended::Failed];

    fn label(self) -> &'static str {
        match self {
            Ended::Answered => "answered",
            Ended::Refused => "refused",
            Ended::Failed => "failed",
        }
    }
}

/// Registers every metric with its help text, counters at 0.
pub fn describe() {
    describe_histogram!("footfall_query_seconds", Unit::Seconds, "Time from a question's body to its answer");
    describe_counter!("footfall_queries_total", "Questions to the stats API, by how they ended");
    describe_counter!(
        "footfall_query_rounds_total",
        "Rounds that answers were made of: kept (hit), kept until the next live step (step), or computed (miss)"
    );
    describe_histogram!("footfall_query_crowd_seconds", Unit::Seconds, "Time of the crowd rule for one round");
    describe_gauge!("footfall_query_kept_bytes", Unit::Bytes, "Memory of what rounds may say, kept");
    for cache in Cache::ALL {
        counter!("footfall_query_rounds_total", "cache" => cache.label()).increment(0);
    }
    for ended in Ended::ALL {
        counter!("footfall_queries_total", "ended" => ended.label()).increment(0);
    }
}

pub(crate) fn query(ended: Ended, took: Duration) {
    counter!("footfall_queries_total", "ended" => ended.label()).increment(1);
    histogram!("footfall_query_seconds").record(took);
}

pub(crate) fn rounds(cache: Cache, rounds: usize) {
    counter!("footfall_query_rounds_total", "cache" => cache.label()).increment(rounds as u64);
}

pub(crate) fn crowd(took: Duration) {
    histogram!("footfall_query_crowd_seconds").record(took);
}

pub(crate) fn kept(bytes: usize) {
    gauge!("footfall_query_kept_bytes").set(bytes as f64);
}
