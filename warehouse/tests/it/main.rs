//! The crate against a real ClickHouse. These tests run where `CLICKHOUSE_URL` is set; each makes a database of its own
//! and drops it at its end.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod cells;
mod counted;
mod imports;
mod rounds;

use clickhouse::Client;
use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use warehouse::{Round, Warehouse};

const DAY: Day = Day(20_000);

/// The site of all rows.
const SITE: u32 = 7;

/// An empty database with the tables; `None` if no server is configured.
struct Database {
    client: Client,
    warehouse: Warehouse,
}

impl Database {
    async fn new(name: &str) -> Option<Database> {
        #[expect(clippy::disallowed_methods, reason = "tests find their server where the configuration would")]
        let Ok(url) = std::env::var("CLICKHOUSE_URL") else {
            println!("skipped: CLICKHOUSE_URL is not set");
            return None;
        };
        let client = Client::default().with_url(url);
        let name = format!("warehouse_{name}_{}", std::process::id());
        client.query(&format!("CREATE DATABASE {name}")).execute().await.unwrap();
        let client = client.with_database(name);
        let warehouse = Warehouse::new(client.clone());
        warehouse.migrate(0).await.unwrap();
        Some(Database { client, warehouse })
    }

    async fn drop(self) {
        let name = self.client.database().unwrap();
        self.client.query(&format!("DROP DATABASE {name}")).execute().await.unwrap();
    }

    async fn run(&self, sql: &str) {
        self.client.query_raw(sql).execute().await.unwrap();
    }

    /// `n` visitors of one page view each, with `source`, in a (round, shard, generation) of `DAY`.
    async fn visitors(&self, at: (u32, u32, u32), source: &str, n: i32) {
        for cube in [Cube::Visits, Cube::Pages] {
            self.row(
                cube,
                at,
                &|dimension| match dimension {
                    "source" => source.to_owned(),
                    label => format!("a {label}"),
                },
                n,
            )
            .await;
        }
    }

    /// One row of a cube in a (round, shard, generation) of `DAY`: a name for each dimension, and `n` for each measure
    /// but those that a visit of one page view does not move.
    async fn row(&self, cube: Cube, at: (u32, u32, u32), name: &dyn Fn(&str) -> String, n: i32) {
        let (round, shard, generation) = at;
        let names = cube.dimensions().iter().map(|d| format!("'{}'", name(d.label())));
        let sums = cube.measures().iter().map(|m| match m.label() {
            "seconds" | "exits" | "exit_visitors" => "0".to_owned(),
            _ => n.to_string(),
        });
        let time = if cube.is_timed() { vec!["1728000000".to_owned(); 2] } else { vec![] };
        let head = [SITE.to_string(), DAY.0.to_string(), round.to_string(), shard.to_string(), generation.to_string()];
        let values: Vec<String> = head.into_iter().chain(time).chain(names).chain(sums).collect();
        self.run(&format!("INSERT INTO {} VALUES ({})", cube.label(), values.join(", "))).await;
    }

    /// A shard has folded the close of a date.
    async fn closed(&self, shard: u32, up_to: Day) {
        self.run(&format!("INSERT INTO closed VALUES ({0}, {shard}, 1, {0}, 0, '', '', 0)", up_to.0)).await;
    }
}

/// Of each round its number, whether it is settled, and its visitors.
fn summaries(rounds: &[Round]) -> Vec<(u32, bool, i64)> {
    rounds.iter().map(|round| (round.round, round.settled, round.visit_sum(Measure::Visitors))).collect()
}
