use proptest::prelude::*;
use schema::day::Day;
use schema::event::{Event, VisitorTag};
use schema::extra::ExtraBuf;
use schema::fate::{FateCount, Refusal};
use schema::goals::FunnelStep;
use schema::wire::{Batch, Body, encode_close, encode_event, encode_fates, encode_record};
use testbed::events::view;

use super::*;

/// Any error fails the test.
#[derive(Debug)]
struct TestError;

impl From<WireError> for TestError {
    fn from(_: WireError) -> TestError {
        TestError
    }
}

impl From<NoPartition> for TestError {
    fn from(_: NoPartition) -> TestError {
        TestError
    }
}

const PARTITIONS: u32 = 3;

/// For each partition (epoch, number) of each record in its messages, in order.
type SentRecords = Vec<Vec<(u64, u64)>>;

fn event(tag: u64, page: &str) -> Vec<u8> {
    let event = view(Day(20_000), tag as u32, VisitorTag(tag), page);
    let mut body = Vec::new();
    encode_event(&event, &mut body);
    body
}

fn record(partition: u32, epoch: u64, number: u64, body: &[u8]) -> Vec<u8> {
    let mut record = Vec::new();
    encode_record(partition, epoch, number, body, &mut record);
    record
}

fn receive(sent: &mut SentRecords, froms: &mut Vec<u64>, message: &PackedMessage<'_>) {
    let batch = Batch::decode(message.bytes).unwrap();
    assert_eq!(batch.records(), message.records);
    froms.push(message.from);
    let epoch = batch.epoch;
    sent[message.partition as usize].extend(batch.into_records().map(|(number, _)| (epoch, number)));
}

proptest! {
    /// In any order of records of several epochs, each partition gets exactly its own records in order, and the oldest
    /// position that is not sent is known at any time.
    #[test]
    fn every_record_is_sent_once_and_in_order(steps in prop::collection::vec((0..PARTITIONS, 0u8..20, "[a-z]{0,900}"), 0..400)) {
        let mut packing = Packing::new(PARTITIONS);
        let (mut sent, mut expected): (SentRecords, SentRecords) = (vec![vec![]; 3], vec![vec![]; 3]);
        let (mut epoch, mut numbers, mut froms) = (1, [0; 3], vec![]);
        let mut sent_position = 0;
        for (position, (partition, what, page)) in (0u64..).zip(&steps) {
            if *what == 0 {
                (epoch, numbers) = (epoch + 1, [0; 3]);
            }
            let number = &mut numbers[*partition as usize];
            *number += 1;
            let count = FateCount { site: 1, day: Day(1), reason: Refusal::Bot, crawler: "", hits: 1 };
            let mut body = Vec::new();
            match what {
                1 => encode_fates([count], &mut body),
                _ => body = event(position, page),
            }
            expected[*partition as usize].push((epoch, *number));
            let record = record(*partition, epoch, *number, &body);
            packing.push::<TestError>(position, &record, |message| {
                receive(&mut sent, &mut froms, &message);
                Ok(())
            }).unwrap();
            if *what == 2 {
                packing.send_old::<WireError>(true, |message| {
                    receive(&mut sent, &mut froms, &message);
                    Ok(())
                }).unwrap();
                prop_assert_eq!(packing.oldest(), None);
                sent_position = position + 1;
            }
            prop_assert!(packing.oldest().is_none_or(|oldest| oldest >= sent_position && oldest <= position));
        }
        packing.send_old::<WireError>(true, |message| {
            receive(&mut sent, &mut froms, &message);
            Ok(())
        }).unwrap();
        prop_assert_eq!(sent, expected);
    }
}

#[test]
fn a_message_is_sent_when_it_is_full_or_old_and_closes_are_not_sent() {
    let mut packing = Packing::new(1);
    let (mut sent, mut froms) = (vec![vec![]], vec![]);
    let mut close = Vec::new();
    encode_close(Day(1), &mut close);
    packing.push::<TestError>(0, &record(0, 0, 0, &close), |_| panic!("no message")).unwrap();
    // The age counts from the first record, also if a full message was sent meanwhile.
    let began = Instant::now();
    let mut number = 0;
    while froms.is_empty() {
        number += 1;
        let body = event(number, &format!("/{number}"));
        let receive = |message: PackedMessage<'_>| {
            assert!((MESSAGE_BYTES / 2..MESSAGE_BYTES + 200).contains(&message.bytes.len()));
            receive(&mut sent, &mut froms, &message);
            Ok(())
        };
        packing.push::<TestError>(number, &record(0, 1, number, &body), receive).unwrap();
    }
    assert_eq!(froms, [1]);
    let body = event(0, "/last");
    packing.push::<TestError>(number + 1, &record(0, 1, number + 1, &body), |_| panic!("not full")).unwrap();
    while froms.len() == 1 {
        assert!(began.elapsed() < Duration::from_secs(5));
        packing
            .send_old::<WireError>(false, |message| {
                receive(&mut sent, &mut froms, &message);
                Ok(())
            })
            .unwrap();
    }
    assert!(began.elapsed() >= MESSAGE_AGE);
    assert_eq!(froms, [1, number + 1]);
    assert_eq!(sent[0].len() as u64, number + 1);
}

#[test]
fn the_goals_of_an_event_are_packed_unchanged() {
    let mut extra = ExtraBuf::default();
    extra.reached([1, 9], [FunnelStep { funnel: 2, step: 3 }]);
    let event = Event { extra: extra.extra(), ..view(Day(20_000), 5, VisitorTag(5), "/thanks") };
    let mut body = Vec::new();
    encode_event(&event, &mut body);
    let mut packing = Packing::new(1);
    packing.push::<TestError>(0, &record(0, 1, 1, &body), |_| panic!("the message is not full")).unwrap();
    let mut messages = 0;
    let decode = |message: PackedMessage<'_>| {
        messages += 1;
        let records = Batch::decode(message.bytes)?.into_records();
        assert!(records.eq([(1, Body::Event(event))]));
        Ok(())
    };
    packing.send_old::<WireError>(true, decode).unwrap();
    assert_eq!(messages, 1);
}

#[test]
fn a_record_of_a_partition_that_does_not_exist_is_an_error() {
    let mut packing = Packing::new(2);
    let body = event(1, "/");
    assert!(packing.push::<TestError>(0, &record(1, 1, 1, &body), |_| Ok(())).is_ok());
    assert!(packing.push::<TestError>(1, &record(2, 1, 1, &body), |_| Ok(())).is_err());
}
