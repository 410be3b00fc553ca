//! Generations of shards: which generation of a shard readers count (table `shards`), and which have rows.

use std::collections::BTreeMap;

use clickhouse::Row;
use schema::cubes::Cube;
use serde::{Deserialize, Serialize};

use crate::client::moment;
use crate::{Result, Warehouse};

#[derive(Row, Serialize, Deserialize)]
struct ShardRow {
    shard: u32,
    generation: u32,
    named_at: u32,
}

impl Warehouse {
    /// The generation of a shard that readers count; 0 if none is named.
    pub async fn named_generation(&self, shard: u32) -> Result<u32> {
        self.client.query("SELECT max(generation) FROM shards WHERE shard = ?").bind(shard).fetch_one().await
    }

    /// By shard: the generation that readers count, and when it was named (UTC seconds).
    pub async fn named_generations(&self) -> Result<BTreeMap<u32, (u32, u32)>> {
        let sql = "SELECT shard, max(generation), argMax(named_at, generation) FROM shards GROUP BY shard";
        let rows = self.client.query(sql).fetch_all::<(u32, u32, u32)>().await?;
        Ok(rows.into_iter().map(|(shard, generation, at)| (shard, (generation, at))).collect())
    }

    /// The highest generation of a shard that has any live row, named or not.
    pub async fn highest_generation(&self, shard: u32) -> Result<u32> {
        let mut highest = 0;
        for cube in Cube::ALL {
            let sql = format!("SELECT max(generation) FROM {} WHERE shard = ?", cube.label());
            highest = highest.max(self.client.query(&sql).bind(shard).fetch_one().await?);
        }
        Ok(highest)
    }

    /// Names a generation: from now on readers count this generation of the shard.
    pub async fn name_generation(&self, shard: u32, generation: u32, now_s: i64) -> Result<()> {
        let mut insert = self.client.insert::<ShardRow>("shards").await?;
        insert.write(&ShardRow { shard, generation, named_at: moment(now_s) }).await?;
        insert.end().await
    }

    /// The highest shard number in `shards`, `closed` and `imports`. An import that was killed before its shard was
    /// named may appear only in the latter two; its rows must not become those of another import.
    pub async fn highest_shard(&self) -> Result<u32> {
        let tables = ["shards", "closed", "imports"].map(|table| format!("SELECT max(shard) AS top FROM {table}"));
        self.client.query(&format!("SELECT max(top) FROM ({})", tables.join(" UNION ALL "))).fetch_one().await
    }

    /// Seconds since the server started.
    pub async fn uptime_s(&self) -> Result<u32> {
        self.client.query("SELECT uptime()").fetch_one().await
    }
}
