//! The shipper and a real broker: everything arrives in order, in spite of errors.

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

/// A spool, a broker, and the numbers of the records so far.
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

    /// Appends records of `bytes` each, to all partitions in turn.
    fn append(&mut self, records: u64, bytes: usize) {
        // Random bytes, because compression would shrink others.
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
        let settings = ShipSettings { connection: self.connection(), layout, dir: self.dir.path().to_owned() };
        Shipper::start(settings, self.handle.clone()).unwrap()
    }

    fn wait_until_shipped(&self) {
        self.wait("everything is shipped", || shipped(self.dir.path()).unwrap() == self.handle.synced());
    }

    fn wait(&self, what: &str, is_true: impl Fn() -> bool) {
        let began = Instant::now();
        while !is_true() {
            assert!(began.elapsed() < Duration::from_secs(90), "did not happen: {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Changes one setting of the topic.
    fn alter(&self, setting: &str) {
        let alter = ["--alter", "--entity-type", "topics", "--entity-name", "hits", "--add-config", setting];
        let _altered = self.broker.tool("kafka.admin.ConfigCommand", &alter);
    }

    /// The numbers of the records of each partition in the topic, including repeats.
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

    /// Checks that each partition has every number, and that no number comes before the one below it. Returns the
    /// number of repeats.
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
fn records_on_disk_arrive_once_and_in_order_and_are_trimmed() {
    let mut bench = Bench::new();
    let shipper = bench.ship();
    for _ in 0..20 {
        bench.append(300, 500);
    }
    bench.wait_until_shipped();
    assert_eq!(bench.assert_whole(), 0);
    assert!(bench.handle.start() > 0, "confirmed records are trimmed");
    shipper.stop(Duration::from_secs(10));
    // The next shipper continues where this one ended.
    let shipper = bench.ship();
    bench.append(300, 500);
    bench.wait_until_shipped();
    assert_eq!(bench.assert_whole(), 0);
    shipper.stop(Duration::from_secs(10));
}

#[test]
fn after_an_outage_of_the_broker_everything_arrives() {
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

/// A message is rejected while others are in flight: sending begins again at the mark.
#[test]
fn after_a_rejected_message_sending_begins_again_and_leaves_no_gap() {
    let mut bench = Bench::new();
    let shipper = bench.ship();
    bench.append(300, 100);
    bench.wait_until_shipped();
    bench.alter("max.message.bytes=2000");
    // Small messages are accepted and large ones are not, in turn.
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
