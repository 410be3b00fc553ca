//! How far each log was imported (table `imports`). An entry counts once the shard of its import is named.

use clickhouse::Row;
use serde::{Deserialize, Serialize};

use crate::client::moment;
use crate::{Result, Warehouse};

/// How far a log was imported. A log is identified by a hash of its first bytes; the import decides how it is computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedLog {
    /// How many bytes of the log's head are hashed.
    pub head_bytes: u32,
    /// The hash of the log's head.
    pub head_hash: String,
    /// Bytes of the log that were imported.
    pub bytes_done: u64,
}

#[derive(Row, Serialize, Deserialize)]
struct ImportRow<'a> {
    site: u32,
    shard: u32,
    head_bytes: u32,
    head_hash: &'a str,
    bytes_done: u64,
    imported_at: u32,
}

impl Warehouse {
    /// The logs that were imported for a site, each with the most bytes that any import read.
    pub async fn imported_logs(&self, site: u32) -> Result<Vec<ImportedLog>> {
        let sql = "SELECT head_bytes, head_hash, max(bytes_done) FROM imports \
                   WHERE site = ? AND shard IN (SELECT shard FROM shards) GROUP BY head_bytes, head_hash";
        let rows = self.client.query(sql).bind(site).fetch_all::<(u32, String, u64)>().await?;
        let log = |(head_bytes, head_hash, bytes_done)| ImportedLog { head_bytes, head_hash, bytes_done };
        Ok(rows.into_iter().map(log).collect())
    }

    /// Writes how far an import read each log. The entries count once `shard` is named.
    pub async fn write_imported_logs(&self, site: u32, shard: u32, logs: &[ImportedLog], now_s: i64) -> Result<()> {
        let mut insert = self.client.insert::<ImportRow<'_>>("imports").await?;
        for ImportedLog { head_bytes, head_hash, bytes_done } in logs {
            let (head_bytes, bytes_done, imported_at) = (*head_bytes, *bytes_done, moment(now_s));
            insert.write(&ImportRow { site, shard, head_bytes, head_hash, bytes_done, imported_at }).await?;
        }
        insert.end().await
    }
}
