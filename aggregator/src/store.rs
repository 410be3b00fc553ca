//! What a shard asks of ClickHouse. `warehouse.rs` answers; so does the simulation, which loses parts and answers late.

use std::collections::BTreeMap;

use schema::day::Day;

use crate::rows::Rows;
use crate::sums::Sums;
use crate::warehouse::{Partition, Result, RoundKey};

/// Live rows by (table, day, round, shard, generation), and what says which of them count.
///
/// An error means *unknown*: what was sent may have landed, or may land yet.
pub trait Store: Clone {
    /// Sends rows as one block. The same token twice lands once.
    fn insert(&self, rows: &Rows, shard: u32, generation: u32, token: &str) -> impl Future<Output = Result<()>>;

    /// Seconds since the server started.
    fn uptime_s(&self) -> impl Future<Output = Result<u32>>;

    /// What the live rows of a shard's generation add up to, by round; rounds that add up to nothing are not there.
    fn live_sums(&self, shard: u32, generation: u32) -> impl Future<Output = Result<BTreeMap<RoundKey, Sums>>>;

    /// The generation of a shard that readers count; 0 while none is named.
    fn named(&self, shard: u32) -> impl Future<Output = Result<u32>>;

    /// The highest generation of a shard that has any live row, named or not.
    fn highest_generation(&self, shard: u32) -> impl Future<Output = Result<u32>>;

    /// The rounds of a shard that are done, with the generation that holds them.
    fn settled(&self, shard: u32) -> impl Future<Output = Result<BTreeMap<RoundKey, u32>>>;

    /// From now on readers count this generation of the shard.
    fn name(&self, shard: u32, generation: u32, now_s: i64) -> impl Future<Output = Result<()>>;

    /// The round is done: this generation's rows are it.
    fn settle(&self, key: RoundKey, shard: u32, generation: u32, now_s: i64) -> impl Future<Output = Result<()>>;

    /// Writes the control sums of a shard that has folded the close of `closed_to`.
    fn close(
        &self,
        closed_to: Day,
        shard: u32,
        generation: u32,
        rounds: &BTreeMap<RoundKey, Sums>,
    ) -> impl Future<Output = Result<()>>;

    /// The partitions of all live tables.
    fn partitions(&self) -> impl Future<Output = Result<Vec<Partition>>>;

    /// Every shard's generation that readers count, and when it was named (UTC seconds).
    fn all_named(&self) -> impl Future<Output = Result<BTreeMap<u32, (u32, u32)>>>;

    /// Drops one partition. Its insert tokens are forgotten with it.
    fn drop_partition(&self, partition: &Partition) -> impl Future<Output = Result<()>>;
}
