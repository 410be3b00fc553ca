//! The crate `buffa`: views that borrow from the bytes. `build.rs` generates them from `schema/footfall.proto`.

use buffa::{MessageView, ViewEncode};
use schema::day::Day;
use schema::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use schema::extra::Extra;
use schema::wire::{Body, Record};

use crate::{Codec, EPOCH};
use generated::__buffa::view::oneof::batch::Contents;
use generated::{BatchView, EventView, RecordView};

#[allow(unreachable_pub, dead_code, unused_imports, clippy::allow_attributes_without_reason, reason = "generated code")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/footfall.v1.mod.rs"));
}

#[derive(Default)]
pub(crate) struct Buffa {
    body: Vec<u8>,
    extra: Vec<u8>,
}

/// The checked event; `None` if a code is unknown.
fn event<'a>(view: &EventView<'a>) -> Option<Event<'a>> {
    Some(Event {
        site: view.site,
        day: Day(view.day),
        time_s: view.time_s,
        offset_quarters: i8::try_from(view.offset_quarters).ok()?,
        lane: Lane::from_code(view.lane)?,
        tag: VisitorTag(view.tag),
        kind: Kind::from_code(view.kind)?,
        interactive: !view.passive,
        name: view.name,
        page: view.page,
        source: view.source,
        channel: Channel::from_code(view.channel)?,
        country: view.country,
        region: view.region,
        device: Device::from_code(view.device)?,
        browser: view.browser,
        os: view.os,
        language: view.language,
        screen: view.screen,
        extra: Extra::decode(view.extra).ok()?,
    })
}

impl Codec for Buffa {
    const NAME: &'static str = "buffa";

    fn encode(&mut self, number: u64, event: &Event<'_>, out: &mut Vec<u8>) {
        let Buffa { body, extra } = self;
        extra.clear();
        event.extra.write(extra);
        let view = EventView {
            site: event.site,
            day: event.day.0,
            time_s: event.time_s,
            offset_quarters: event.offset_quarters.into(),
            lane: event.lane.code(),
            tag: event.tag.0,
            kind: event.kind.code(),
            passive: !event.interactive,
            name: event.name,
            page: event.page,
            source: event.source,
            channel: event.channel.code(),
            country: event.country,
            region: event.region,
            device: event.device.code(),
            browser: event.browser,
            os: event.os,
            language: event.language,
            screen: event.screen,
            extra,
        };
        body.clear();
        view.encode(body);
        RecordView { partition: 0, epoch: EPOCH, number, event: body, ..Default::default() }.encode(out);
    }

    fn decode_record(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>)) {
        let record = RecordView::decode_view(bytes).expect("it was just encoded");
        let view = EventView::decode_view(record.event).expect("it was just encoded");
        let body = Body::Event(event(&view).expect("it was just encoded"));
        apply(&Record { partition: record.partition, epoch: record.epoch, number: record.number, body });
    }

    fn decode_batch(bytes: &[u8], apply: &mut impl FnMut(&Record<'_>)) {
        let batch = BatchView::decode_view(bytes).expect("it was just encoded");
        let Some(Contents::Events(columns)) = &batch.contents else { unreachable!("it was just encoded") };
        let shapes: Vec<Event<'_>> =
            columns.shapes.iter().map(|shape| event(shape).expect("it was just encoded")).collect();
        assert!(columns.extras.is_empty(), "the synthetic day has no extras");
        let mut time_s = 0u32;
        for (n, &tag) in columns.tags.iter().enumerate() {
            time_s = time_s.wrapping_add_signed(columns.times[n]);
            let shape = &shapes[columns.shape_of[n] as usize];
            let page = columns.texts[columns.page_of[n] as usize];
            let name = columns.name_of.get(n).and_then(|name| columns.texts.get(name.checked_sub(1)? as usize));
            let name = name.copied().unwrap_or_default();
            let event = Event { time_s, tag: VisitorTag(tag), page, name, ..*shape };
            apply(&Record {
                partition: 0,
                epoch: batch.epoch,
                number: batch.first + n as u64,
                body: Body::Event(event),
            });
        }
    }
}
