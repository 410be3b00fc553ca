//! Encodes records to bytes and decodes them: protobuf as `../footfall.proto` describes it.
//!
//! The code is written by hand because both ends are hot. Encoding appends to a buffer that the caller reuses;
//! decoding borrows every string from the bytes. Unknown fields are skipped, so that an older reader can read what a
//! newer writer wrote. Tests compare this module with a protobuf library.
//!
//! Measured against two crates in one run (`load-tests/src/bin/wire`, medians of 7 rounds, CPU time relative to this
//! module). prost 0.14: 2.0 to decode a record, 1.19 for the fold from records. buffa 0.9 with views: 0.87 and 0.99, so
//! its speed is no reason against it. But buffa boxes each member of a `oneof`; these figures needed a copy of the
//! proto in which the body of a record and `Extra` are opaque bytes. `Extra`, which is decoded where it is used, and
//! the dictionaries of `batch` would still be written by hand, beside some 7,500 generated lines.

use crate::day::Day;
use crate::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use crate::extra::Extra;
use crate::fate::{FateCount, Refusal};

mod batch;
pub(crate) mod protobuf;

pub use batch::{Batch, Contents, Packer};
use protobuf::{Fields, fixed64, nested, sint, text, uint};

/// One record of the spool or the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// The partition of the stream.
    pub partition: u32,
    /// The epoch: one run of a collector process.
    pub epoch: u64,
    /// The record's number, from 1, without gaps per (epoch, partition).
    pub number: u64,
    /// The contents.
    pub body: Body<'a>,
}

/// The contents of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// An event.
    Event(Event<'a>),
    /// Numbers of refused hits.
    Fates(Vec<FateCount<'a>>),
    /// The close of every date up to this one.
    Close(Day),
}

/// Why bytes are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("a record ends inside a field")]
    Truncated,
    /// A field has a type or a value that it cannot have.
    #[error("field {0} of a record has an invalid type or value")]
    Field(u32),
    /// The record has no body.
    #[error("a record without a body")]
    NoBody,
    /// The columns of a batch have different lengths, or refer to entries that its tables do not have.
    #[error("a batch whose columns and tables do not fit together")]
    Columns,
}

/// Appends the head of a record and the body that `encode_body` made.
pub fn encode_record(partition: u32, epoch: u64, number: u64, body: &[u8], out: &mut Vec<u8>) {
    uint(1, u64::from(partition), out);
    fixed64(2, epoch, out);
    uint(3, number, out);
    out.extend_from_slice(body);
}

/// Appends an event as the body of a record: the key and the length of the field, then the event.
pub fn encode_event(event: &Event<'_>, out: &mut Vec<u8>) {
    nested(4, out, |out| {
        // A new field must be placed here, or this does not compile.
        let Event {
            site,
            day,
            time_s,
            offset_quarters,
            lane,
            tag,
            kind,
            interactive,
            name,
            page,
            source,
            channel,
            country,
            region,
            device,
            browser,
            os,
            language,
            screen,
            extra,
        } = *event;
        uint(1, u64::from(site), out);
        sint(2, day.0, out);
        uint(3, u64::from(time_s), out);
        sint(4, i32::from(offset_quarters), out);
        uint(5, u64::from(lane.code()), out);
        fixed64(6, tag.0, out);
        uint(7, u64::from(kind.code()), out);
        uint(8, u64::from(!interactive), out);
        text(9, name, out);
        text(10, page, out);
        text(11, source, out);
        uint(12, u64::from(channel.code()), out);
        text(13, country, out);
        text(14, region, out);
        uint(15, u64::from(device.code()), out);
        text(16, browser, out);
        text(17, os, out);
        text(18, language, out);
        text(19, screen, out);
        if !extra.is_empty() {
            nested(20, out, |out| extra.write(out));
        }
    });
}

/// Appends refusals as the body of a record.
pub fn encode_fates<'a>(counts: impl IntoIterator<Item = FateCount<'a>>, out: &mut Vec<u8>) {
    nested(5, out, |out| {
        for count in counts {
            nested(1, out, |out| {
                uint(1, u64::from(count.site), out);
                sint(2, count.day.0, out);
                uint(3, u64::from(count.reason.code()), out);
                text(4, count.crawler, out);
                uint(5, count.hits, out);
            });
        }
    });
}

/// Appends the close of a day as the body of a record.
pub fn encode_close(day: Day, out: &mut Vec<u8>) {
    nested(6, out, |out| sint(1, day.0, out));
}

/// Decodes one record. Its strings borrow from `bytes`.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, WireError> {
    let RawRecord { partition, epoch, number, body } = decode_raw(bytes)?;
    let body = match body {
        RawBody::Event(bytes) => Body::Event(decode_event(bytes)?),
        RawBody::Fates(bytes) => Body::Fates(decode_fates(bytes)?),
        RawBody::Close(bytes) => Body::Close(decode_close(bytes)?),
    };
    Ok(Record { partition, epoch, number, body })
}

/// A record whose body is not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// The partition of the stream.
    pub partition: u32,
    /// The epoch: one run of a collector process.
    pub epoch: u64,
    /// The record's number in that epoch and partition.
    pub number: u64,
    /// The contents.
    pub body: RawBody<'a>,
}

/// The bytes of a body, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawBody<'a> {
    /// An event.
    Event(&'a [u8]),
    /// Refusals.
    Fates(&'a [u8]),
    /// A close.
    Close(&'a [u8]),
}

/// Decodes a record's numbers, and leaves its body as bytes.
pub fn decode_raw(bytes: &[u8]) -> Result<RawRecord<'_>, WireError> {
    let (mut partition, mut epoch, mut number, mut body) = (0, 0, 0, None);
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => partition = value.u32(key)?,
            2 => epoch = value.u64(key)?,
            3 => number = value.u64(key)?,
            4 => body = Some(RawBody::Event(value.bytes(key)?)),
            5 => body = Some(RawBody::Fates(value.bytes(key)?)),
            6 => body = Some(RawBody::Close(value.bytes(key)?)),
            _ => {}
        }
    }
    Ok(RawRecord { partition, epoch, number, body: body.ok_or(WireError::NoBody)? })
}

fn decode_event(bytes: &[u8]) -> Result<Event<'_>, WireError> {
    let mut event = Event {
        site: 0,
        day: Day(0),
        time_s: 0,
        offset_quarters: 0,
        lane: Lane::Audience,
        tag: VisitorTag(0),
        kind: Kind::Pageview,
        interactive: true,
        name: "",
        page: "",
        source: "",
        channel: Channel::Direct,
        country: "",
        region: "",
        device: Device::Unknown,
        browser: "",
        os: "",
        language: "",
        screen: "",
        extra: Extra::NONE,
    };
    for field in Fields(bytes) {
        let (key, value) = field?;
        let wrong = WireError::Field(key);
        match key {
            1 => event.site = value.u32(key)?,
            2 => event.day = Day(value.i32(key)?),
            3 => event.time_s = value.u32(key)?,
            4 => event.offset_quarters = i8::try_from(value.i32(key)?).map_err(|_| wrong)?,
            5 => event.lane = Lane::from_code(value.u32(key)?).ok_or(wrong)?,
            6 => event.tag = VisitorTag(value.u64(key)?),
            7 => event.kind = Kind::from_code(value.u32(key)?).ok_or(wrong)?,
            8 => event.interactive = value.u64(key)? == 0,
            9 => event.name = value.text(key)?,
            10 => event.page = value.text(key)?,
            11 => event.source = value.text(key)?,
            12 => event.channel = Channel::from_code(value.u32(key)?).ok_or(wrong)?,
            13 => event.country = value.text(key)?,
            14 => event.region = value.text(key)?,
            15 => event.device = Device::from_code(value.u32(key)?).ok_or(wrong)?,
            16 => event.browser = value.text(key)?,
            17 => event.os = value.text(key)?,
            18 => event.language = value.text(key)?,
            19 => event.screen = value.text(key)?,
            20 => event.extra = Extra::decode(value.bytes(key)?)?,
            _ => {}
        }
    }
    Ok(event)
}

fn decode_fates(bytes: &[u8]) -> Result<Vec<FateCount<'_>>, WireError> {
    let mut counts = Vec::new();
    for field in Fields(bytes) {
        let (key, value) = field?;
        if key != 1 {
            continue;
        }
        let (mut site, mut day, mut reason, mut crawler, mut hits) = (0, Day(0), None, "", 0);
        for field in Fields(value.bytes(key)?) {
            let (key, value) = field?;
            match key {
                1 => site = value.u32(key)?,
                2 => day = Day(value.i32(key)?),
                3 => reason = Refusal::from_code(value.u32(key)?),
                4 => crawler = value.text(key)?,
                5 => hits = value.u64(key)?,
                _ => {}
            }
        }
        counts.push(FateCount { site, day, reason: reason.ok_or(WireError::Field(3))?, crawler, hits });
    }
    Ok(counts)
}

fn decode_close(bytes: &[u8]) -> Result<Day, WireError> {
    let mut day = Day(0);
    for field in Fields(bytes) {
        let (key, value) = field?;
        if key == 1 {
            day = Day(value.i32(key)?);
        }
    }
    Ok(day)
}

#[cfg(test)]
mod tests;
