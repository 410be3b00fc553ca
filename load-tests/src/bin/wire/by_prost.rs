//! The crate `prost`: owned messages, derived by hand from `schema/footfall.proto`.

use prost::Message;
use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::Extra;
use schema::wire::{Body, Record};

use crate::{Codec, EPOCH};

#[derive(Default)]
pub(crate) struct Prost;

#[derive(Clone, PartialEq, prost::Message)]
struct RecordMessage {
    #[prost(uint32, tag = "1")]
    partition: u32,
    #[prost(fixed64, tag = "2")]
    epoch: u64,
    #[prost(uint64, tag = "3")]
    number: u64,
    #[prost(message, optional, tag = "4")]
    event: Option<EventMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EventMessage {
    #[prost(uint32, tag = "1")]
    site: u32,
    #[prost(sint32, tag = "2")]
    day: i32,
    #[prost(uint32, tag = "3")]
    time_s: u32,
    #[prost(sint32, tag = "4")]
    offset_quarters: i32,
    #[prost(uint32, tag = "5")]
    lane: u32,
    #[prost(fixed64, tag = "6")]
    tag: u64,
    #[prost(uint32, tag = "7")]
    kind: u32,
    #[prost(bool, tag = "8")]
    passive: bool,
    #[prost(string, tag = "9")]
    name: String,
    #[prost(string, tag = "10")]
    page: String,
    #[prost(string, tag = "11")]
    source: String,
    #[prost(uint32, tag = "12")]
    channel: u32,
    #[prost(string, tag = "13")]
    country: String,
    #[prost(string, tag = "14")]
    region: String,
    #[prost(uint32, tag = "15")]
    device: u32,
    #[prost(string, tag = "16")]
    browser: String,
    #[prost(string, tag = "17")]
    os: String,
    #[prost(string, tag = "18")]
    language: String,
    #[prost(string, tag = "19")]
    screen: String,
    /// A message `Extra` that stays encoded.
    #[prost(bytes = "vec", tag = "20")]
    extra: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BatchMessage {
    #[prost(fixed64, tag = "1")]
    epoch: u64,
    #[prost(uint64, tag = "2")]
    first: u64,
    #[prost(message, optional, tag = "3")]
    events: Option<EventsMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EventsMessage {
    #[prost(message, repeated, tag = "1")]
    shapes: Vec<EventMessage>,
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

impl EventMessage {
    fn of(event: &Event<'_>) -> EventMessage {
        let mut extra = Vec::new();
        event.extra.write(&mut extra);
        EventMessage {
            site: event.site,
            day: event.day.0,
            time_s: event.time_s,
            offset_quarters: event.offset_quarters.into(),
            lane: event.lane.code(),
            tag: event.tag.0,
            kind: event.kind.code(),
            passive: !event.interactive,
            name: event.name.into(),
            page: event.page.into(),
            source: event.source.into(),
            channel: event.channel.code(),
            country: event.country.into(),
            region: event.region.into(),
            device: event.device.code(),
            browser: event.browser.into(),
            os: event.os.into(),
            language: event.language.into(),
            screen: event.screen.into(),
            extra,
        }
    }

    /// The checked event; `None` if a code is unknown.
    fn event(&self) -> Option<Event<'_>> {
        Some(Event {
            site: self.site,
            day: Day(self.day),
            time_s: self.time_s,
            offset_quarters: i8::try_from(self.offset_quarters).ok()?,
            lane: Lane::from_code(self.lane)?,
            tag: VisitorTag(self.tag),
            kind: Kind::from_code(self.kind)?,
            interactive: !self.passive,
            name: &self.name,
            page: &self.page,
            source: &self.source,
            channel: Channel::from_code(self.channel)?,
            country: &self.country,
            region: &self.region,
            device: Device::from_code(self.device)?,
            browser: &self.browser,
            os: &self.os,
            language: &self.language,
            screen: &self.screen,
            extra: Extra::decode(&self.extra).ok()?,
        })
    }
}

impl Codec for Prost {
    const NAME: &'static str = "prost";

    fn encode(&mut self, number: u64, event: &Event<'_>, out: &mut Vec<u8>) {
        let record = RecordMessage { partition: 0, epoch: EPOCH, number, event: Some(EventMessage::of(event)) };
        record.encode(out).expect("a vector grows");
    }

    fn decode_record(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>)) {
        let message = RecordMessage::decode(bytes).expect("it was just encoded");
        let event = message.event.as_ref().and_then(EventMessage::event).expect("it was just encoded");
        let RecordMessage { partition, epoch, number, .. } = message;
        apply(&Record { partition, epoch, number, body: Body::Event(event) });
    }

    fn decode_batch(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>)) {
        let BatchMessage { epoch, first, events } = BatchMessage::decode(bytes).expect("it was just encoded");
        let columns = events.expect("it was just encoded");
        let shapes: Vec<Event<'_>> =
            columns.shapes.iter().map(|shape| shape.event().expect("it was just encoded")).collect();
        let mut time_s = 0u32;
        for (n, &tag) in columns.tags.iter().enumerate() {
            time_s = time_s.wrapping_add_signed(columns.times[n]);
            let shape = &shapes[columns.shape_of[n] as usize];
            let page = &columns.texts[columns.page_of[n] as usize];
            let name = columns.name_of.get(n).and_then(|name| columns.texts.get(name.checked_sub(1)? as usize));
            let extra = columns.extra_of.get(n).and_then(|extra| columns.extras.get(extra.checked_sub(1)? as usize));
            let event = Event {
                time_s,
                tag: VisitorTag(tag),
                page,
                name: name.map_or("", |name| name),
                extra: extra.map_or(Extra::NONE, |extra| Extra::decode(extra).expect("it was just encoded")),
                ..*shape
            };
            apply(&Record { partition: 0, epoch, number: first + n as u64, body: Body::Event(event) });
        }
    }
}
