//! ClickHouse as this crate sees it: live rows by (table, day, round, shard, generation), and the few small tables that
//! say which of them count.
//!
//! Every insert carries a token, goes to one partition as one block and is synchronous, so ClickHouse lands it once
//! however often it is sent. An error here means *unknown*: the rows may have landed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use clickhouse::Row;
use schema::cubes::Cube;
use schema::day::Day;
use schema::tables;
use serde::{Deserialize, Serialize};

use crate::native;
use crate::rows::Rows;
use crate::store::Store;
use crate::sums::Sums;

/// Longest wait for one insert's answer. After it the outcome is unknown and the insert is sent again.
const INSERT_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest a query of ours or of a reader may run. Nothing is dropped until this long after it stopped counting.
pub const QUERY_SECONDS_MAX: u32 = 30;

/// An error of the ClickHouse client or server.
pub type Error = clickhouse::error::Error;
/// What may be said of ClickHouse.
pub type Result<T> = std::result::Result<T, Error>;
/// A day's own events (round 0) or late ones.
pub type RoundKey = (Day, u32);

/// The tables of one Footfall in one ClickHouse.
#[derive(Clone)]
pub struct Warehouse {
    client: clickhouse::Client,
    replicated: bool,
}

#[derive(Row, Serialize, Deserialize)]
struct ShardRow {
    shard: u32,
    generation: u32,
    named_at: u32,
}

#[derive(Row, Serialize, Deserialize)]
struct SettledRow {
    day: u16,
    round: u32,
    shard: u32,
    generation: u32,
    settled_at: u32,
}

#[derive(Row, Serialize, Deserialize)]
struct ClosedRow<'a> {
    closed_to: u16,
    shard: u32,
    generation: u32,
    day: u16,
    round: u32,
    cube: &'a str,
    measure: &'a str,
    sum: i64,
}

#[derive(Row, Deserialize)]
struct SumsRow {
    day: u16,
    round: u32,
    sums: Vec<i64>,
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

/// One partition of a live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The table.
    pub table: String,
    /// ClickHouse's name of the partition.
    pub id: String,
    /// Which round.
    pub key: RoundKey,
    /// Whose.
    pub shard: u32,
    /// Which life of the shard.
    pub generation: u32,
    /// When its last part was written, UTC seconds.
    pub changed_at: u32,
}

impl Warehouse {
    /// Uses this client; settings that matter are set here even where they equal the server's default.
    pub fn new(client: clickhouse::Client) -> Warehouse {
        let client = client
            .with_setting("async_insert", "0")
            .with_setting("optimize_on_insert", "0")
            .with_setting("insert_deduplicate", "1")
            .with_setting("max_insert_threads", "0")
            .with_setting("max_execution_time", QUERY_SECONDS_MAX.to_string());
        Warehouse { client, replicated: false }
    }

    /// Whether the tables are replicated ones (`schema::tables::replicated`).
    ///
    /// Copies make a server's loss bearable and its dedup log safe; they do not make several servers one. What was just
    /// written must be read: a sweep that sees a new generation and not yet the round that an older one settled would
    /// drop what counts. Quorum writes do not give that here. `select_sequential_consistency` needs
    /// `insert_quorum_parallel = 0`, which refuses a second insert into a table while one waits, and shards insert all
    /// the time; each refusal is an unknown outcome, to be followed by control sums. And `insert_quorum = 'auto'` counts
    /// replicas that are gone for good. So the rule is: one server at a time. `migrate`, with which every process
    /// begins, waits until that server has all that any replica took, and whoever wants an answered insert to outlive
    /// the server's disk sets `insert_quorum = 2` in the profile of our user.
    ///
    /// Never run against a Keeper by the tests here: the embedded engine has none. They show that it takes the
    /// statements up to that point.
    #[must_use]
    pub fn replicated(mut self, replicated: bool) -> Warehouse {
        self.replicated = replicated;
        self
    }

    /// Makes the tables: each numbered SQL file once, in order.
    pub async fn migrate(&self, now_s: i64) -> Result<()> {
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

    /// A migration cut off half-way is begun again: what it made already is left as it is.
    async fn make(&self, statement: &str) -> Result<()> {
        let statement = statement.replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ");
        let statement = if self.replicated { tables::replicated(&statement) } else { statement };
        self.client.query_raw(&statement).execute().await
    }

    /// Tables made one way are not turned into the other by a changed configuration.
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

    /// The same, again and again until ClickHouse has answered.
    pub async fn migrate_until_done(&self, now_s: i64) {
        retry("making the tables", || self.migrate(now_s)).await;
    }

    /// The highest shard number ever used: named, or left behind by an import that was killed on the way there, whose
    /// rows must not become another's.
    pub async fn highest_shard(&self) -> Result<u32> {
        let tables = ["shards", "closed", "imports"].map(|table| format!("SELECT max(shard) AS top FROM {table}"));
        self.client.query(&format!("SELECT max(top) FROM ({})", tables.join(" UNION ALL "))).fetch_one().await
    }

    /// The client, for what only one caller asks.
    pub fn client(&self) -> &clickhouse::Client {
        &self.client
    }
}

impl Store for Warehouse {
    async fn uptime_s(&self) -> Result<u32> {
        self.client.query("SELECT uptime()").fetch_one().await
    }

    async fn insert(&self, rows: &Rows, shard: u32, generation: u32, token: &str) -> Result<()> {
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

    async fn live_sums(&self, shard: u32, generation: u32) -> Result<BTreeMap<RoundKey, Sums>> {
        let mut found: BTreeMap<RoundKey, Sums> = BTreeMap::new();
        for &cube in Cube::ALL {
            let sums: Vec<String> = cube.measures().iter().map(|m| format!("sum({})", m.label())).collect();
            let sql = format!(
                "SELECT day, round, [{}] AS sums FROM {} WHERE shard = ? AND generation = ? GROUP BY day, round",
                sums.join(", "),
                cube.label()
            );
            for row in self.client.query(&sql).bind(shard).bind(generation).fetch_all::<SumsRow>().await? {
                found.entry((Day(i32::from(row.day)), row.round)).or_default().set(cube, row.sums);
            }
        }
        found.retain(|_, sums| !sums.is_zero());
        Ok(found)
    }

    async fn named(&self, shard: u32) -> Result<u32> {
        self.client.query("SELECT max(generation) FROM shards WHERE shard = ?").bind(shard).fetch_one().await
    }

    async fn all_named(&self) -> Result<BTreeMap<u32, (u32, u32)>> {
        let sql = "SELECT shard, max(generation), argMax(named_at, generation) FROM shards GROUP BY shard";
        let rows = self.client.query(sql).fetch_all::<(u32, u32, u32)>().await?;
        Ok(rows.into_iter().map(|(shard, generation, at)| (shard, (generation, at))).collect())
    }

    async fn highest_generation(&self, shard: u32) -> Result<u32> {
        let mut highest = 0;
        for cube in Cube::ALL {
            let sql = format!("SELECT max(generation) FROM {} WHERE shard = ?", cube.label());
            highest = highest.max(self.client.query(&sql).bind(shard).fetch_one().await?);
        }
        Ok(highest)
    }

    async fn name(&self, shard: u32, generation: u32, now_s: i64) -> Result<()> {
        let mut insert = self.client.insert::<ShardRow>("shards").await?;
        insert.write(&ShardRow { shard, generation, named_at: seconds(now_s) }).await?;
        insert.end().await
    }

    async fn settled(&self, shard: u32) -> Result<BTreeMap<RoundKey, u32>> {
        let sql = "SELECT day, round, min(generation) FROM settled WHERE shard = ? GROUP BY day, round";
        let rows = self.client.query(sql).bind(shard).fetch_all::<(u16, u32, u32)>().await?;
        Ok(rows.into_iter().map(|(day, round, generation)| ((Day(i32::from(day)), round), generation)).collect())
    }

    async fn settle(&self, key: RoundKey, shard: u32, generation: u32, now_s: i64) -> Result<()> {
        let mut insert = self.client.insert::<SettledRow>("settled").await?;
        let (day, round) = (key.0.clickhouse().unwrap_or(0), key.1);
        insert.write(&SettledRow { day, round, shard, generation, settled_at: seconds(now_s) }).await?;
        insert.end().await
    }

    async fn close(
        &self,
        closed_to: Day,
        shard: u32,
        generation: u32,
        rounds: &BTreeMap<RoundKey, Sums>,
    ) -> Result<()> {
        let closed_to = closed_to.clickhouse().unwrap_or(0);
        let mut insert = self.client.insert::<ClosedRow<'_>>("closed").await?;
        let head = ClosedRow { closed_to, shard, generation, day: closed_to, round: 0, cube: "", measure: "", sum: 0 };
        insert.write(&head).await?;
        for (&(day, round), sums) in rounds {
            for (cube, measure, sum) in sums.iter().filter(|(.., sum)| *sum != 0) {
                let (cube, measure) = (cube.label(), measure.label());
                let day = day.clickhouse().unwrap_or(0);
                insert.write(&ClosedRow { closed_to, shard, generation, day, round, cube, measure, sum }).await?;
            }
        }
        insert.end().await
    }

    async fn partitions(&self) -> Result<Vec<Partition>> {
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

    async fn drop_partition(&self, partition: &Partition) -> Result<()> {
        let sql = format!("ALTER TABLE {} DROP PARTITION ID '{}'", partition.table, partition.id);
        self.client.query_raw(&sql).execute().await
    }
}

fn seconds(now_s: i64) -> u32 {
    u32::try_from(now_s).unwrap_or(0)
}

/// Longest pause between two tries of something ClickHouse did not answer.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// Asks until there is an answer. Only for what may be asked twice.
pub(crate) async fn retry<T, F: Future<Output = Result<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let mut pause = Duration::from_millis(100);
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => tracing::warn!(error = reasons(&error), "{what} failed; trying again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_PAUSE_MAX);
    }
}

/// The error and what it came from: only the last of them says that it was the certificate.
pub fn reasons(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let mut words: Vec<String> = chain.map(ToString::to_string).collect();
    // Some repeat what they came from.
    words.dedup_by(|later, earlier| earlier.ends_with(later.as_str()));
    words.join(": ")
}
