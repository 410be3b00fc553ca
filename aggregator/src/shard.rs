//! One shard: it reads one stream and keeps the live rows of that stream in ClickHouse.
//!
//! ```text
//! run        the main loop, and the state of the shard
//! recover    where the shard begins: replay, rebuild
//! batch      fold, write the intent, insert
//! compare    the control sums of ClickHouse and the fold
//! settle     names a generation, settles closed rounds, moves the low-water mark
//! intent     what is stored before an insert, and the file for it
//! sweep      drops live partitions that no reader counts
//! rules      the rules of the protocol by name, so that a test can switch each off
//! simulation the loop against a simulated Kafka and ClickHouse, with faults
//! ```
//!
//! A shard does not know whether its stream is the spool or a partition of Kafka. It does not know visitors.

mod batch;
mod compare;
pub mod intent;
mod recover;
pub(crate) mod rules;
mod run;
mod settle;
pub mod sweep;
#[cfg(test)]
mod simulation;

pub(crate) use run::RebuildReason;
pub use run::{Inputs, run};
