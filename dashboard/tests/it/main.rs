//! From rows in a real ClickHouse to what is published. These tests run where `CLICKHOUSE_URL` is set; each has a
//! database of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::sync::Arc;
use std::time::Duration;

use actix_web::test::TestRequest;
use actix_web::web::Data;
use actix_web::{App, test};
use clickhouse::Client;
use dashboard::range::DaySpan;
use dashboard::sources::live::LiveSource;
use dashboard::sources::{Detail, KnownRound, RoundState};
use dashboard::{ApiToken, StatsApi};
use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use schema::sites::{CurrentSites, Site, Sites};
use schema::tables;
use schema::views::View;
use serde_json::{Value, json};
use warehouse::Warehouse;

const DAY: Day = Day(20_000);

/// A client for a new database with empty tables. None: no server is configured.
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

/// Adds so many visitors of one page view each, with `source`, to a (round, shard, generation) of the day.
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

/// Records that a shard has folded the close of a date.
async fn closed(client: &Client, shard: u32, up_to: Day) {
    run(client, &format!("INSERT INTO closed VALUES ({0}, {shard}, 1, {0}, 0, '', '', 0)", up_to.0)).await;
}

fn site() -> Site {
    Site::new(7, "a.org")
}

/// The bare total of its visitors.
fn visitors_of(round: &RoundState) -> i64 {
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

#[actix_web::test]
async fn many_questions_get_the_answers_that_each_gets_alone() {
    let Some(client) = database("many").await else { return };
    run(&client, "INSERT INTO shards VALUES (0, 1, 0)").await;
    visitors(&client, (0, 0, 1), "one", 10).await;
    visitors(&client, (0, 0, 1), "two", 7).await;

    let sites = Arc::new(CurrentSites::new(Sites::new(vec![site()]).unwrap()));
    let token = ApiToken { name: "t".into(), sites: vec![7], blake3: blake3::hash(b"secret"), live: true };
    let api = Data::new(StatsApi::new(sites, vec![token], Duration::from_secs(900), client.clone()));
    let app = test::init_service(App::new().configure(|config| dashboard::configure(config, api))).await;
    let ask = async |path: &str, body: Value| -> Value {
        let request = TestRequest::post().uri(path).insert_header(("authorization", "Bearer secret"));
        let request = request.set_payload(body.to_string()).to_request();
        test::call_and_read_body_json(&app, request).await
    };

    let day = DAY.to_string();
    let question = |metric: &str, dimensions: &[&str], range: Value| json!({"site_id": "a.org", "metrics": [metric], "dimensions": dimensions, "date_range": range});
    let questions = [
        question("visitors", &[], json!([day, day])),
        question("visitors", &["visit:source"], json!([day, day])),
        question("shoes", &[], json!([day, day])),
        question("visits", &["time:day"], json!("all")),
        question("events", &[], json!([day, day])),
    ];
    let together = ask("/api/v2/queries", json!({"queries": questions})).await;
    for (n, question) in questions.iter().enumerate() {
        assert_eq!(together["answers"][n], ask("/api/v2/query", question.clone()).await, "{question}");
    }
    assert_eq!(together["answers"][0]["results"], json!([{"dimensions": [], "metrics": [17]}]));
    assert!(together["answers"][0]["meta"].get("as_of").is_none(), "bare totals are newer than the snapshot");
    assert!(together["answers"][1]["meta"]["as_of"].is_string());
    gone(&client).await;
}
