//! Records to bytes and back: protobuf as `../footfall.proto` describes it.
//!
//! Written by hand because both ends are hot: `encode` appends to a buffer the caller reuses, `decode` borrows every
//! string from the bytes. Unknown fields are skipped, so an older reader survives a newer writer; a test holds it
//! against a protobuf library.

use crate::day::Day;
use crate::event::{Channel, Device, Event, Kind, Lane, VisitorTag};
use crate::fate::{FateCount, Refusal};

/// One record of the spool or the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record<'a> {
    /// Which part of the stream it belongs to.
    pub partition: u32,
    /// Which life of a collector wrote it.
    pub epoch: u64,
    /// Its place in that life, from 1, without gaps per (epoch, partition).
    pub number: u64,
    /// What it says.
    pub body: Body<'a>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// Someone did something.
    Event(Event<'a>),
    /// So many hits were refused.
    Fates(Vec<FateCount<'a>>),
    /// Every date up to this one is over.
    Close(Day),
}

/// Bytes that are not a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They end inside a field.
    #[error("a record ends inside a field")]
    Truncated,
    /// A field holds what it cannot hold.
    #[error("field {0} of a record holds what it cannot hold")]
    Field(u32),
    /// There is no body.
    #[error("a record without a body")]
    NoBody,
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// Appends the head of a record and the body that `encode_body` made.
pub fn encode_record(partition: u32, epoch: u64, number: u64, body: &[u8], out: &mut Vec<u8>) {
    uint(1, u64::from(partition), out);
    fixed64(2, epoch, out);
    uint(3, number, out);
    out.extend_from_slice(body);
}

/// Appends an event as the body of a record: the field's key and length, then the event.
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

/// Reads one record; its strings borrow from `bytes`.
pub fn decode(bytes: &[u8]) -> Result<Record<'_>, WireError> {
    let (mut partition, mut epoch, mut number, mut body) = (0, 0, 0, None);
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => partition = value.u32(key)?,
            2 => epoch = value.u64(key)?,
            3 => number = value.u64(key)?,
            4 => body = Some(Body::Event(decode_event(value.bytes(key)?)?)),
            5 => body = Some(Body::Fates(decode_fates(value.bytes(key)?)?)),
            6 => body = Some(Body::Close(decode_close(value.bytes(key)?)?)),
            _ => {}
        }
    }
    Ok(Record { partition, epoch, number, body: body.ok_or(WireError::NoBody)? })
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

// ---- protobuf's encoding (protobuf.dev, "Encoding") -------------------------------------------------------------------

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn key(field: u32, wire: u32, out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | wire), out);
}

/// Zero is the default and is not written.
fn uint(field: u32, n: u64, out: &mut Vec<u8>) {
    if n != 0 {
        key(field, VARINT, out);
        varint(n, out);
    }
}

fn sint(field: u32, n: i32, out: &mut Vec<u8>) {
    uint(field, u64::from(((n << 1) ^ (n >> 31)) as u32), out);
}

fn fixed64(field: u32, n: u64, out: &mut Vec<u8>) {
    if n != 0 {
        key(field, FIXED64, out);
        out.extend_from_slice(&n.to_le_bytes());
    }
}

fn text(field: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        key(field, BYTES, out);
        varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
}

/// Writes a message inside a message: the length goes before it once it is known.
fn nested(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    key(field, BYTES, out);
    let at = out.len();
    out.push(0);
    write(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
    } else {
        let mut prefix = Vec::with_capacity(5);
        varint(len as u64, &mut prefix);
        out.splice(at..=at, prefix);
    }
}

/// The fields of a message, one after the other.
struct Fields<'a>(&'a [u8]);

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn u64(&self, field: u32) -> Result<u64, WireError> {
        match self {
            Value::Number(n) => Ok(*n),
            Value::Bytes(_) => Err(WireError::Field(field)),
        }
    }

    fn u32(&self, field: u32) -> Result<u32, WireError> {
        u32::try_from(self.u64(field)?).map_err(|_| WireError::Field(field))
    }

    fn i32(&self, field: u32) -> Result<i32, WireError> {
        let n = self.u32(field)?;
        Ok((n >> 1) as i32 ^ -((n & 1) as i32))
    }

    fn bytes(self, field: u32) -> Result<&'a [u8], WireError> {
        match self {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Number(_) => Err(WireError::Field(field)),
        }
    }

    fn text(self, field: u32) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| WireError::Field(field))
    }
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, WireError> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(WireError::Truncated)?;
            self.0 = rest;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(WireError::Truncated)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], WireError> {
        let len = usize::try_from(len).map_err(|_| WireError::Truncated)?;
        let (head, rest) = self.0.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), WireError> {
        let key = self.varint()?;
        let field = u32::try_from(key >> 3).map_err(|_| WireError::Truncated)?;
        let value = match key as u32 & 7 {
            VARINT => Value::Number(self.varint()?),
            FIXED64 => Value::Number(self.take(8)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))),
            FIXED32 => Value::Number(self.take(4)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))),
            BYTES => {
                let len = self.varint()?;
                Value::Bytes(self.take(len)?)
            }
            _ => return Err(WireError::Field(field)),
        };
        Ok((field, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests;
