//! Folds anonymous events into sums and writes the sums to ClickHouse, each exactly once.
//!
//! ```text
//! run       the spine: one shard's way, in order
//!   read      what a stream is              spooled   the spool, by position
//!                                           partition or Kafka, by offset (membership: what is ours of it)
//!                                           handed    or events handed in by an import
//!   fold      pure: events -> increments
//!   intent    the range about to be inserted, on disk before the insert
//!   sweep     drops live partitions that do not count
//! group     a shard for each partition that is ours     close    says to every partition which days are over
//!                                                       unowned  partitions that the group gave to nobody
//! ```
//!
//! What a shard asks of ClickHouse is in the crate `warehouse`: rows, control sums, the trait `Store`.
//!
//! This crate knows no HTTP and no visitor: what it reads is anonymous already.

pub mod run;
pub mod read;
pub mod spooled;
pub mod partition;
pub mod membership;
mod unowned;
pub mod group;
mod close;
pub mod handed;
pub mod fold;
pub mod intent;
pub mod sweep;
pub mod metrics;
