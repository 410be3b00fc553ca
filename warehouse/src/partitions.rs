//! Partitions of the live tables: one per (day, round, shard, generation). The aggregator's sweep drops those that do
//! not count.

use std::collections::HashMap;

use clickhouse::Row;
use schema::cubes::Cube;
use schema::day::Day;
use schema::round::RoundKey;
use serde::Deserialize;

use crate::{Result, Warehouse};

/// One partition of a live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The table.
    pub table: String,
    /// ClickHouse's identifier of the partition.
    pub id: String,
    /// The round of its rows.
    pub key: RoundKey,
    /// The shard of its rows.
    pub shard: u32,
    /// The generation of its rows.
    pub generation: u32,
    /// When its last part was written, UTC seconds. `u32::MAX` if the partition appeared while partitions were listed.
    pub changed_at: u32,
}

#[derive(Row, Deserialize)]
struct PartitionRow {
    table: String,
    partition_id: String,
    day: u16,
    round: u32,
    shard: u32,
    generation: u32,
}

impl Warehouse {
    /// The partitions of all live tables.
    pub async fn partitions(&self) -> Result<Vec<Partition>> {
        let sql = "SELECT table, partition_id, toUInt32(max(modification_time)) FROM system.parts \
                   WHERE database = currentDatabase() AND active GROUP BY table, partition_id";
        let changed = self.client.query(sql).fetch_all::<(String, String, u32)>().await?;
        let changed: HashMap<_, _> = changed.into_iter().map(|(table, id, at)| ((table, id), at)).collect();
        let mut found = Vec::new();
        for &cube in Cube::ALL {
            let sql = format!(
                "SELECT '{table}' AS table, _partition_id AS partition_id, any(day) AS day, any(round) AS round, \
                 any(shard) AS shard, any(generation) AS generation FROM {table} GROUP BY partition_id",
                table = cube.label()
            );
            for row in self.client.query(&sql).fetch_all::<PartitionRow>().await? {
                let PartitionRow { table, partition_id: id, day, round, shard, generation } = row;
                let key = (Day(i32::from(day)), round);
                let changed_at = changed.get(&(table.clone(), id.clone())).copied().unwrap_or(u32::MAX);
                found.push(Partition { table, id, key, shard, generation, changed_at });
            }
        }
        Ok(found)
    }

    /// Drops one partition. ClickHouse forgets the tokens of its inserts too.
    pub async fn drop_partition(&self, partition: &Partition) -> Result<()> {
        let sql = format!("ALTER TABLE {} DROP PARTITION ID '{}'", partition.table, partition.id);
        self.client.query_raw(&sql).execute().await
    }
}
