//! Settled rounds (table `settled`): closed rounds whose live rows were found equal to the fold's control sums.

use std::collections::BTreeMap;

use clickhouse::Row;
use schema::day::Day;
use schema::round::RoundKey;
use serde::{Deserialize, Serialize};

use crate::client::{date, moment};
use crate::{Result, Warehouse};

#[derive(Row, Serialize, Deserialize)]
struct SettledRow {
    day: u16,
    round: u32,
    shard: u32,
    generation: u32,
    settled_at: u32,
}

impl Warehouse {
    /// The settled rounds of a shard, with the generation that holds each. If several generations settled a round, the
    /// lowest holds it.
    pub async fn settled_rounds(&self, shard: u32) -> Result<BTreeMap<RoundKey, u32>> {
        let sql = "SELECT day, round, min(generation) FROM settled WHERE shard = ? GROUP BY day, round";
        let rows = self.client.query(sql).bind(shard).fetch_all::<(u16, u32, u32)>().await?;
        Ok(rows.into_iter().map(|(day, round, generation)| ((Day(i32::from(day)), round), generation)).collect())
    }

    /// Settles a round of a shard: from now on this generation's rows are the round.
    pub async fn settle(&self, key: RoundKey, shard: u32, generation: u32, now_s: i64) -> Result<()> {
        let (day, round) = key;
        let mut insert = self.client.insert::<SettledRow>("settled").await?;
        insert.write(&SettledRow { day: date(day), round, shard, generation, settled_at: moment(now_s) }).await?;
        insert.end().await
    }
}
