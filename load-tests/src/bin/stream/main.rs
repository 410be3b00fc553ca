//! From a full spool through Kafka into ClickHouse, compared with ClickHouse's own Kafka engine, in one run:
//! `cargo run --release -p load-tests --bin stream [HITS]` (after `cargo build --release -p footfall`).
//!
//! * **ship**: sends a spool of HITS page views to the broker. Prints hits/s, and this process's CPU per hit.
//! * **count**: `footfall aggregate` reads, folds and inserts them. Prints hits per second of CPU: that of the
//!   aggregator and of ClickHouse together, merges included until all hits are inserted.
//! * **rebuild**: the aggregator is killed, and folds the day again.
//! * **peers**: ClickHouse's Kafka engine reads the same hits into event rows and hourly `uniq` states, once from
//!   messages of 700 hits as RowBinary, once from messages of one hit as JSON (2 million of them). Prints hits per
//!   second of its CPU.
//!
//! No figure contains the CPU of the broker. Kafka and ClickHouse are real; all data stays in the page cache of one
//! machine.

mod ours;
mod peers;

use std::time::Instant;

use load_tests::synthetic::{Names, View, views};
use schema::day::Day;
use testbed::kafka::Broker;

/// Partitions of each topic.
const PARTITIONS: u32 = 4;
const SITES: usize = 20;
/// One hit per message is slow, so its rate is measured with fewer hits.
const JSON_HITS: usize = 2_000_000;

fn main() {
    let hits: usize = std::env::args().nth(1).map_or(10_000_000, |text| text.parse().expect("a number of hits"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let names = Names::default();
    let today = Day((schema::clock::now_s() / 86_400) as i32);
    // A visitor has 6.25 page views on average.
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

fn seconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}
