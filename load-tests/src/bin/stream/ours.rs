//! The measurement of Footfall itself: spool, ship, aggregate.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ingest::ship::{ShipSettings, Shipper, shipped};
use kafka::{Connection, Layout};
use load_tests::processes::cpu_seconds;
use load_tests::synthetic::{Names, View};
use schema::event::VisitorTag;
use schema::wire::{encode_event, encode_record};
use tempfile::TempDir;
use testbed::clickhouse::Engine;
use testbed::kafka::Broker;
use tokio::runtime::Runtime;

use crate::{PARTITIONS, rate, seconds_since};

/// Measures the way from the topic into ClickHouse; returns thousands of hits per second of CPU.
pub(crate) fn measure(runtime: &Runtime, broker: &Broker, day: &[View], names: &Names) -> f64 {
    ship(broker, day, names);
    let program = testbed::program();
    let engine = runtime.block_on(Engine::start(&program));
    let dir = TempDir::new().expect("a folder");
    let metrics = testbed::free_port();
    let config = format!(
        "listen = \"127.0.0.1:{}\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\n[kafka]\nbrokers = \"{}\"\npartitions = \
         {PARTITIONS}\nreplication = 1\nsession_s = 6\ninstance = \"aggregate\"\n[[site]]\nid = 1\ndomain = \"example.org\"\n",
        testbed::free_port(),
        broker.bootstrap(),
    );
    std::fs::write(dir.path().join("footfall.toml"), config).expect("a file");
    let start = || -> Child {
        Command::new(&program)
            .args(["aggregate", "--config"])
            .arg(dir.path().join("footfall.toml"))
            .env("CLICKHOUSE_URL", engine.url())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts")
    };
    let (start_time, before) = (Instant::now(), cpu_seconds(engine.id()));
    let mut child = start();
    wait_until_inserted(metrics, day.len());
    let (wall_s, ours_s) = (seconds_since(start_time), cpu_seconds(child.id()));
    // The remaining merges belong to the cost.
    std::thread::sleep(Duration::from_secs(5));
    let engine_s = cpu_seconds(engine.id()) - before;
    let counted: i64 = runtime.block_on(async {
        let sql = "SELECT sum(pageviews) FROM live_pages";
        engine.client().query(sql).fetch_one().await.expect("an answer")
    });
    assert_eq!(counted, day.len() as i64, "each view once");
    let per_core = rate(day, ours_s + engine_s);
    println!(
        "count: {:.0} k hits/s; {per_core:.0} k hits per second of CPU (aggregator {:.2} us, ClickHouse {:.2} us a hit)",
        rate(day, wall_s),
        ours_s * 1e6 / day.len() as f64,
        engine_s * 1e6 / day.len() as f64,
    );
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    let start_time = Instant::now();
    let mut child = start();
    wait_until_inserted(metrics, 0);
    let (wall_s, cpu_s) = (seconds_since(start_time), cpu_seconds(child.id()));
    println!("rebuild: {wall_s:.1} s until every shard continues, {cpu_s:.1} s of CPU");
    child.kill().expect("it is killed");
    child.wait().expect("it ends");
    per_core
}

/// Measures the way from a full spool to the last acknowledgement of the broker.
fn ship(broker: &Broker, day: &[View], names: &Names) {
    let dir = TempDir::new().expect("a folder");
    let options = spool::Options::with_bytes_max(64 << 30);
    let (mut writer, handle, _) = spool::open(&dir.path().join("spool"), options, 0).expect("a spool");
    let (mut body, mut record, mut numbers) = (Vec::new(), Vec::new(), vec![0; PARTITIONS as usize]);
    for chunk in day.chunks(5000) {
        for view in chunk {
            let partition = VisitorTag(view.tag).partition(PARTITIONS);
            numbers[partition as usize] += 1;
            body.clear();
            encode_event(&view.event(names), &mut body);
            record.clear();
            encode_record(partition, 1, numbers[partition as usize], &body, &mut record);
            writer.frame(&record);
        }
        writer.commit().expect("a commit");
    }
    let connection = Connection { brokers: broker.bootstrap(), tls: None, login: None };
    let layout = Layout { prefix: String::new(), partitions: PARTITIONS, replication: 1 };
    let settings = ShipSettings { connection, layout, dir: dir.path().to_owned() };
    let (start, before) = (Instant::now(), cpu_seconds(std::process::id()));
    let shipper = Shipper::start(settings, handle.clone()).expect("it starts");
    while shipped(dir.path()).expect("a mark") < handle.synced() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let cpu_s = cpu_seconds(std::process::id()) - before;
    let hits_per_s = rate(day, seconds_since(start));
    println!("ship: {hits_per_s:.0} k hits/s, {:.2} us of CPU a hit", cpu_s * 1e6 / day.len() as f64);
    shipper.stop(Duration::from_secs(5));
}

/// Waits until every shard has inserted up to the end of its stream, and at least `hits` records were folded.
fn wait_until_inserted(metrics: u16, hits: usize) {
    let url = format!("http://127.0.0.1:{metrics}/metrics");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(900) {
        std::thread::sleep(Duration::from_millis(50));
        let Ok(mut answer) = ureq::get(&url).call() else { continue };
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        let values = |name: &str| -> Vec<(String, f64)> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.split_once(' '));
            let mut all: Vec<_> = lines.filter_map(|(label, n)| Some((label.to_owned(), n.parse().ok()?))).collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            all
        };
        let ends = values("footfall_stream_end_position");
        let folded: f64 = values("footfall_aggregate_records_total").iter().map(|(_, n)| n).sum();
        let is_inserted = ends.len() == PARTITIONS as usize && ends == values("footfall_aggregate_inserted_position");
        if is_inserted && folded >= hits as f64 {
            return;
        }
    }
    panic!("the aggregator has not inserted all hits within 15 minutes");
}
