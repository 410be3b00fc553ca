//! The metrics of the aggregator. A name is thing, unit, `total`; the values of labels are closed sets.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use strum::VariantArray;

use crate::fold::Fold;
use crate::shard::RebuildReason;

/// Registers every metric with its help text, and sets the counters to 0.
pub fn describe() {
    describe_counter!("footfall_aggregate_records_total", "Records read from the stream and folded");
    describe_counter!(
        "footfall_aggregate_replayed_records_total",
        "Records folded again to restore the state after a start"
    );
    describe_gauge!(
        "footfall_aggregate_inserted_position",
        "Position of a shard's stream (bytes of the spool, messages of Kafka) below which everything is inserted"
    );
    describe_gauge!(
        "footfall_stream_end_position",
        "End of a shard's stream; minus the inserted position, it is the lag"
    );
    describe_gauge!("footfall_aggregate_generation", "Generation of this shard's live rows");
    describe_histogram!("footfall_aggregate_batch_rows", "Rows per batch, over all live tables");
    describe_histogram!(
        "footfall_aggregate_batch_seconds",
        Unit::Seconds,
        "Time from the intent of a batch to its last confirmed insert"
    );
    describe_histogram!("footfall_aggregate_insert_seconds", Unit::Seconds, "Time of one confirmed insert");
    describe_counter!(
        "footfall_aggregate_insert_failures_total",
        "Inserts without confirmation; each is sent again with its token"
    );
    describe_counter!(
        "footfall_aggregate_control_sums_total",
        "Comparisons of live rows with the sums of the fold, by result"
    );
    describe_counter!("footfall_aggregate_started_afresh_total", "Rebuilds: new generations begun, by reason");
    describe_counter!(
        "footfall_aggregate_lost_bytes_total",
        "Bytes of the stream that were lost before they were folded: alarm"
    );
    describe_counter!(
        "footfall_aggregate_swept_partitions_total",
        "Live partitions dropped because no reader counts them"
    );
    describe_gauge!("footfall_fold_repeats", "Records dropped as repeats since the last replay");
    describe_gauge!("footfall_fold_gaps", "Record numbers missing since the last replay: alarm");
    describe_gauge!("footfall_fold_saturated", "Events beyond a limit of tags, names or facts, counted without firsts");
    describe_counter!("footfall_aggregate_messages_total", "Messages read from Kafka");
    describe_counter!("footfall_aggregate_message_bytes_total", Unit::Bytes, "Bytes of those messages, decompressed");
    describe_counter!("footfall_aggregate_lost_messages_total", "Messages that Kafka had lost: alarm");
    describe_counter!(
        "footfall_aggregate_rebalances_total",
        "Times that partitions were assigned to this aggregator or revoked from it, by kind"
    );
    describe_gauge!("footfall_aggregate_partitions", "Partitions that this aggregator owns");
    describe_gauge!(
        "footfall_aggregate_unowned_partitions",
        "Partitions that no member of the group owns, as of this aggregator's last look; 0 except while partitions move"
    );
    describe_counter!(
        "footfall_aggregate_joined_again_total",
        "Times that this aggregator left the group and joined it again because partitions stayed unowned"
    );
    describe_gauge!("footfall_aggregate_shards", "Shards that run in this process");
    counter!("footfall_aggregate_records_total").absolute(0);
    counter!("footfall_aggregate_messages_total").absolute(0);
    counter!("footfall_aggregate_message_bytes_total").absolute(0);
    counter!("footfall_aggregate_lost_messages_total").absolute(0);
    for kind in ["assigned", "revoked"] {
        counter!("footfall_aggregate_rebalances_total", "kind" => kind).absolute(0);
    }
    counter!("footfall_aggregate_joined_again_total").absolute(0);
    counter!("footfall_aggregate_replayed_records_total").absolute(0);
    counter!("footfall_aggregate_insert_failures_total").absolute(0);
    counter!("footfall_aggregate_lost_bytes_total").absolute(0);
    counter!("footfall_aggregate_swept_partitions_total").absolute(0);
    for result in ["equal", "differ"] {
        counter!("footfall_aggregate_control_sums_total", "result" => result).absolute(0);
    }
    for &reason in RebuildReason::VARIANTS {
        counter!("footfall_aggregate_started_afresh_total", "reason" => <&str>::from(reason)).absolute(0);
    }
}

pub(crate) fn folded(shard: u32, records: u64, stream_end: u64, fold: &Fold) {
    let shard = shard.to_string();
    counter!("footfall_aggregate_records_total").increment(records);
    gauge!("footfall_stream_end_position", "shard" => shard.clone()).set(stream_end as f64);
    gauge!("footfall_fold_repeats", "shard" => shard.clone()).set(fold.repeats() as f64);
    gauge!("footfall_fold_gaps", "shard" => shard.clone()).set(fold.gaps() as f64);
    gauge!("footfall_fold_saturated", "shard" => shard).set(fold.saturated() as f64);
}

pub(crate) fn replayed(records: u64) {
    counter!("footfall_aggregate_replayed_records_total").increment(records);
}

pub(crate) fn inserted(shard: u32, rows: usize, took: Duration, position: u64) {
    histogram!("footfall_aggregate_batch_rows").record(rows as f64);
    histogram!("footfall_aggregate_batch_seconds").record(took.as_secs_f64());
    gauge!("footfall_aggregate_inserted_position", "shard" => shard.to_string()).set(position as f64);
}

pub(crate) fn insert_confirmed(took: Duration) {
    histogram!("footfall_aggregate_insert_seconds").record(took.as_secs_f64());
}

pub(crate) fn insert_failed() {
    counter!("footfall_aggregate_insert_failures_total").increment(1);
}

pub(crate) fn sums_compared(agree: bool) {
    let result = if agree { "equal" } else { "differ" };
    counter!("footfall_aggregate_control_sums_total", "result" => result).increment(1);
}

pub(crate) fn rebuild(reason: RebuildReason) {
    counter!("footfall_aggregate_started_afresh_total", "reason" => <&str>::from(reason)).increment(1);
}

pub(crate) fn generation(shard: u32, generation: u32) {
    gauge!("footfall_aggregate_generation", "shard" => shard.to_string()).set(f64::from(generation));
}

pub(crate) fn lost_range(bytes: u64) {
    counter!("footfall_aggregate_lost_bytes_total").increment(bytes);
}

pub(crate) fn shards(running: usize) {
    gauge!("footfall_aggregate_shards").set(running as f64);
}

pub(crate) fn unowned(partitions: usize) {
    gauge!("footfall_aggregate_unowned_partitions").set(partitions as f64);
}

pub(crate) fn rejoined() {
    counter!("footfall_aggregate_joined_again_total").increment(1);
}

pub(crate) fn lost_messages(messages: u64) {
    counter!("footfall_aggregate_lost_messages_total").increment(messages);
}

pub(crate) fn message(bytes: usize) {
    counter!("footfall_aggregate_messages_total").increment(1);
    counter!("footfall_aggregate_message_bytes_total").increment(bytes as u64);
}

pub(crate) fn swept(partitions: u64) {
    counter!("footfall_aggregate_swept_partitions_total").increment(partitions);
}

/// Partitions were assigned or revoked. `change` is one of the two words; `owned` is the number of partitions now.
pub(crate) fn rebalanced(change: &'static str, owned: usize) {
    counter!("footfall_aggregate_rebalances_total", "kind" => change).increment(1);
    gauge!("footfall_aggregate_partitions").set(owned as f64);
}
