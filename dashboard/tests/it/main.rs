//! Rows in a real ClickHouse to what is read and answered. Runs where `CLICKHOUSE_URL` is set: in a database of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::time::Duration;

use clickhouse::Client;
use dashboard::range::DaySpan;
use dashboard::sources::live::LiveSource;
use dashboard::sources::{Detail, KnownRound, Round};
use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use schema::sites::Site;
use schema::tables;
use schema::views::View;
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
    for statement in tables::all() {
        client.query_raw(&statement).execute().await.unwrap();
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

/// The bare total of its visitors.
fn visitors_of(round: &Round) -> i64 {
    let totals = round.sums.bare().totals(crowd::Snapshot::None, crowd::K::of(&site()));
    totals.get(Measure::Visitors).exactly().unwrap()
}

#[tokio::test]
async fn an_open_day_is_computed_anew_at_the_next_step_and_a_settled_one_at_once() {
    let Some(client) = database("live").await else { return };
    let (site, step_s) = (site(), 900);
    let live = LiveSource::new(Warehouse::new(client.clone()), Duration::from_secs(step_s));
    let days = DaySpan { first: DAY, last: DAY };
    let sources = async |detail: Detail, now_s: i64| -> Vec<(i64, Option<usize>)> {
        let rounds = live.rounds(&site, days, detail, now_s).await.unwrap();
        let sources = |known: &KnownRound| {
            let view = known.snapshot.as_ref()?.published.view(View::named("source").unwrap())?;
            Some(view.cells().len())
        };
        rounds.iter().map(|known| (visitors_of(&known.round), sources(known))).collect()
    };

    run(&client, "INSERT INTO shards VALUES (0, 1, 0)").await;
    visitors(&client, (0, 0, 1), "one", 10).await;
    assert_eq!(sources(Detail::Published, 0).await, [(10, Some(1))]);
    assert_eq!(sources(Detail::PublishedIfSettled, 0).await, [(10, None)], "a token without live sees the bare totals");

    visitors(&client, (0, 0, 1), "two", 10).await;
    assert_eq!(
        sources(Detail::Published, 899).await,
        [(20, Some(1))],
        "bare totals are new, sources wait for the step"
    );
    assert_eq!(sources(Detail::Published, 900).await, [(20, Some(2))]);
    visitors(&client, (0, 0, 1), "two", 4).await;
    visitors(&client, (0, 0, 1), "three", 0).await;
    assert_eq!(sources(Detail::Published, 9_000).await, [(24, Some(2))], "fewer than k are new");

    visitors(&client, (0, 0, 1), "three", 10).await;
    closed(&client, 0, DAY).await;
    run(&client, &format!("INSERT INTO settled VALUES ({}, 0, 0, 1, 0)", DAY.0)).await;
    assert_eq!(sources(Detail::Published, 9_001).await, [(34, Some(3))]);
    assert_eq!(sources(Detail::PublishedIfSettled, 9_001).await, [(34, Some(3))]);
    gone(&client).await;
}

#[tokio::test]
async fn a_round_with_half_a_batch_is_answered_and_not_cached() {
    let Some(client) = database("half").await else { return };
    let site = site();
    let live = LiveSource::new(Warehouse::new(client.clone()), Duration::from_secs(900));
    let days = DaySpan { first: DAY, last: DAY };
    let pages = async || {
        let rounds = live.rounds(&site, days, Detail::Published, 0).await.unwrap();
        let snapshot = rounds[0].snapshot.clone().unwrap();
        snapshot.published.view(View::named("page").unwrap()).unwrap().cells().len()
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
