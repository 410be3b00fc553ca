//! The wire format against a protobuf library, and against hostile bytes.

use proptest::prelude::*;
use prost::Message;

use super::*;

/// `../footfall.proto`, as the library `prost` understands it.
mod oracle {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Record {
        #[prost(uint32, tag = "1")]
        pub(super) partition: u32,
        #[prost(fixed64, tag = "2")]
        pub(super) epoch: u64,
        #[prost(uint64, tag = "3")]
        pub(super) number: u64,
        #[prost(message, optional, tag = "4")]
        pub(super) event: Option<Event>,
        #[prost(message, optional, tag = "5")]
        pub(super) fates: Option<Fates>,
        #[prost(message, optional, tag = "6")]
        pub(super) close: Option<Close>,
        #[prost(string, tag = "99")]
        pub(super) of_the_future: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Event {
        #[prost(uint32, tag = "1")]
        pub(super) site: u32,
        #[prost(sint32, tag = "2")]
        pub(super) day: i32,
        #[prost(uint32, tag = "3")]
        pub(super) time_s: u32,
        #[prost(sint32, tag = "4")]
        pub(super) offset_quarters: i32,
        #[prost(uint32, tag = "5")]
        pub(super) lane: u32,
        #[prost(fixed64, tag = "6")]
        pub(super) tag: u64,
        #[prost(uint32, tag = "7")]
        pub(super) kind: u32,
        #[prost(bool, tag = "8")]
        pub(super) passive: bool,
        #[prost(string, tag = "9")]
        pub(super) name: String,
        #[prost(string, tag = "10")]
        pub(super) page: String,
        #[prost(string, tag = "11")]
        pub(super) source: String,
        #[prost(uint32, tag = "12")]
        pub(super) channel: u32,
        #[prost(string, tag = "13")]
        pub(super) country: String,
        #[prost(string, tag = "14")]
        pub(super) region: String,
        #[prost(uint32, tag = "15")]
        pub(super) device: u32,
        #[prost(string, tag = "16")]
        pub(super) browser: String,
        #[prost(string, tag = "17")]
        pub(super) os: String,
        #[prost(string, tag = "18")]
        pub(super) language: String,
        #[prost(string, tag = "19")]
        pub(super) screen: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Fates {
        #[prost(message, repeated, tag = "1")]
        pub(super) counts: Vec<Count>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Count {
        #[prost(uint32, tag = "1")]
        pub(super) site: u32,
        #[prost(sint32, tag = "2")]
        pub(super) day: i32,
        #[prost(uint32, tag = "3")]
        pub(super) reason: u32,
        #[prost(string, tag = "4")]
        pub(super) crawler: String,
        #[prost(uint64, tag = "5")]
        pub(super) hits: u64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Close {
        #[prost(sint32, tag = "1")]
        pub(super) day: i32,
    }
}

fn any_event() -> impl Strategy<Value = oracle::Event> {
    let numbers = (any::<u32>(), any::<i32>(), any::<u32>(), -60i32..60, 1u32..=2, any::<u64>());
    let codes = (1u32..=3, any::<bool>(), 1u32..=9, 0u32..=5);
    let texts = prop::collection::vec(".{0,200}", 9);
    (numbers, codes, texts).prop_map(|((site, day, time_s, offset_quarters, lane, tag), codes, mut texts)| {
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
        }
    })
}

fn as_event(e: &oracle::Event) -> Event<'_> {
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
    }
}

proptest! {
    #[test]
    fn an_event_is_the_protobuf_it_claims_to_be(event in any_event(), partition: u32, epoch: u64, number: u64) {
        let theirs = oracle::Record { partition, epoch, number, event: Some(event.clone()), ..Default::default() };
        let (mut body, mut ours) = (Vec::new(), Vec::new());
        encode_event(&as_event(&event), &mut body);
        encode_record(partition, epoch, number, &body, &mut ours);
        prop_assert_eq!(&ours, &theirs.encode_to_vec());
        let back = decode(&ours).unwrap();
        prop_assert_eq!(back, Record { partition, epoch, number, body: Body::Event(as_event(&event)) });
    }

    #[test]
    fn fates_and_closes_are_too(rows in prop::collection::vec((any::<u32>(), any::<i32>(), 1u32..=17, ".{0,150}", any::<u64>()), 0..9), day: i32) {
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
    fn hostile_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _only_no_panic = decode(&bytes);
    }

    #[test]
    fn a_newer_writers_fields_are_skipped(event in any_event(), of_the_future in ".{1,20}") {
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
