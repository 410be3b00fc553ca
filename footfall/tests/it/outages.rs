//! Outages under load: first Kafka, then ClickHouse is away. Hits are still answered, and memory and disk stay bounded.
//! When both are back, every hit is counted once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::clients::{Answers, send_hits};
use crate::fleet::{Fleet, Size};
use crate::storms::assert_counted_once;

const SIZE: Size = Size { partitions: 4, ingests: 1, aggregates: 1 };

#[test]
fn half_a_minute_without_kafka_and_without_clickhouse_loses_nothing() {
    outages(Duration::from_secs(15), 2_000);
}

#[test]
#[ignore = "takes 22 minutes: cargo test --release -p footfall --test it outages -- --ignored --nocapture"]
fn ten_minutes_without_kafka_and_without_clickhouse_lose_nothing() {
    outages(Duration::from_secs(600), 1_400); // a day holds no more distinct pages
}

#[test]
fn a_full_spool_answers_503_and_takes_hits_again_once_kafka_is_back() {
    let mut fleet = Fleet::start(SIZE, "spool_bytes_max = 134_217_728");
    let mut answers = Answers::new(u64::MAX, 2_000);
    answers.suffix = "/a-long-way-down".repeat(30);
    let (answers, over) = (answers, AtomicBool::new(false));
    let address = fleet.ingests[0].address();
    fleet.broker.kill();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| send_hits(&address, &answers, &over));
        }
        fleet.wait("the spool is full", |_| answers.failed.load(Ordering::Relaxed) > 100);
        assert!(fleet.ingests[0].metric("footfall_spool_bytes").unwrap() <= 134_217_728.0);
        let before = answers.next.load(Ordering::Relaxed) - answers.failed.load(Ordering::Relaxed);
        assert!(before > 100_000, "{before} hits do not fill a spool");
        fleet.broker.run();
        // A hit that is refused because the spool is full is answered at once, so there are many of them.
        let stored = || fleet.ingests[0].metric("footfall_hits_total{fate=\"stored\"}").unwrap();
        let full = stored();
        fleet.wait("hits are taken again", |_| stored() > full + 1_000.0);
        over.store(true, Ordering::Release);
    });
    fleet.wait_until_quiet();
    assert_counted_once(&fleet, &answers);
}

#[derive(Debug, Default)]
struct Peak {
    ingest_mib: u64,
    aggregate_mib: u64,
    spool_bytes: u64,
}

fn outages(long: Duration, hits_per_s: u64) {
    let mut fleet = Fleet::start(SIZE, "");
    let hits = hits_per_s * (2 * long.as_secs() + 30);
    let (answers, over) = (Answers::new(hits, 2_000), AtomicBool::new(false));
    answers.allowed.store(0, Ordering::Release);
    let address = fleet.ingests[0].address();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| send_hits(&address, &answers, &over));
        }
        load(&fleet, &answers, Duration::from_secs(5), hits_per_s);
        fleet.broker.kill();
        let peak = load(&fleet, &answers, long, hits_per_s);
        println!("{} s without Kafka: {peak:?}", long.as_secs());
        assert!(peak.ingest_mib < 250, "memory is bounded");
        let began = Instant::now();
        fleet.broker.run();
        load(&fleet, &answers, Duration::from_secs(10), hits_per_s);
        fleet.wait("the spool is shipped", |fleet| {
            let position = |name: &str| fleet.ingests[0].metric(name);
            position("footfall_spool_synced_position_bytes") == position("footfall_ship_position_bytes")
        });
        println!("caught up {:.1} s after the broker was started", began.elapsed().as_secs_f64());
        fleet.engine.kill();
        let peak = load(&fleet, &answers, long, hits_per_s);
        println!("{} s without ClickHouse: {peak:?}", long.as_secs());
        assert!(peak.aggregate_mib < 1024, "memory is bounded");
        fleet.kill_engine();
        let began = Instant::now();
        load(&fleet, &answers, Duration::from_secs(5), hits_per_s);
        answers.allowed.store(hits, Ordering::Release);
        while answers.next.load(Ordering::Relaxed) < hits {
            std::thread::sleep(Duration::from_millis(20));
        }
        over.store(true, Ordering::Release);
        fleet.wait_until_quiet();
        println!("all counted {:.1} s after ClickHouse was started", began.elapsed().as_secs_f64());
    });
    assert_eq!(answers.failed.load(Ordering::Relaxed), 0, "every hit was taken");
    assert_counted_once(&fleet, &answers);
    let answered = answers.counted.lock().len() as u64 + answers.refused.load(Ordering::Relaxed);
    println!("{hits} hits, all answered: {answered}");
    assert_eq!(answered, hits);
}

/// Lets the clients send `hits_per_s`, and returns the peaks of memory and disk.
fn load(fleet: &Fleet, answers: &Answers, long: Duration, hits_per_s: u64) -> Peak {
    let (began, mut peak) = (Instant::now(), Peak::default());
    let first = answers.allowed.load(Ordering::Acquire);
    let mut looked = began;
    while began.elapsed() < long {
        let allowed = first + (began.elapsed().as_secs_f64() * hits_per_s as f64) as u64;
        answers.allowed.store(allowed, Ordering::Release);
        std::thread::sleep(Duration::from_millis(20));
        if looked.elapsed() > Duration::from_secs(1) {
            looked = Instant::now();
            peak.ingest_mib = peak.ingest_mib.max(fleet.ingests[0].memory_mib());
            peak.aggregate_mib = peak.aggregate_mib.max(fleet.aggregates[0].memory_mib());
            let spool = fleet.ingests[0].metric("footfall_spool_bytes").unwrap_or(0.0) as u64;
            peak.spool_bytes = peak.spool_bytes.max(spool);
        }
    }
    peak
}
