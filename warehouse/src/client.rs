//! The ClickHouse client with the settings that Footfall depends on.

use schema::day::Day;

use crate::Result;

/// Longest time that one of our queries, or a reader's, may run. A partition that stopped counting is kept at least
/// that long.
pub const QUERY_SECONDS_MAX: u32 = 30;

/// The tables of one Footfall in one ClickHouse.
#[derive(Clone)]
pub struct Warehouse {
    pub(crate) client: clickhouse::Client,
    pub(crate) replicated: bool,
}

impl Warehouse {
    /// Uses this client. Every setting that matters is set, also where it equals the server's default, because a
    /// server's profile may differ.
    pub fn new(client: clickhouse::Client) -> Warehouse {
        let client = client
            .with_setting("async_insert", "0")
            .with_setting("optimize_on_insert", "0")
            .with_setting("insert_deduplicate", "1")
            .with_setting("max_insert_threads", "0")
            .with_setting("max_execution_time", QUERY_SECONDS_MAX.to_string());
        Warehouse { client, replicated: false }
    }

    /// Whether the tables are replicated (`schema::tables::replicated`).
    ///
    /// Replication makes the loss of a server bearable and its deduplication log safe. It does not make several servers
    /// equivalent, because a query must see what was just written: a sweep that sees a new generation, but not yet the
    /// round that an older generation settled, would drop rows that count. Quorum writes do not guarantee that here:
    ///
    /// * `select_sequential_consistency` needs `insert_quorum_parallel = 0`, which refuses a second insert into a table
    ///   while one is running. Shards insert all the time, and after each refusal the outcome is unknown, so that
    ///   control sums must be compared.
    /// * `insert_quorum = 'auto'` also counts replicas that are gone for good.
    ///
    /// So the rule is: one server at a time. Every process begins with `migrate`, which waits until that server has
    /// everything that any replica accepted. An operator whose answered inserts must outlive the server's disk sets
    /// `insert_quorum = 2` in the profile of our user.
    ///
    /// The tests never run this against a Keeper, because the embedded engine has none. They show that the engine
    /// accepts the statements up to that point.
    #[must_use]
    pub fn replicated(mut self, replicated: bool) -> Warehouse {
        self.replicated = replicated;
        self
    }
}

/// Whether ClickHouse answers this client.
pub async fn ping(client: &clickhouse::Client) -> Result<()> {
    client.query("SELECT 1").fetch_one::<u8>().await.map(|_one| ())
}

/// A day as the tables store it. A day that a `Date` cannot hold becomes 1970-01-01.
pub(crate) fn date(day: Day) -> u16 {
    day.clickhouse().unwrap_or(0)
}

/// A moment as the tables store it, UTC seconds. A moment that a `DateTime` cannot hold becomes 0.
pub(crate) fn moment(now_s: i64) -> u32 {
    u32::try_from(now_s).unwrap_or(0)
}
