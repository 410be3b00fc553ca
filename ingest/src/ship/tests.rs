//! The shipper against a real broker: everything arrives, in order, whatever stands in the way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka::rdkafka::consumer::{BaseConsumer, Consumer};
use kafka::rdkafka::message::Message as _;
use kafka::rdkafka::{Offset, TopicPartitionList};
use schema::day::Day;
use schema::fate::{FateCount, Refusal};
use schema::wire::{Batch, encode_fates, encode_record};
use tempfile::TempDir;
use testbed::kafka::Broker;

use super::*;

const PARTITIONS: u32 = 3;

/// A spool, a broker, and the numbers given out.
struct Bench {
    dir: TempDir,
    broker: Broker,
    writer: spool::Writer,
    handle: spool::Handle,
    numbers: [u64; PARTITIONS as usize],
}

impl Bench {
    fn new() -> Bench {
        let dir = TempDir::new().unwrap();
        let options =
            spool::Options { segment_bytes: 256 << 10, segment_age: Duration::from_secs(3600), bytes_max: 1 << 30 };
        let (writer, handle, _) = spool::open(&dir.path().join("spool"), options, 0).unwrap();
        Bench { dir, broker: Broker::start(), writer, handle, numbers: [0; 3] }
    }

    /// So many records of `bytes` each, over all partitions in turn.
    fn append(&mut self, records: u64, bytes: usize) {
        // Nothing that compression makes small.
        let hash = blake3::Hasher::new().update(&self.handle.synced().to_le_bytes()).finalize_xof();
        let mut noise = vec![0; bytes / 2];
        std::io::Read::read_exact(&mut { hash }, &mut noise).unwrap();
        let crawler: String = noise.iter().map(|byte| format!("{byte:02x}")).collect();
        let (mut body, mut record) = (Vec::new(), Vec::new());
        for n in 0..records {
            let partition = (n % u64::from(PARTITIONS)) as u32;
            self.numbers[partition as usize] += 1;
            let count = FateCount { site: 1, day: Day(20_000), reason: Refusal::Bot, crawler: &crawler, hits: 1 };
            body.clear();
            encode_fates([count], &mut body);
            record.clear();
            encode_record(partition, 9, self.numbers[partition as usize], &body, &mut record);
            self.writer.frame(&record);
        }
        self.writer.commit().unwrap();
    }

    fn connection(&self) -> Connection {
        Connection { brokers: self.broker.bootstrap(), tls: None, login: None }
    }

    fn ship(&self) -> Shipper {
        let layout = Layout { prefix: String::new(), partitions: PARTITIONS, replication: 1 };
        let settings = Settings { connection: self.connection(), layout, dir: self.dir.path().to_owned() };
        Shipper::start(settings, self.handle.clone()).unwrap()
    }

    fn wait_until_shipped(&self) {
        self.wait("everything is shipped", || shipped(self.dir.path()).unwrap() == self.handle.synced());
    }

    fn wait(&self, what: &str, is_true: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_true() {
            assert!(began.elapsed() < Duration::from_secs(90), "waited in vain until {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sets one setting of the topic.
    fn alter(&self, setting: &str) {
        let alter = ["--alter", "--entity-type", "topics", "--entity-name", "hits", "--add-config", setting];
        let _altered = self.broker.tool("kafka.admin.ConfigCommand", &alter);
    }

    /// The numbers of each partition as they stand in the topic, repeats and all.
    fn arrived(&self) -> BTreeMap<i32, Vec<u64>> {
        let reader: BaseConsumer =
            self.connection().reader("test").set("enable.partition.eof", "true").create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS as i32 {
            list.add_partition_offset("hits", partition, Offset::Beginning).unwrap();
        }
        reader.assign(&list).unwrap();
        let (mut arrived, mut ended) = (BTreeMap::<i32, Vec<u64>>::new(), 0);
        while ended < PARTITIONS {
            match reader.poll(Duration::from_secs(20)).expect("the topic has an end") {
                Ok(message) => {
                    let batch = Batch::decode(message.payload().unwrap()).unwrap();
                    let numbers = batch.into_records().map(|(number, _)| number);
                    arrived.entry(message.partition()).or_default().extend(numbers);
                }
                Err(_) => ended += 1,
            }
        }
        arrived
    }

    /// In each partition every number is there, and none comes before the one below it. Says how many were repeats.
    fn assert_whole(&self) -> u64 {
        let (mut repeats, arrived) = (0, self.arrived());
        for (partition, last) in self.numbers.iter().enumerate() {
            let mut seen = 0;
            for &number in &arrived[&(partition as i32)] {
                assert!(number <= seen + 1, "{number} follows {seen} in partition {partition}");
                repeats += u64::from(number <= seen);
                seen = seen.max(number);
            }
            assert_eq!(seen, *last, "partition {partition}");
        }
        repeats
    }
}

#[test]
fn what_is_on_disk_arrives_once_and_in_order_and_leaves_the_spool() {
    let mut bench = Bench::new();
    let shipper = bench.ship();
    for _ in 0..20 {
        bench.append(300, 500);
    }
    bench.wait_until_shipped();
    assert_eq!(bench.assert_whole(), 0);
    assert!(bench.handle.start() > 0, "what the brokers have is trimmed");
    shipper.stop(Duration::from_secs(10));
    // The next life goes on where this one ended.
    let shipper = bench.ship();
    bench.append(300, 500);
    bench.wait_until_shipped();
    assert_eq!(bench.assert_whole(), 0);
    shipper.stop(Duration::from_secs(10));
}

#[test]
fn without_a_broker_nothing_is_lost_and_with_it_again_everything_arrives() {
    let mut bench = Bench::new();
    let shipper = bench.ship();
    bench.append(300, 100);
    bench.wait_until_shipped();
    bench.broker.kill();
    for _ in 0..50 {
        bench.append(300, 100);
    }
    thread::sleep(Duration::from_secs(2));
    assert!(shipped(bench.dir.path()).unwrap() < bench.handle.synced());
    bench.broker.run();
    bench.wait_until_shipped();
    bench.assert_whole();
    shipper.stop(Duration::from_secs(10));
}

/// An answer that says no comes in the middle of what is under way: sending begins again at the mark.
#[test]
fn after_an_answer_that_says_no_sending_begins_again_and_leaves_no_gap() {
    let mut bench = Bench::new();
    let shipper = bench.ship();
    bench.append(300, 100);
    bench.wait_until_shipped();
    bench.alter("max.message.bytes=2000");
    // Small ones go through, large ones do not, and they take turns.
    for _ in 0..5 {
        bench.append(300, 100);
        bench.append(3, 5000);
    }
    thread::sleep(Duration::from_secs(3));
    let stuck = shipped(bench.dir.path()).unwrap();
    assert!(stuck < bench.handle.synced());
    bench.alter("max.message.bytes=1048588");
    bench.wait_until_shipped();
    bench.assert_whole();
    shipper.stop(Duration::from_secs(10));
}
