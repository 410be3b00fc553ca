//! Rows in a real ClickHouse to what is read and answered. Runs where `CLICKHOUSE_URL` is set: in a database of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::time::Duration;

use clickhouse::Client;
use dashboard::live::{Live, Part};
use dashboard::range::Days;
use schema::cubes::Cube;
use schema::day::Day;
use schema::sites::Site;
use schema::tables;
use warehouse::Warehouse;

const DAY: Day = Day(20_000);

/// A database with the tables, empty, and a client for it; none: no server is known.
async fn database(name: &str) -> Option<Client> {
    #[expect(clippy::disallowed_methods, reason = "tests find their server where the configuration would")]
    let Ok(url) = std::env::var("CLICKHOUSE_URL") else {
        println!("skipped: CLICKHOUSE_URL is not set");
        return None;
    };
    let client = Client::default().with_url(url);
    let name = format!("dashboard_{name}_{}", std::process::id());
    client.query(&format!("CREATE DATABASE {name}")).execute().await.unwrap();
    let client = client.with_database(name);
    for (.., sql) in tables::MIGRATIONS {
        for statement in tables::statements(sql) {
            client.query_raw(statement).execute().await.unwrap();
        }
    }
    Some(client)
}

async fn gone(client: &Client) {
    let database = client.database().unwrap();
    client.query(&format!("DROP DATABASE {database}")).execute().await.unwrap();
}

async fn run(client: &Client, sql: &str) {
    client.query_raw(sql).execute().await.unwrap();
}

/// So many visitors of one view each, with `source`, in a (round, shard, generation) of the day.
async fn visitors(client: &Client, at: (u32, u32, u32), source: &str, n: i32) {
    let (round, shard, generation) = at;
    for cube in [Cube::Visits, Cube::Pages] {
        let names: Vec<String> = cube
            .dimensions()
            .iter()
            .map(|d| match d.label() {
                "source" => format!("'{source}'"),
                label => format!("'a {label}'"),
            })
            .collect();
        let sums: Vec<String> = cube
            .measures()
            .iter()
            .map(|m| match m.label() {
                "seconds" | "exits" | "exit_visitors" => "0".to_owned(),
                _ => n.to_string(),
            })
            .collect();
        let head = format!("7, {}, {round}, {shard}, {generation}, 1728000000, 1728000000", DAY.0);
        let sql = format!("INSERT INTO {} VALUES ({head}, {}, {})", cube.label(), names.join(", "), sums.join(", "));
        run(client, &sql).await;
    }
}

/// A shard has folded the close of a date.
async fn closed(client: &Client, shard: u32, up_to: Day) {
    run(client, &format!("INSERT INTO closed VALUES ({0}, {shard}, 1, {0}, 0, '', '', 0)", up_to.0)).await;
}

fn site() -> Site {
    Site::new(7, "a.org")
}

#[tokio::test]
async fn an_open_day_is_told_anew_at_the_next_step_and_a_settled_one_at_once() {
    let Some(client) = database("live").await else { return };
    let (site, step_s) = (site(), 900);
    let live = Live::new(Warehouse::new(client.clone()), Duration::from_secs(step_s));
    let days = Days { first: DAY, last: DAY };
    let told = async |open: bool, now_s: i64| -> Vec<(i64, Option<usize>)> {
        let parts = live.parts(&site, days, true, open, now_s).await.unwrap();
        let sources = |part: &Part| {
            let view = part.told.as_ref()?.published.view(schema::dimensions::Dimension::Source)?;
            Some(view.cells.len())
        };
        parts.iter().map(|part| (part.round.sums.visitors, sources(part))).collect()
    };

    run(&client, "INSERT INTO shards VALUES (0, 1, 0)").await;
    visitors(&client, (0, 0, 1), "one", 10).await;
    assert_eq!(told(true, 0).await, [(10, Some(1))]);
    assert_eq!(told(false, 0).await, [(10, None)], "a token without live sees the bare totals");

    visitors(&client, (0, 0, 1), "two", 10).await;
    assert_eq!(told(true, 899).await, [(20, Some(1))], "bare totals follow, what is told waits for the step");
    assert_eq!(told(true, 900).await, [(20, Some(2))]);
    visitors(&client, (0, 0, 1), "two", 4).await;
    visitors(&client, (0, 0, 1), "three", 0).await;
    assert_eq!(told(true, 9_000).await, [(24, Some(2))], "fewer than k are new");

    visitors(&client, (0, 0, 1), "three", 10).await;
    closed(&client, 0, DAY).await;
    run(&client, &format!("INSERT INTO settled VALUES ({}, 0, 0, 1, 0)", DAY.0)).await;
    assert_eq!(told(true, 9_001).await, [(34, Some(3))]);
    assert_eq!(told(false, 9_001).await, [(34, Some(3))]);
    gone(&client).await;
}

#[tokio::test]
async fn half_a_batch_is_told_and_not_kept() {
    let Some(client) = database("half").await else { return };
    let site = site();
    let live = Live::new(Warehouse::new(client.clone()), Duration::from_secs(900));
    let days = Days { first: DAY, last: DAY };
    let pages = async || {
        let parts = live.parts(&site, days, true, true, 0).await.unwrap();
        let told = parts[0].told.clone().unwrap();
        told.published.view(schema::dimensions::Dimension::Page).unwrap().cells.len()
    };
    run(&client, "INSERT INTO shards VALUES (0, 1, 0)").await;
    visitors(&client, (0, 0, 1), "one", 10).await;
    run(&client, "CREATE TABLE later AS live_pages").await;
    run(&client, "INSERT INTO later SELECT * FROM live_pages").await;
    run(&client, "TRUNCATE TABLE live_pages").await;
    assert_eq!(pages().await, 0);
    run(&client, "INSERT INTO live_pages SELECT * FROM later").await;
    assert_eq!(pages().await, 1);
    gone(&client).await;
}
