//! The requests of a shard to ClickHouse. `Warehouse` answers them; so does the aggregator's simulation, which loses
//! parts and answers late.

use std::collections::BTreeMap;

use schema::day::Day;
use schema::round::RoundKey;

use crate::{ControlSums, Partition, Result, Rows, Warehouse};

/// Live rows by (table, day, round, shard, generation), and the tables that define which of them count.
///
/// After an error the outcome is *unknown*: a write may have landed, or may land later.
pub trait Store: Clone {
    /// Sends rows as one block. Two inserts with the same token land once.
    fn insert(&self, rows: &Rows, shard: u32, generation: u32, token: &str) -> impl Future<Output = Result<()>>;

    /// Seconds since the server started.
    fn uptime_s(&self) -> impl Future<Output = Result<u32>>;

    /// The sums of a shard's live rows of one generation, by round. A round whose sums are all zero is not included.
    fn live_sums(&self, shard: u32, generation: u32) -> impl Future<Output = Result<BTreeMap<RoundKey, ControlSums>>>;

    /// The generation of a shard that readers count; 0 if none is named.
    fn named_generation(&self, shard: u32) -> impl Future<Output = Result<u32>>;

    /// By shard: the generation that readers count, and when it was named (UTC seconds).
    fn named_generations(&self) -> impl Future<Output = Result<BTreeMap<u32, (u32, u32)>>>;

    /// The highest generation of a shard that has any live row, named or not.
    fn highest_generation(&self, shard: u32) -> impl Future<Output = Result<u32>>;

    /// The settled rounds of a shard, with the generation that holds each.
    fn settled_rounds(&self, shard: u32) -> impl Future<Output = Result<BTreeMap<RoundKey, u32>>>;

    /// Names a generation: from now on readers count this generation of the shard.
    fn name_generation(&self, shard: u32, generation: u32, now_s: i64) -> impl Future<Output = Result<()>>;

    /// Settles a round of a shard: from now on this generation's rows are the round.
    fn settle(&self, key: RoundKey, shard: u32, generation: u32, now_s: i64) -> impl Future<Output = Result<()>>;

    /// Writes the control sums of a shard that has folded the close of `closed_to`.
    fn write_control_sums(
        &self,
        closed_to: Day,
        shard: u32,
        generation: u32,
        rounds: &BTreeMap<RoundKey, ControlSums>,
    ) -> impl Future<Output = Result<()>>;

    /// The partitions of all live tables.
    fn partitions(&self) -> impl Future<Output = Result<Vec<Partition>>>;

    /// Drops one partition. The tokens of its inserts are forgotten too.
    fn drop_partition(&self, partition: &Partition) -> impl Future<Output = Result<()>>;
}

impl Store for Warehouse {
    async fn insert(&self, rows: &Rows, shard: u32, generation: u32, token: &str) -> Result<()> {
        Warehouse::insert(self, rows, shard, generation, token).await
    }

    async fn uptime_s(&self) -> Result<u32> {
        Warehouse::uptime_s(self).await
    }

    async fn live_sums(&self, shard: u32, generation: u32) -> Result<BTreeMap<RoundKey, ControlSums>> {
        Warehouse::live_sums(self, shard, generation).await
    }

    async fn named_generation(&self, shard: u32) -> Result<u32> {
        Warehouse::named_generation(self, shard).await
    }

    async fn named_generations(&self) -> Result<BTreeMap<u32, (u32, u32)>> {
        Warehouse::named_generations(self).await
    }

    async fn highest_generation(&self, shard: u32) -> Result<u32> {
        Warehouse::highest_generation(self, shard).await
    }

    async fn settled_rounds(&self, shard: u32) -> Result<BTreeMap<RoundKey, u32>> {
        Warehouse::settled_rounds(self, shard).await
    }

    async fn name_generation(&self, shard: u32, generation: u32, now_s: i64) -> Result<()> {
        Warehouse::name_generation(self, shard, generation, now_s).await
    }

    async fn settle(&self, key: RoundKey, shard: u32, generation: u32, now_s: i64) -> Result<()> {
        Warehouse::settle(self, key, shard, generation, now_s).await
    }

    async fn write_control_sums(
        &self,
        closed_to: Day,
        shard: u32,
        generation: u32,
        rounds: &BTreeMap<RoundKey, ControlSums>,
    ) -> Result<()> {
        Warehouse::write_control_sums(self, closed_to, shard, generation, rounds).await
    }

    async fn partitions(&self) -> Result<Vec<Partition>> {
        Warehouse::partitions(self).await
    }

    async fn drop_partition(&self, partition: &Partition) -> Result<()> {
        Warehouse::drop_partition(self, partition).await
    }
}
