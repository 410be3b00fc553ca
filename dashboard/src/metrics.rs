//! The metrics of the stats API. A name is: thing, unit, `total`. Labels come from closed sets only.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use strum::VariantArray;

/// Where the snapshot of a round came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum CacheOutcome {
    /// The cache, and the rows have not changed.
    Hit,
    /// The cache: the rows have changed, and the next step is not due.
    Step,
    /// It was computed.
    Miss,
}

/// How a question ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum QuestionOutcome {
    /// It was answered.
    Answered,
    /// It was refused: the client has to change it.
    Refused,
    /// ClickHouse did not answer: our fault.
    Failed,
}

/// Registers every metric with its help text, counters at 0.
pub fn describe() {
    describe_histogram!("footfall_query_seconds", Unit::Seconds, "Time from a question's body to its answer");
    describe_counter!("footfall_queries_total", "Questions to the stats API, by how they ended");
    describe_counter!(
        "footfall_query_rounds_total",
        "Rounds that answers were made of: cached (hit), cached until the next live step (step), or computed (miss)"
    );
    describe_histogram!("footfall_query_crowd_seconds", Unit::Seconds, "Time of the crowd rule for one round");
    describe_gauge!("footfall_query_kept_bytes", Unit::Bytes, "Memory of the cached snapshots of rounds");
    for outcome in CacheOutcome::VARIANTS {
        counter!("footfall_query_rounds_total", "cache" => <&str>::from(*outcome)).increment(0);
    }
    for outcome in QuestionOutcome::VARIANTS {
        counter!("footfall_queries_total", "ended" => <&str>::from(*outcome)).increment(0);
    }
}

/// A question has ended, so long after its body was read.
pub(crate) fn question(outcome: QuestionOutcome, took: Duration) {
    counter!("footfall_queries_total", "ended" => <&str>::from(outcome)).increment(1);
    histogram!("footfall_query_seconds").record(took);
}

pub(crate) fn rounds(outcome: CacheOutcome, rounds: usize) {
    counter!("footfall_query_rounds_total", "cache" => <&str>::from(outcome)).increment(rounds as u64);
}

/// The crowd rule was applied to one round.
pub(crate) fn crowd(took: Duration) {
    histogram!("footfall_query_crowd_seconds").record(took);
}

pub(crate) fn cache_bytes(bytes: u64) {
    gauge!("footfall_query_kept_bytes").set(bytes as f64);
}
