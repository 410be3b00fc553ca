//! Makes the tables: the live ones as `schema` declares their cubes, all others by numbered SQL files, each once, in
//! order.

use schema::cubes::Cube;
use schema::tables;

use crate::retry::retry;
use crate::{Error, Result, Warehouse};

impl Warehouse {
    /// Applies the migrations that are not applied yet, and checks that the tables are of the configured kind.
    pub async fn migrate(&self, now_s: i64) -> Result<()> {
        for cube in Cube::ALL {
            self.make(&tables::live(*cube)).await?;
            self.add_columns(*cube).await?;
        }
        self.make(tables::HISTORY).await?;
        let done: Vec<u32> = self.client.query("SELECT number FROM migrations").fetch_all().await?;
        for (number, name, sql) in tables::MIGRATIONS.iter().filter(|(number, ..)| !done.contains(number)) {
            for statement in tables::statements(sql) {
                self.make(statement).await?;
            }
            let record = "INSERT INTO migrations SELECT ?, ?, toDateTime(?)";
            self.client.query(record).bind(number).bind(name).bind(now_s).execute().await?;
            tracing::info!(number, name, "applied migration {number} ({name})");
        }
        self.check_engines().await?;
        if self.replicated {
            for table in tables::names() {
                self.client.query_raw(&format!("SYSTEM SYNC REPLICA {table} LIGHTWEIGHT")).execute().await?;
            }
        }
        Ok(())
    }

    /// A table that an earlier version made gets the columns that were declared since.
    async fn add_columns(&self, cube: Cube) -> Result<()> {
        let sql = "SELECT count() FROM system.columns WHERE database = currentDatabase() AND table = ? AND name IN ?";
        let columns: Vec<&str> = cube.columns().iter().map(|(name, _)| *name).collect();
        let there: u64 = self.client.query(sql).bind(cube.label()).bind(&columns).fetch_one().await?;
        if there < columns.len() as u64 {
            self.client.query_raw(&tables::added_columns(cube)).execute().await?;
            tracing::info!(table = cube.label(), "added columns to {}", cube.label());
        }
        Ok(())
    }

    /// `migrate`, retried until ClickHouse has answered.
    pub async fn migrate_until_done(&self, now_s: i64) {
        retry("making the tables", || self.migrate(now_s)).await;
    }

    /// `IF NOT EXISTS`: a migration that was interrupted begins again, and what it made already stays as it is.
    async fn make(&self, statement: &str) -> Result<()> {
        let statement = statement.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ");
        let statement = if self.replicated { tables::replicated(&statement) } else { statement };
        self.client.query_raw(&statement).execute().await
    }

    /// A changed configuration does not turn existing tables into replicated ones, or back.
    async fn check_engines(&self) -> Result<()> {
        let (wrong, is, must) = match self.replicated {
            true => ("MergeTree", "not replicated", "and the configuration says `replicated_tables = true`"),
            false => ("ReplicatedMergeTree", "replicated", "which takes `replicated_tables = true`"),
        };
        let sql = "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = ? AND name IN ?";
        let names: Vec<&str> = tables::names().collect();
        let found: Vec<String> = self.client.query(sql).bind(wrong).bind(names).fetch_all().await?;
        match found.first() {
            None => Ok(()),
            Some(table) => Err(Error::Other(format!("the table {table} is {is}, {must}").into())),
        }
    }
}
