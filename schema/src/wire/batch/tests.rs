use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::wire::tests::{any_event, as_event, oracle};
use crate::wire::{RawBody, decode_raw, encode_close, encode_event, encode_fates, encode_record};

/// `Batch` of `../../../footfall.proto`, as the library `prost` understands it.
#[derive(Clone, PartialEq, prost::Message)]
struct TheirBatch {
    #[prost(fixed64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    first: u64,
    #[prost(message, optional, tag = "3")]
    events: Option<TheirEvents>,
    #[prost(message, optional, tag = "4")]
    fates: Option<oracle::Fates>,
    #[prost(message, optional, tag = "5")]
    close: Option<oracle::Close>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TheirEvents {
    #[prost(message, repeated, tag = "1")]
    shapes: Vec<oracle::Event>,
    #[prost(string, repeated, tag = "2")]
    texts: Vec<String>,
    #[prost(sint32, repeated, tag = "3")]
    times: Vec<i32>,
    #[prost(fixed64, repeated, tag = "4")]
    tags: Vec<u64>,
    #[prost(uint32, repeated, tag = "5")]
    shape_of: Vec<u32>,
    #[prost(uint32, repeated, tag = "6")]
    page_of: Vec<u32>,
    #[prost(uint32, repeated, tag = "7")]
    name_of: Vec<u32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    extras: Vec<Vec<u8>>,
    #[prost(uint32, repeated, tag = "9")]
    extra_of: Vec<u32>,
}

/// The bytes of an event in a record of the spool.
fn raw_event(event: &oracle::Event) -> Vec<u8> {
    let (mut body, mut record) = (Vec::new(), Vec::new());
    encode_event(&as_event(event), &mut body);
    encode_record(3, 9, 7, &body, &mut record);
    let RawBody::Event(bytes) = decode_raw(&record).unwrap().body else { panic!("an event") };
    bytes.to_vec()
}

/// Events with few distinct texts, so that entries of the tables are shared.
fn events() -> impl Strategy<Value = Vec<oracle::Event>> {
    let alike = any_event().prop_map(|event| oracle::Event {
        site: 1,
        page: format!("/{}", event.time_s % 5),
        name: "n".repeat((event.time_s % 3) as usize),
        source: String::new(),
        country: "FR".to_owned(),
        region: String::new(),
        browser: format!("B {}", event.tag % 3),
        ..event
    });
    prop::collection::vec(prop_oneof![any_event(), alike], 1..40)
}

fn packed(packer: &mut Packer, epoch: u64, first: u64, events: &[oracle::Event]) -> Vec<u8> {
    for (number, event) in (first..).zip(events) {
        assert!(packer.can_take(epoch, number));
        packer.push(epoch, number, &raw_event(event)).unwrap();
    }
    let mut bytes = Vec::new();
    packer.finish(&mut bytes);
    bytes
}

proptest! {
    #[test]
    fn packed_events_are_decoded_in_the_same_order(events in events(), more in events(), epoch: u64, first in 1u64..1 << 40) {
        let mut packer = Packer::default();
        for (epoch, first, events) in [(epoch, first, events), (epoch ^ 1, first + 5, more)] {
            let bytes = packed(&mut packer, epoch, first, &events);
            let batch = Batch::decode(&bytes).unwrap();
            prop_assert_eq!((batch.epoch, batch.records()), (epoch, events.len() as u64));
            let expected: Vec<_> = (first..).zip(events.iter().map(|event| Body::Event(as_event(event)))).collect();
            prop_assert_eq!(batch.into_records().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_protobuf_library_decodes_the_same_batch(events in events(), epoch: u64, first: u64) {
        let bytes = packed(&mut Packer::default(), epoch, first, &events);
        let theirs = TheirBatch::decode(&bytes[..]).unwrap();
        prop_assert_eq!((theirs.epoch, theirs.first), (epoch, first));
        let TheirEvents { shapes, texts, times, tags, shape_of, page_of, name_of, extras, extra_of } = theirs.events.unwrap();
        let mut time = 0u32;
        for (at, event) in events.iter().enumerate() {
            time = time.wrapping_add(times[at].cast_unsigned());
            let name = name_of.get(at).map_or(0, |&name| name as usize);
            let found = oracle::Event {
                time_s: time,
                tag: tags[at],
                page: texts[page_of[at] as usize].clone(),
                name: name.checked_sub(1).map_or(String::new(), |name| texts[name].clone()),
                extra: extra_of.get(at).and_then(|extra| (*extra as usize).checked_sub(1)).map(|at| extras[at].clone()),
                ..shapes[shape_of[at] as usize].clone()
            };
            prop_assert_eq!(&found, event);
        }
        prop_assert_eq!([times.len(), tags.len(), shape_of.len(), page_of.len()], [events.len(); 4]);
    }

    #[test]
    fn hostile_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), events in events(), at: usize, flip: u8) {
        let _only_no_panic = Batch::decode(&bytes);
        let mut bytes = packed(&mut Packer::default(), 1, 1, &events);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let _only_no_panic = Batch::decode(&bytes);
    }
}

#[test]
fn a_batch_with_columns_that_do_not_fit_is_an_error() {
    let whole = TheirEvents {
        shapes: vec![oracle::Event { lane: 1, kind: 1, channel: 1, ..Default::default() }],
        texts: vec!["/".to_owned()],
        times: vec![1, 1],
        tags: vec![1, 2],
        shape_of: vec![0, 0],
        page_of: vec![0, 0],
        name_of: vec![0, 1],
        extras: vec![vec![0x28, 2]], // amount: 1
        extra_of: vec![1, 0],
    };
    let decode = |events: &TheirEvents| {
        let batch = TheirBatch { epoch: 1, first: 1, events: Some(events.clone()), ..Default::default() };
        Batch::decode(&batch.encode_to_vec()).map(|batch| batch.records())
    };
    assert_eq!(decode(&whole), Ok(2));
    type Spoil = fn(&mut TheirEvents);
    let spoils: [Spoil; 11] = [
        |e| e.times.truncate(1),
        |e| e.times.push(1),
        |e| e.tags.truncate(1),
        |e| e.shape_of[1] = 1,
        |e| e.shape_of.push(0),
        |e| e.page_of[1] = 1,
        |e| e.name_of[1] = 2,
        |e| e.name_of.truncate(1),
        |e| e.extra_of[0] = 2,
        |e| e.extra_of.truncate(1),
        |e| e.extras[0].truncate(1),
    ];
    for (n, spoil) in spoils.iter().enumerate() {
        let mut events = whole.clone();
        spoil(&mut events);
        assert!(decode(&events).is_err(), "spoilt {n}");
    }
}

#[test]
fn refusals_and_closes_are_batches_of_their_own() {
    let count = FateCount { site: 1, day: Day(9), reason: crate::fate::Refusal::Bot, crawler: "C", hits: 3 };
    let (mut body, mut record, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    encode_fates([count], &mut body);
    encode_record(0, 5, 8, &body, &mut record);
    let RawBody::Fates(raw) = decode_raw(&record).unwrap().body else { panic!("refusals") };
    Packer::fates(5, 8, raw, &mut bytes);
    let batch = Batch::decode(&bytes).unwrap();
    assert_eq!((batch.epoch, batch.records()), (5, 1));
    assert_eq!(batch.into_records().collect::<Vec<_>>(), [(8, Body::Fates(vec![count]))]);
    bytes.clear();
    Packer::close(Day(-4), &mut bytes);
    let batch = Batch::decode(&bytes).unwrap();
    assert_eq!((batch.epoch, batch.contents), (0, Contents::Close(Day(-4))));
    let mut close = Vec::new();
    encode_close(Day(-4), &mut close);
    assert!(matches!(decode_raw(&close).unwrap().body, RawBody::Close(_)));
}

#[test]
fn only_the_next_record_of_the_same_epoch_can_be_packed() {
    let mut packer = Packer::default();
    assert!(packer.is_empty() && packer.can_take(1, 77));
    packer.push(1, 77, &[]).unwrap();
    assert!(packer.can_take(1, 78) && !packer.can_take(1, 77) && !packer.can_take(1, 79) && !packer.can_take(2, 78));
    packer.finish(&mut Vec::new());
    assert!(packer.is_empty() && packer.can_take(2, 1));
}

#[test]
fn a_thousand_similar_page_views_take_few_bytes_each() {
    let mut packer = Packer::default();
    for number in 0..1000u32 {
        let event = oracle::Event {
            site: 1,
            day: 20_000,
            time_s: 1_728_000_000 + number,
            lane: 1,
            tag: u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            kind: 1,
            page: format!("/page/{}", number % 50),
            source: "Direct".to_owned(),
            channel: 1,
            browser: format!("Firefox {}", number % 3),
            ..Default::default()
        };
        packer.push(1, u64::from(number) + 1, &raw_event(&event)).unwrap();
    }
    let expected = packer.bytes();
    let mut bytes = Vec::new();
    packer.finish(&mut bytes);
    assert!(bytes.len() < 13_000, "{}", bytes.len());
    // The column of names is left out because no event has one.
    assert!((bytes.len()..bytes.len() + 1_200).contains(&expected), "{expected} was expected, {} came", bytes.len());
}
