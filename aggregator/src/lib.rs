//! Folds anonymous events into sums and writes the sums to ClickHouse, each exactly once.
//!
//! ```text
//! stream   where records come from: the spool, a partition of Kafka, or an import
//! fold     records -> increments of the live cubes; pure
//! shard    from one stream to ClickHouse: intent, inserts, control sums, settled rounds
//! metrics  what operators see
//! ```
//!
//! This crate does not know HTTP or visitors: what it reads is anonymous already.

pub mod shard;
pub mod stream;
pub mod fold;
pub mod metrics;
