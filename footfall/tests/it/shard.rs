//! One shard with a real ClickHouse: either is killed at any moment; lost parts, closes, lost and stale intents.
//!
//! Each event views its own page, so every page must have one view: 0 is a loss, 2 is a double count.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aggregator::fold::Limits;
use aggregator::shard::intent::IntentFile;
use aggregator::shard::sweep::Imports;
use aggregator::shard::{Inputs, run};
use aggregator::stream::spool::SpoolStream;
use schema::day::Day;
use schema::event::VisitorTag;
use schema::wire;
use tempfile::TempDir;
use testbed::clickhouse::Engine;
use testbed::events::view;
use warehouse::Warehouse;

const TODAY: Day = Day(20_000);

/// A spool and a ClickHouse, with a shard between them.
struct Bench {
    dir: TempDir,
    engine: Engine,
    writer: spool::Writer,
    handle: spool::Handle,
    epoch: u64,
    number: u64,
}

impl Bench {
    async fn new() -> Bench {
        let dir = TempDir::new().unwrap();
        let engine = Engine::start(env!("CARGO_BIN_EXE_footfall")).await;
        Warehouse::new(engine.client()).migrate(0).await.unwrap();
        // Small segments, so that a trim can delete one.
        let options =
            spool::Options { segment_bytes: 4096, segment_age: Duration::from_secs(3600), bytes_max: 1 << 30 };
        let (writer, handle, _) = spool::open(&dir.path().join("spool"), options, 0).unwrap();
        Bench { dir, engine, writer, handle, epoch: 7, number: 0 }
    }

    fn view(&mut self, day: Day, visitor: u64, page: &str) {
        let event = view(day, 0, VisitorTag(visitor), page);
        let (mut body, mut record) = (Vec::new(), Vec::new());
        wire::encode_event(&event, &mut body);
        self.number += 1;
        wire::encode_record(0, self.epoch, self.number, &body, &mut record);
        self.writer.frame(&record);
        self.writer.commit().unwrap();
    }

    fn close(&mut self, day: Day) {
        let (mut body, mut record) = (Vec::new(), Vec::new());
        wire::encode_close(day, &mut body);
        wire::encode_record(0, 0, 0, &body, &mut record);
        self.writer.frame(&record);
        self.writer.commit().unwrap();
        self.writer.end_segment().unwrap();
    }

    fn inputs(&self, stop: bool) -> Inputs<SpoolStream, Warehouse> {
        Inputs {
            shard: 0,
            stream: SpoolStream::new(self.handle.clone(), IntentFile::new(self.dir.path())).unwrap(),
            warehouse: Warehouse::new(self.engine.client()),
            engine_starts: None,
            imports: Imports::Lock(self.dir.path().join("import.lock")),
            limits: Limits::default(),
            stop: Arc::new(AtomicBool::new(stop)),
            now_s: schema::clock::now_s,
        }
    }

    /// Runs the shard until everything in the spool is inserted.
    async fn catch_up(&self) {
        tokio::time::timeout(Duration::from_secs(60), run(self.inputs(true))).await.expect("it ends").unwrap();
    }

    fn intent(&self) -> PathBuf {
        self.dir.path().join("intent.json")
    }

    /// Page -> views, by the generations that a reader counts.
    async fn pages(&self) -> BTreeMap<String, i64> {
        let sql = "WITH named AS (SELECT shard, max(generation) AS g FROM shards GROUP BY shard), \
                   done AS (SELECT day, round, shard, min(generation) AS g FROM settled GROUP BY day, round, shard) \
                   SELECT page, sum(pageviews) FROM live_pages \
                   LEFT JOIN done ON live_pages.day = done.day AND live_pages.round = done.round AND live_pages.shard = done.shard \
                   LEFT JOIN named ON live_pages.shard = named.shard \
                   WHERE generation = if(done.g > 0, done.g, named.g) GROUP BY page";
        self.engine.client().query(sql).fetch_all::<(String, i64)>().await.unwrap().into_iter().collect()
    }

    async fn one<T: clickhouse::RowOwned + clickhouse::RowRead>(&self, sql: &str) -> T {
        self.engine.client().query(sql).fetch_one::<T>().await.unwrap()
    }

    async fn run_sql(&self, sql: &str) {
        self.engine.client().query(sql).execute().await.unwrap();
    }
}

fn all_ones(pages: &BTreeMap<String, i64>, views: u64) {
    let wrong: Vec<_> = pages.iter().filter(|(_, n)| **n != 1).collect();
    assert!(wrong.is_empty(), "counted more than once: {wrong:?}");
    assert_eq!(pages.len() as u64, views, "pages counted at all");
}

fn edit(path: &Path, change: impl Fn(&mut serde_json::Value)) {
    let mut intent: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut intent);
    std::fs::write(path, serde_json::to_vec(&intent).unwrap()).unwrap();
}

/// A seeded xorshift generator, good enough to choose moments.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_counts_once_with_either_side_killed_at_any_moment() {
    let seed = 0x5eed_f007_fa11 + u64::from(std::process::id());
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut bench = Bench::new().await;
    let mut views = 0;
    for _ in 0..25 {
        for _ in 0..40 {
            views += 1;
            let visitor = views % 50;
            bench.view(TODAY, visitor, &format!("/{views}"));
        }
        // Dropping the future is like a kill between any two steps: requests that were sent may still land.
        let killed_after = Duration::from_millis(dice.below(150));
        let running = tokio::spawn(run(bench.inputs(true)));
        tokio::time::sleep(killed_after).await;
        running.abort();
        let _killed = running.await;
        if dice.below(3) == 0 {
            bench.engine.kill();
            bench.engine.run().await;
        }
    }
    bench.catch_up().await;
    all_ones(&bench.pages().await, views);
    let visitors: i64 = bench
        .one("SELECT sum(visitors) FROM live_visits WHERE generation = (SELECT max(generation) FROM shards)")
        .await;
    assert_eq!(visitors, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_counts_once_with_the_engine_killed_during_inserts() {
    let mut bench = Bench::new().await;
    let mut views = 0;
    for round in 0..8u64 {
        for _ in 0..200 {
            views += 1;
            bench.view(TODAY, views % 70, &format!("/{views}"));
        }
        let stop = Arc::new(AtomicBool::new(true));
        let inputs = Inputs { stop: Arc::clone(&stop), ..bench.inputs(true) };
        stop.store(false, Ordering::Release);
        let running = tokio::spawn(run(inputs));
        tokio::time::sleep(Duration::from_millis(5 + 17 * round)).await;
        bench.engine.kill();
        bench.engine.run().await;
        stop.store(true, Ordering::Release);
        running.await.unwrap().unwrap();
    }
    bench.catch_up().await;
    all_ones(&bench.pages().await, views);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_clickhouse_lost_is_found_by_the_control_sums_and_inserted_again() {
    let mut bench = Bench::new().await;
    for n in 0..30u64 {
        bench.view(TODAY, n, &format!("/{n}"));
    }
    bench.catch_up().await;
    let partition: String = bench.one("SELECT any(_partition_id) FROM live_pages").await;
    bench.run_sql(&format!("ALTER TABLE live_pages DROP PARTITION ID '{partition}'")).await;
    assert_eq!(bench.pages().await.len(), 0);
    bench.view(TODAY, 30, "/30");
    bench.catch_up().await;
    all_ones(&bench.pages().await, 31);
    assert_eq!(bench.one::<u32>("SELECT max(generation) FROM shards").await, 2, "the shard had to be rebuilt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_day_is_settled_and_trimmed_from_the_spool_and_late_hits_are_a_later_round() {
    let mut bench = Bench::new().await;
    for n in 0..50u64 {
        bench.view(TODAY, n, &format!("/{n}"));
    }
    bench.catch_up().await;
    assert_eq!(bench.handle.start(), 0, "an open day stays in the spool");
    bench.close(TODAY);
    bench.catch_up().await;
    assert_eq!(bench.one::<u64>("SELECT count() FROM settled WHERE round = 0").await, 1);
    let begins = bench.handle.start();
    assert!(begins > 0, "settled rounds are trimmed");
    // A late hit of a visitor who was counted already: the late round counts the visitor again.
    bench.view(TODAY, 1, "/late");
    bench.view(TODAY.plus(1), 1, "/tomorrow");
    bench.catch_up().await;
    bench.close(TODAY.plus(1));
    bench.catch_up().await;
    let mut rounds = bench
        .engine
        .client()
        .query("SELECT day, round FROM settled ORDER BY day, round")
        .fetch_all::<(u16, u32)>()
        .await
        .unwrap();
    rounds.sort_unstable();
    assert_eq!(rounds, [(20_000, 0), (20_000, 1), (20_001, 0)]);
    assert!(bench.handle.start() > begins);
    all_ones(&bench.pages().await, 52);
    // A new generation emits the open rounds again, and no settled one.
    std::fs::remove_file(bench.intent()).unwrap();
    bench.view(TODAY.plus(2), 5, "/after");
    bench.catch_up().await;
    all_ones(&bench.pages().await, 53);
    assert_eq!(bench.one::<u32>("SELECT max(generation) FROM shards").await, 2);
    assert_eq!(
        bench.one::<u64>("SELECT count() FROM live_pages WHERE generation = 2 AND day < toDate(20002)").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_intent_or_one_of_another_fold_version_makes_a_new_generation() {
    let mut bench = Bench::new().await;
    for n in 0..20u64 {
        bench.view(TODAY, n, &format!("/{n}"));
    }
    bench.catch_up().await;
    let end = bench.handle.synced();
    type Edit<'a> = &'a dyn Fn(&mut serde_json::Value);
    let edits: [(&str, Edit<'_>); 2] = [
        ("an intent older than the deduplication window", &|intent| {
            intent["offset"] = 0.into();
            intent["end"] = end.into();
            intent["at_s"] = 1_000_000.into();
        }),
        ("an intent of another fold version", &|intent| intent["fold_version"] = 9999.into()),
    ];
    for (generation, (what, change)) in (2u32..).zip(edits) {
        edit(&bench.intent(), change);
        bench.catch_up().await;
        all_ones(&bench.pages().await, 20);
        assert_eq!(bench.one::<u32>("SELECT max(generation) FROM shards").await, generation, "{what}");
    }
    // A recent intent is inserted again, under the same token.
    edit(&bench.intent(), |intent| intent["end"] = end.into());
    bench.catch_up().await;
    all_ones(&bench.pages().await, 20);
    assert_eq!(bench.one::<u32>("SELECT max(generation) FROM shards").await, 3);
    std::fs::write(bench.intent(), "{").unwrap();
    assert!(run(bench.inputs(true)).await.unwrap_err().to_string().contains("move it away"));
}
