//! Folds anonymous events into sums and writes the sums to ClickHouse, each exactly once.
//!
//! ```text
//! run       the spine: one shard's way, in order
//!   read      what a stream is              spooled   the spool, by position
//!                                           partition or Kafka, by offset (membership: what is ours of it)
//!                                           handed    or events handed in by an import
//!   fold      pure: events -> increments
//!   rows      increments as columns         sums      what they add up to
//!   intent    the range about to be inserted, on disk before the insert
//!   store     what is asked of ClickHouse   warehouse the block -> ClickHouse, once; which rows count
//!   native    rows -> one block
//!   sweep     drops what nobody counts
//! group     a shard for each partition that is ours     close    says to every partition which days are over
//!                                                       unowned  partitions that the group gave to nobody
//! ```
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
pub mod rows;
pub mod sums;
pub mod intent;
pub mod native;
pub mod store;
pub mod warehouse;
pub mod sweep;
pub mod metrics;
