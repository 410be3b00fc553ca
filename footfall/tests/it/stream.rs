//! `footfall aggregate` on a real Kafka stream that the test writes: repeats, gaps, lost ranges, old intents, zombies,
//! closes, two members with one name, and a ClickHouse that is killed in the middle of an insert.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use schema::day::Day;
use schema::event::VisitorTag;
use schema::wire::{Packer, RawBody, decode_raw, encode_event, encode_record};
use testbed::events::view;

use crate::fleet::{Fleet, Member, Size};

const ONE: Size = Size { partitions: 1, ingests: 0, aggregates: 1 };

fn today() -> Day {
    Day((schema::clock::now_s() / 86_400) as i32)
}

/// The views `numbers` of an epoch as one message. Each view has its own page and one of 50 visitors.
fn message(day: Day, epoch: u64, numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    let mut packer = Packer::default();
    for number in numbers {
        let page = format!("/{epoch}/{number}");
        let tag = VisitorTag((number % 50 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let event = view(day, number as u32, tag, &page);
        let (mut body, mut record) = (Vec::new(), Vec::new());
        encode_event(&event, &mut body);
        encode_record(0, epoch, number, &body, &mut record);
        let RawBody::Event(sealed) = decode_raw(&record).unwrap().body else { panic!("an event") };
        packer.push(epoch, number, sealed).unwrap();
    }
    let mut bytes = Vec::new();
    packer.finish(&mut bytes);
    bytes
}

#[track_caller]
fn all_ones(views: &HashMap<String, i64>, pages: usize) {
    let wrong: Vec<_> = views.iter().filter(|(_, n)| **n != 1).take(5).collect();
    assert!(wrong.is_empty(), "not counted once: {wrong:?}");
    assert_eq!(views.len(), pages);
}

/// Waits until the topics exist and the closer has written the close of the last day that is over.
fn wait_for_first_close(fleet: &Fleet) {
    fleet.wait("every partition has a close", Fleet::has_a_message_in_every_partition);
}

/// Produces 200 views in two messages, and waits until they are counted.
fn count_two_messages(fleet: &Fleet) {
    wait_for_first_close(fleet);
    fleet.produce(0, &[message(today(), 1, 1..=100), message(today(), 1, 101..=200)]);
    fleet.wait("all views are counted", |fleet| fleet.views().len() == 200);
}

fn generation(fleet: &Fleet) -> u32 {
    fleet.one("SELECT max(generation) FROM shards WHERE shard = 0")
}

#[test]
fn repeats_in_other_packings_of_two_hundred_epochs_count_once_and_gaps_are_counted() {
    let fleet = Fleet::start(ONE, "");
    wait_for_first_close(&fleet);
    let mut messages = Vec::new();
    for epoch in 1..=200u64 {
        // A collector sends again from the first record without an answer, each time in other messages.
        for numbers in [1..=7, 8..=20, 1..=12, 13..=13, 14..=30, 5..=30, 31..=40] {
            messages.push(message(today(), epoch, numbers));
        }
    }
    fleet.produce(0, &messages);
    fleet.wait_until_quiet();
    all_ones(&fleet.views(), 200 * 40);
    assert_eq!(fleet.sum("visitors", "live_visits"), 40);
    let metric = |name: &str| fleet.aggregates[0].metric(&format!("{name}{{shard=\"0\"}}")).unwrap() as u64;
    assert_eq!((metric("footfall_fold_gaps"), metric("footfall_fold_repeats")), (0, 200 * (12 + 1 + 7 + 26)));
    fleet.produce(0, &[message(today(), 7, 50..=60)]);
    fleet.wait_until_quiet();
    assert_eq!(metric("footfall_fold_gaps"), 9, "records 41 to 49 of one epoch never arrived");
}

#[test]
fn a_topic_that_would_lose_hits_is_an_error_at_the_start() {
    let mut fleet = Fleet::prepare(ONE, "");
    let create = ["--create", "--topic", "hits", "--partitions", "3", "--config", "retention.ms=60000"];
    let _made = fleet.broker.tool("org.apache.kafka.tools.TopicCommand", &create);
    fleet.aggregates[0].run();
    fleet.aggregates[0].fails_with("topic hits has retention.ms=60000, which must be at least 604800000");
    assert!(
        fleet.aggregates[0].log_text().contains("topic hits has 3 partitions and must have 1"),
        "all faults are named at once"
    );
}

#[test]
fn of_two_aggregators_with_one_name_the_first_ends_with_the_reason() {
    let mut fleet = Fleet::start(Size { aggregates: 2, ..ONE }, "");
    let same = fleet.aggregates[1].log_text();
    assert!(!same.contains("instance id"));
    fleet.wait("the partition is owned", |fleet| {
        fleet.aggregates.iter().any(|it| it.metric("footfall_aggregate_partitions") == Some(1.0))
    });
    fleet.aggregates[1].kill();
    let config = std::fs::read_to_string(fleet.aggregates[1].config()).unwrap();
    std::fs::write(fleet.aggregates[1].config(), config.replace("aggregate-1", "aggregate-0")).unwrap();
    fleet.aggregates[1].run();
    fleet.aggregates[0].fails_with("another aggregator has the instance id of this one");
    fleet.produce(0, &[message(today(), 1, 1..=100)]);
    fleet.wait("the second aggregator counts", |fleet| fleet.views().len() == 100);
}

#[test]
fn an_aggregator_that_was_fenced_by_its_own_name_joins_again() {
    let fleet = Fleet::start(ONE, "");
    count_two_messages(&fleet);
    // After an outage a broker may take an aggregator's earlier join for a second aggregator of the same name.
    fleet.join_and_leave("aggregate-0");
    fleet.wait("the aggregator joins again", |fleet| fleet.aggregates[0].log_text().contains("joining once more"));
    fleet.produce(0, &[message(today(), 1, 201..=300)]);
    fleet.wait("counting goes on", |fleet| fleet.views().len() == 300);
    all_ones(&fleet.views(), 300);
}

/// When members come back under their names, brokers return the partitions that they had: half of them for one, none
/// for the other. The broker has forgotten that the rest was about to be assigned.
#[test]
fn partitions_without_an_owner_are_assigned_after_a_member_joins_again() {
    let mut fleet = Fleet::prepare(Size { partitions: 4, ingests: 0, aggregates: 2 }, "");
    fleet.aggregates[0].run();
    fleet
        .wait("the topics are there", |fleet| fleet.aggregates[0].metric("footfall_aggregate_partitions") == Some(4.0));
    fleet.aggregates[0].kill();
    fleet.delete_group();
    fleet.leave_half_assigned(["aggregate-0", "aggregate-1"]);
    fleet.aggregates.iter_mut().for_each(Member::run);
    (0..4).for_each(|n| fleet.produce(n, &[message(today(), 1, u64::from(n) * 100 + 1..=u64::from(n) * 100 + 100)]));
    let unowned = |fleet: &Fleet, n: usize| fleet.aggregates[n].metric("footfall_aggregate_unowned_partitions");
    // Not both: on a busy machine one may have joined again before the other checks.
    fleet.wait("an aggregator sees two partitions without an owner", |fleet| {
        (0..2).any(|n| unowned(fleet, n) == Some(2.0))
    });
    fleet.wait("all four are counted", |fleet| fleet.views().len() == 400);
    fleet.wait("every partition has an owner", |fleet| (0..2).all(|n| unowned(fleet, n) == Some(0.0)));
    all_ones(&fleet.views(), 400);
    let again = [0, 1].map(|n| fleet.aggregates[n].metric("footfall_aggregate_joined_again_total"));
    assert_eq!(again, [Some(0.0), Some(1.0)], "the member without partitions joined again");
}

#[test]
fn a_zombie_that_wakes_after_its_partition_moved_counts_nothing() {
    let fleet = Fleet::start(Size { aggregates: 2, ..ONE }, "");
    let owner = |fleet: &Fleet| (0..2).find(|&n| fleet.aggregates[n].metric("footfall_aggregate_shards") == Some(1.0));
    fleet.wait("an aggregator owns the partition", |fleet| owner(fleet).is_some());
    let first = owner(&fleet).unwrap();
    fleet.produce(0, &[message(today(), 1, 1..=500)]);
    fleet.wait("counting has begun", |fleet| !fleet.views().is_empty());
    // The owner is stopped with a batch that is folded and not inserted, or that is being inserted.
    fleet.produce(0, &[message(today(), 1, 501..=1000)]);
    std::thread::sleep(Duration::from_millis(300));
    fleet.aggregates[first].signal(Signal::STOP);
    let second = 1 - first;
    fleet.wait("the other owns it", |fleet| fleet.aggregates[second].metric("footfall_aggregate_shards") == Some(1.0));
    fleet.produce(0, &[message(today(), 1, 1001..=1500)]);
    fleet.wait("the other counts", |fleet| fleet.views().len() == 1500);
    fleet.aggregates[first].signal(Signal::CONT);
    fleet.produce(0, &[message(today(), 1, 1501..=2000)]);
    fleet.wait("the zombie has noticed", |fleet| fleet.aggregates[first].log_text().contains("revoked"));
    fleet.wait("all is counted", |fleet| fleet.views().len() == 2000);
    std::thread::sleep(Duration::from_secs(2));
    all_ones(&fleet.views(), 2000);
    assert_eq!(fleet.sum("visitors", "live_visits"), 50);
}

#[test]
fn a_range_that_kafka_lost_is_named_and_only_accept_loss_goes_on_without_it() {
    let mut fleet = Fleet::start(ONE, "");
    count_two_messages(&fleet);
    fleet.aggregates[0].kill();
    let (first, _) = fleet.watermarks(0);
    fleet.produce(0, &[message(today(), 1, 201..=300), message(today(), 1, 301..=400)]);
    let (_, end) = fleet.watermarks(0);
    let admin = kafka::topics::admin(&fleet.connection()).unwrap();
    fleet.block_on(kafka::topics::delete_below(&admin, "hits", 0, end as u64 - 1)).unwrap();
    fleet.aggregates[0].run();
    fleet.aggregates[0]
        .fails_with(&format!("from offset {first} on, which belongs to days that are not settled: it has {}", end - 1));
    all_ones(&fleet.views(), 200);
    fleet.aggregates[0].run_with(&["--accept-loss"]);
    fleet.wait("counting goes on", |fleet| fleet.views().contains_key("/1/400"));
    assert_eq!(fleet.aggregates[0].metric("footfall_aggregate_lost_messages_total"), Some((end - 1 - first) as f64));
    all_ones(&fleet.views(), 100);
}

#[test]
fn a_topic_that_was_made_again_is_noticed_and_only_accept_loss_counts_it() {
    let mut fleet = Fleet::start(ONE, "");
    count_two_messages(&fleet);
    fleet.wait_until_quiet();
    fleet.aggregates[0].kill();
    let _deleted = fleet.broker.tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", "hits"]);
    fleet.aggregates[0].run();
    fleet.aggregates[0].fails_with("the topic made anew?");
    all_ones(&fleet.views(), 200);
    fleet.aggregates[0].run_with(&["--accept-loss"]);
    // A hit that arrives before the aggregator has checked would have the offset of a deleted hit, and be taken for it.
    fleet.wait("a new generation", |fleet| generation(fleet) == 2);
    fleet.produce(0, &[message(today(), 2, 1..=50)]);
    fleet.wait("counting goes on", |fleet| fleet.views().contains_key("/2/50"));
    all_ones(&fleet.views(), 50);
}

/// A broker writes the first offset of its partitions to disk once a minute. If it is killed before, deleted messages
/// are there again.
#[test]
fn deleted_messages_that_a_broker_has_again_are_not_counted_again() {
    let mut fleet = Fleet::start(ONE, "");
    wait_for_first_close(&fleet);
    // No day is open, so everything before is deleted at once: the close itself.
    fleet.wait("the close is deleted", |fleet| fleet.watermarks(0).0 == 1);
    fleet.produce(0, &[message(today(), 1, 1..=100)]);
    fleet.wait("all views are counted", |fleet| fleet.views().len() == 100);
    fleet.broker.kill();
    fleet.broker.run();
    assert_eq!(fleet.watermarks(0).0, 0, "otherwise this test proves nothing");
    fleet.aggregates[0].kill();
    fleet.aggregates[0].run();
    fleet.produce(0, &[message(today(), 1, 101..=200)]);
    fleet.wait("counting goes on", |fleet| fleet.views().len() == 200);
    // The same without a commit.
    fleet.wait_until_quiet();
    fleet.aggregates[0].kill();
    fleet.delete_group();
    fleet.aggregates[0].run();
    fleet.wait("a new generation", |fleet| generation(fleet) == 2);
    all_ones(&fleet.views(), 200);
}

#[test]
fn a_lost_intent_or_one_older_than_the_deduplication_window_makes_a_new_generation() {
    let mut fleet = Fleet::start(ONE, "");
    count_two_messages(&fleet);
    fleet.wait_until_quiet();
    fleet.aggregates[0].kill();
    let (end, metadata) = fleet.committed(0).unwrap();
    assert_eq!(end, fleet.watermarks(0).1);
    let start = metadata.split("start=").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let offset = start.parse().unwrap();
    let fold = metadata.split(';').find(|part| part.starts_with("fold=")).unwrap();
    // Everything is inserted again, as if ClickHouse had never answered and the intent were old.
    fleet.commit(0, offset, &format!("v1;end={end};start={start};generation=1;{fold};at=1000000"));
    fleet.aggregates[0].run();
    fleet.wait("a new generation", |fleet| generation(fleet) == 2);
    all_ones(&fleet.views(), 200);
    // The last batch is inserted again, as if its answer had just been lost: its token keeps it from landing twice.
    fleet.wait_until_quiet();
    let (before, _) = fleet.committed(0).unwrap();
    fleet.produce(0, &[message(today(), 1, 201..=300)]);
    fleet.wait("all views are counted", |fleet| fleet.views().len() == 300);
    fleet.wait_until_quiet();
    fleet.aggregates[0].kill();
    let (end, now_s) = (before + 1, schema::clock::now_s());
    fleet.commit(0, before, &format!("v1;end={end};start={start};generation=2;{fold};at={now_s}"));
    fleet.aggregates[0].run();
    fleet.produce(0, &[message(today(), 1, 301..=400)]);
    fleet.wait("counting goes on", |fleet| fleet.views().len() == 400);
    all_ones(&fleet.views(), 400);
    assert_eq!(generation(&fleet), 2);
    // A commit of another program is not interpreted.
    fleet.wait_until_quiet();
    fleet.aggregates[0].kill();
    fleet.commit(0, 1, "made by hand");
    fleet.aggregates[0].run();
    fleet.aggregates[0].fails_with("was made by another program");
}

#[test]
fn a_closed_day_is_settled_and_deleted_from_kafka_and_late_hits_are_a_later_round() {
    let mut fleet = Fleet::prepare(Size { partitions: 2, ingests: 0, aggregates: 1 }, "");
    fleet.aggregates[0].run();
    wait_for_first_close(&fleet); // from now on a hit of an earlier day is late
    let old = today().plus(-3);
    fleet.produce(0, &[message(old, 1, 1..=100), message(today(), 1, 101..=150)]);
    fleet.wait("all views are counted", |fleet| fleet.views().len() == 150);
    let rounds: Vec<(u16, u32)> = fleet.block_on(async {
        let sql = "SELECT DISTINCT day, round FROM live_pages ORDER BY day";
        fleet.engine.client().query(sql).fetch_all().await.unwrap()
    });
    assert_eq!(rounds.len(), 2);
    assert!(rounds[0].1 > 0 && rounds[1].1 == 0, "late hits are a later round: {rounds:?}");
    // A close that ends the late round too, as the closer will write tomorrow.
    let mut close = Vec::new();
    Packer::close(today(), &mut close);
    for partition in 0..2 {
        fleet.produce(partition, &[close.clone()]);
    }
    fleet.wait("both rounds are done", |fleet| fleet.one::<u64>("SELECT count() FROM settled") == 2);
    fleet.wait("what is done is deleted", |fleet| fleet.watermarks(0).0 > 0);
    // After a restart nothing of the deleted messages is needed.
    fleet.aggregates[0].kill();
    fleet.aggregates[0].run();
    fleet.produce(0, &[message(today().plus(1), 1, 151..=200)]);
    fleet.wait("counting goes on", |fleet| fleet.views().len() == 200);
    all_ones(&fleet.views(), 200);
    assert_eq!(generation(&fleet), 1);
}

/// Non-replicated tables log an insert's token before they rename its part. If ClickHouse is killed in between, the
/// part is lost and its repetition is taken for done. The control sums find that.
#[test]
fn a_part_lost_between_its_token_and_its_name_is_found_and_counted_once() {
    let mut fleet = Fleet::start(ONE, "");
    wait_for_first_close(&fleet);
    fleet.produce(0, &[message(today(), 1, 1..=100)]);
    fleet.wait("all views are counted", |fleet| fleet.views().len() == 100);
    fleet.wait_until_quiet();
    // The batch renames a part in each of two tables. The server is killed at the first or the second rename.
    for (round, nth) in [(1u64, 1), (2, 2)] {
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=rename,renameat2", "-e"])
            .arg(format!("inject=rename,renameat2:signal=SIGKILL:when={nth}"))
            .args(["-p", &fleet.engine.id().to_string()])
            .spawn();
        let mut strace = strace.unwrap();
        std::thread::sleep(Duration::from_millis(1500)); // strace attaches to each thread
        let numbers = round * 100 + 1..=round * 100 + 100;
        fleet.produce(0, &[message(today(), 1, numbers)]);
        let began = std::time::Instant::now();
        while strace.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < Duration::from_secs(60), "no insert came");
            std::thread::sleep(Duration::from_millis(20));
        }
        fleet.kill_engine();
        fleet.wait("all is counted", |fleet| fleet.views().len() == round as usize * 100 + 100);
        fleet.wait_until_quiet();
        all_ones(&fleet.views(), round as usize * 100 + 100);
    }
    let afresh = "footfall_aggregate_started_afresh_total{reason=\"sums_differ\"}";
    assert!(fleet.aggregates[0].metric(afresh).unwrap() >= 1.0, "the control sums found the lost part");
}
