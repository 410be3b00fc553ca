//! The wire format compared with a protobuf library, and with hostile bytes.

use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::extra::ExtraBuf;
use crate::goals::FunnelStep;

/// `../footfall.proto` as declared for the library `prost`.
pub(super) mod oracle {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::wire) struct Record {
        #[prost(uint32, tag = "1")]
        pub(in crate::wire) partition: u32,
        #[prost(fixed64, tag = "2")]
        pub(in crate::wire) epoch: u64,
        #[prost(uint64, tag = "3")]
        pub(in crate::wire) number: u64,
        #[prost(message, optional, tag = "4")]
        pub(in crate::wire) event: Option<Event>,
        #[prost(message, optional, tag = "5")]
        pub(in crate::wire) fates: Option<Fates>,
        #[prost(message, optional, tag = "6")]
        pub(in crate::wire) close: Option<Close>,
        #[prost(string, tag = "99")]
        pub(in crate::wire) of_the_future: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::wire) struct Event {
        #[prost(uint32, tag = "1")]
        pub(in crate::wire) site: u32,
        #[prost(sint32, tag = "2")]
        pub(in crate::wire) day: i32,
        #[prost(uint32, tag = "3")]
        pub(in crate::wire) time_s: u32,
        #[prost(sint32, tag = "4")]
        pub(in crate::wire) offset_quarters: i32,
        #[prost(uint32, tag = "5")]
        pub(in crate::wire) lane: u32,
        #[prost(fixed64, tag = "6")]
        pub(in crate::wire) tag: u64,
        #[prost(uint32, tag = "7")]
        pub(in crate::wire) kind: u32,
        #[prost(bool, tag = "8")]
        pub(in crate::wire) passive: bool,
        #[prost(string, tag = "9")]
        pub(in crate::wire) name: String,
        #[prost(string, tag = "10")]
        pub(in crate::wire) page: String,
        #[prost(string, tag = "11")]
        pub(in crate::wire) source: String,
        #[prost(uint32, tag = "12")]
        pub(in crate::wire) channel: u32,
        #[prost(string, tag = "13")]
        pub(in crate::wire) country: String,
        #[prost(string, tag = "14")]
        pub(in crate::wire) region: String,
        #[prost(uint32, tag = "15")]
        pub(in crate::wire) device: u32,
        #[prost(string, tag = "16")]
        pub(in crate::wire) browser: String,
        #[prost(string, tag = "17")]
        pub(in crate::wire) os: String,
        #[prost(string, tag = "18")]
        pub(in crate::wire) language: String,
        #[prost(string, tag = "19")]
        pub(in crate::wire) screen: String,
        #[prost(bytes = "vec", optional, tag = "20")]
        pub(in crate::wire) extra: Option<Vec<u8>>, // a message; the tests of `extra` check its fields
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::wire) struct Fates {
        #[prost(message, repeated, tag = "1")]
        pub(in crate::wire) counts: Vec<Count>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::wire) struct Count {
        #[prost(uint32, tag = "1")]
        pub(in crate::wire) site: u32,
        #[prost(sint32, tag = "2")]
        pub(in crate::wire) day: i32,
        #[prost(uint32, tag = "3")]
        pub(in crate::wire) reason: u32,
        #[prost(string, tag = "4")]
        pub(in crate::wire) crawler: String,
        #[prost(uint64, tag = "5")]
        pub(in crate::wire) hits: u64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(in crate::wire) struct Close {
        #[prost(sint32, tag = "1")]
        pub(in crate::wire) day: i32,
    }
}

pub(super) fn any_event() -> impl Strategy<Value = oracle::Event> {
    let numbers = (any::<u32>(), any::<i32>(), any::<u32>(), -60i32..60, 1u32..=2, any::<u64>());
    let codes = (1u32..=11, any::<bool>(), 1u32..=9, 0u32..=5);
    let texts = prop::collection::vec(".{0,200}", 9);
    let extra = prop_oneof![3 => Just(None), 1 => (1u64..5, 0u64..3, 0i64..3, 0u16..4).prop_map(Some)];
    (numbers, codes, texts, extra).prop_map(
        |((site, day, time_s, offset_quarters, lane, tag), codes, mut texts, extra)| {
            let (kind, passive, channel, device) = codes;
            let mut next = || texts.pop().unwrap_or_default();
            oracle::Event {
                site,
                day,
                time_s,
                offset_quarters,
                lane,
                tag,
                kind,
                passive,
                name: next(),
                page: next(),
                source: next(),
                channel,
                country: next(),
                region: next(),
                device,
                browser: next(),
                os: next(),
                language: next(),
                screen: next(),
                extra: extra.map(|(order_id, once, amount, goals)| {
                    let (mut buf, mut bytes) = (ExtraBuf::default(), Vec::new());
                    buf.amount(amount);
                    buf.reached(1..=goals, (1..goals).map(|funnel| FunnelStep { funnel, step: 2 }));
                    buf.extra().numbered(order_id, once).write(&mut bytes);
                    bytes
                }),
            }
        },
    )
}

pub(super) fn as_event(e: &oracle::Event) -> Event<'_> {
    Event {
        site: e.site,
        day: Day(e.day),
        time_s: e.time_s,
        offset_quarters: e.offset_quarters as i8,
        lane: Lane::from_code(e.lane).unwrap(),
        tag: VisitorTag(e.tag),
        kind: Kind::from_code(e.kind).unwrap(),
        interactive: !e.passive,
        name: &e.name,
        page: &e.page,
        source: &e.source,
        channel: Channel::from_code(e.channel).unwrap(),
        country: &e.country,
        region: &e.region,
        device: Device::from_code(e.device).unwrap(),
        browser: &e.browser,
        os: &e.os,
        language: &e.language,
        screen: &e.screen,
        extra: e.extra.as_deref().map_or(Extra::NONE, |bytes| Extra::decode(bytes).unwrap()),
    }
}

proptest! {
    #[test]
    fn a_protobuf_library_encodes_an_event_to_the_same_bytes(event in any_event(), partition: u32, epoch: u64, number: u64) {
        let theirs = oracle::Record { partition, epoch, number, event: Some(event.clone()), ..Default::default() };
        let (mut body, mut ours) = (Vec::new(), Vec::new());
        encode_event(&as_event(&event), &mut body);
        encode_record(partition, epoch, number, &body, &mut ours);
        prop_assert_eq!(&ours, &theirs.encode_to_vec());
        let back = decode(&ours).unwrap();
        prop_assert_eq!(back, Record { partition, epoch, number, body: Body::Event(as_event(&event)) });
    }

    #[test]
    fn a_protobuf_library_encodes_fates_and_closes_to_the_same_bytes(rows in prop::collection::vec((any::<u32>(), any::<i32>(), 1u32..=17, ".{0,150}", any::<u64>()), 0..9), day: i32) {
        let counts: Vec<_> = rows.iter().map(|(site, day, reason, crawler, hits)| FateCount {
            site: *site, day: Day(*day), reason: Refusal::from_code(*reason).unwrap(), crawler, hits: *hits }).collect();
        let theirs = oracle::Record { fates: Some(oracle::Fates { counts: rows.iter().map(|r| oracle::Count {
            site: r.0, day: r.1, reason: r.2, crawler: r.3.clone(), hits: r.4 }).collect() }), ..Default::default() };
        let mut ours = Vec::new();
        encode_fates(counts.iter().copied(), &mut ours);
        prop_assert_eq!(&ours, &theirs.encode_to_vec());
        prop_assert_eq!(decode(&ours).unwrap().body, Body::Fates(counts));
        let mut close = Vec::new();
        encode_close(Day(day), &mut close);
        prop_assert_eq!(&close, &oracle::Record { close: Some(oracle::Close { day }), ..Default::default() }.encode_to_vec());
        prop_assert_eq!(decode(&close).unwrap().body, Body::Close(Day(day)));
    }

    #[test]
    fn hostile_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _only_no_panic = decode(&bytes);
    }

    #[test]
    fn fields_of_a_newer_writer_are_skipped(event in any_event(), of_the_future in ".{1,20}") {
        let record = oracle::Record { number: 7, event: Some(event.clone()), of_the_future, ..Default::default() };
        let bytes = record.encode_to_vec();
        prop_assert_eq!(decode(&bytes).unwrap().body, Body::Event(as_event(&event)));
    }
}

#[test]
fn every_cut_of_a_record_is_an_error_or_another_whole_record() {
    let mut body = Vec::new();
    encode_close(Day(20_000), &mut body);
    let mut whole = Vec::new();
    encode_record(3, 9, 1, &body, &mut whole);
    for cut in 0..whole.len() {
        assert!(decode(&whole[..cut]).is_err(), "cut at {cut}");
    }
}
