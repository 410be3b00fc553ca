//! From a full spool to ClickHouse through Kafka, against ClickHouse's own Kafka engine, in one run:
//! `cargo run --release -p load-tests --bin stream [HITS]` (after `cargo build --release -p footfall`).
//!
//! * **ship**: a spool of HITS page views to the broker; hits/s, and this process's CPU per hit.
//! * **count**: `footfall aggregate` reads, folds and inserts them; hits per second of CPU, the aggregator's and
//!   ClickHouse's together, merges included until everything is in.
//! * **rebuild**: the aggregator is killed and folds the day again.
//! * **peers**: the same hits, 700 to a message as RowBinary and one to a message as JSON, read by ClickHouse's Kafka
//!   engine into event rows and hourly `uniq` states; hits per second of its CPU (of JSON, 2 million of them).
//!
//! The broker's CPU is in no figure. Real Kafka and ClickHouse, one machine, everything in the page cache.

mod ours;
mod peers;

use std::time::Instant;

use load_tests::synthetic::{Names, View, views};
use schema::day::Day;
use testbed::kafka::Broker;

/// Parts of each topic.
const PARTITIONS: u32 = 4;
const SITES: usize = 20;
/// One to a message takes long: its rate is taken from so many.
const JSON_HITS: usize = 2_000_000;

fn main() {
    let hits: usize = std::env::args().nth(1).map_or(10_000_000, |text| text.parse().expect("a number of hits"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let names = Names::default();
    let today = Day((schema::clock::now_s() / 86_400) as i32);
    // 6.25 pages per visitor.
    let mut day = views(today, hits as u64 * 4 / 25 + 1, SITES, &names);
    day.truncate(hits);
    println!("{} page views of a day, {SITES} sites, {PARTITIONS} partitions", day.len());
    let broker = Broker::start();
    let ours = ours::measure(&runtime, &broker, &day, &names);
    let packed = peers::measure(&runtime, &broker, &day, &names, peers::Form::Packed);
    let json = peers::measure(&runtime, &broker, &day[..day.len().min(JSON_HITS)], &names, peers::Form::Json);
    println!("ours against packed messages: {:.2}, against one JSON per message: {:.2}", ours / packed, ours / json);
}

/// Hits per second, in thousands.
fn rate(views: &[View], seconds: f64) -> f64 {
    views.len() as f64 / seconds / 1000.0
}

fn waited(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}
