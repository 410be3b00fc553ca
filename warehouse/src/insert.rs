//! Inserts blocks of rows into the live tables.
//!
//! Every insert carries a token, goes to one partition as one block and is synchronous, so ClickHouse lands it once,
//! however often it is sent. If an insert returns an error its outcome is unknown: the rows may have landed.

use std::time::Duration;

use crate::{Result, Rows, Warehouse, native};

/// Longest wait for one insert's answer. After that the outcome is unknown and the caller sends the insert again.
const INSERT_TIMEOUT: Duration = Duration::from_secs(60);

impl Warehouse {
    /// Sends the rows as one block that belongs to a shard and a generation.
    pub async fn insert(&self, rows: &Rows, shard: u32, generation: u32, token: &str) -> Result<()> {
        let columns = native::columns(rows.cube).join(", ");
        let sql = format!("INSERT INTO {} ({columns}) FORMAT Native", rows.cube.label());
        let block = native::block(rows, shard, generation);
        let mut insert = self
            .client
            .insert_formatted_with(sql)
            .with_setting("insert_deduplication_token", token)
            .with_timeouts(Some(INSERT_TIMEOUT), Some(INSERT_TIMEOUT));
        insert.send(block.into()).await?;
        insert.end().await
    }
}
