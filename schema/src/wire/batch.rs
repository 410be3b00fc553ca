//! One message of the stream: several records as `Batch` of `../../footfall.proto`.
//!
//! A batch has records of one epoch and one partition, in order. The fields that an event has in common with others
//! (its *shape*: site, day, source, browser and so on), pages, names and extras are in tables, each distinct one
//! once. The rest of an event is a few numbers, stored as columns. Both ends are hot: the packer copies the bytes of
//! a shape without decoding them, and the reader decodes each shape once. This module does not know what the message
//! is sent over.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use super::protobuf::{FieldValue, Fields, fixed64, key_of_bytes, nested, uint, varint, zigzag};
use super::{Body, WireError, decode_close, decode_event, decode_fates};
use crate::day::Day;
use crate::event::{Event, VisitorTag};
use crate::extra::Extra;
use crate::fate::FateCount;

/// Fields of `Event` that are columns and not part of the shape.
const TIME: u32 = 3;
const TAG: u32 = 6;
const NAME: u32 = 9;
const PAGE: u32 = 10;
const EXTRA: u32 = 20;

/// Makes batches of the events of one partition.
#[derive(Default)]
pub struct Packer {
    epoch: u64,
    first: u64,
    count: u64,
    last_time: u32,
    shapes: TextTable,
    texts: TextTable,
    times: Vec<u8>,
    tags: Vec<u8>,
    shape_of: Vec<u8>,
    page_of: Vec<u8>,
    name_of: Vec<u8>,
    extra_of: Vec<u8>,
    extras: TextTable,
    has_names: bool,
    has_extras: bool,
    shape: Vec<u8>,
}

impl Packer {
    /// Whether no record is packed.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the record with this number may follow the packed records.
    pub fn can_take(&self, epoch: u64, number: u64) -> bool {
        self.is_empty() || epoch == self.epoch && number == self.first + self.count
    }

    /// The approximate length of the batch, in bytes.
    pub fn bytes(&self) -> usize {
        let columns = [&self.times, &self.tags, &self.shape_of, &self.page_of, &self.name_of];
        let extras = if self.has_extras { self.extras.bytes() + self.extra_of.len() } else { 0 };
        let tables = self.shapes.bytes() + self.texts.bytes() + extras;
        tables + columns.iter().map(|column| column.len()).sum::<usize>()
    }

    /// Packs an event, as `encode_event` wrote it. The caller has checked [`Packer::can_take`].
    pub fn push(&mut self, epoch: u64, number: u64, event: &[u8]) -> Result<(), WireError> {
        let (mut time, mut tag, mut name, mut page, mut extra) = (0, 0, &[][..], &[][..], &[][..]);
        self.shape.clear();
        let mut rest = event;
        while !rest.is_empty() {
            let mut fields = Fields(rest);
            let (key, value) = fields.field()?;
            let (field, after) = rest.split_at(rest.len() - fields.0.len());
            match key {
                TIME => time = value.u32(key)?,
                TAG => tag = value.u64(key)?,
                NAME => name = value.bytes(key)?,
                PAGE => page = value.bytes(key)?,
                EXTRA => extra = value.bytes(key)?,
                _ => self.shape.extend_from_slice(field),
            }
            rest = after;
        }
        if self.is_empty() {
            (self.epoch, self.first, self.last_time) = (epoch, number, 0);
        }
        self.count += 1;
        varint(zigzag(time.wrapping_sub(self.last_time).cast_signed()), &mut self.times);
        self.last_time = time;
        self.tags.extend_from_slice(&tag.to_le_bytes());
        varint(self.shapes.number(&self.shape).into(), &mut self.shape_of);
        varint(self.texts.number(page).into(), &mut self.page_of);
        let name = if name.is_empty() { 0 } else { u64::from(self.texts.number(name)) + 1 };
        varint(name, &mut self.name_of);
        self.has_names |= name > 0;
        let extra = if extra.is_empty() { 0 } else { u64::from(self.extras.number(extra)) + 1 };
        varint(extra, &mut self.extra_of);
        self.has_extras |= extra > 0;
        Ok(())
    }

    /// Appends the batch to `out`, and begins a new one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        fixed64(1, self.epoch, out);
        uint(2, self.first, out);
        nested(3, out, |out| {
            for shape in self.shapes.iter() {
                column(1, shape, out);
            }
            for text in self.texts.iter() {
                column(2, text, out);
            }
            column(3, &self.times, out);
            column(4, &self.tags, out);
            column(5, &self.shape_of, out);
            column(6, &self.page_of, out);
            if self.has_names {
                column(7, &self.name_of, out);
            }
            if self.has_extras {
                for extra in self.extras.iter() {
                    column(8, extra, out);
                }
                column(9, &self.extra_of, out);
            }
        });
        self.count = 0;
        (self.has_names, self.has_extras) = (false, false);
        for table in [&mut self.shapes, &mut self.texts, &mut self.extras] {
            table.clear();
        }
        let Packer { times, tags, shape_of, page_of, name_of, extra_of, .. } = self;
        for column in [times, tags, shape_of, page_of, name_of, extra_of] {
            column.clear();
        }
    }

    /// Appends a batch with one record of refusals, as `encode_fates` wrote it.
    pub fn fates(epoch: u64, number: u64, fates: &[u8], out: &mut Vec<u8>) {
        fixed64(1, epoch, out);
        uint(2, number, out);
        column(4, fates, out);
    }

    /// Appends a batch that closes a day.
    pub fn close(day: Day, out: &mut Vec<u8>) {
        super::nested(5, out, |out| super::sint(1, day.0, out));
    }
}

fn column(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    key_of_bytes(field, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

const HASH: FixedState = FixedState::with_seed(0x5ea1);

/// Distinct byte strings, numbered in the order of their first appearance.
#[derive(Default)]
struct TextTable {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    index: HashTable<u32>,
}

impl TextTable {
    fn number(&mut self, text: &[u8]) -> u32 {
        let TextTable { bytes, ends, index } = self;
        let hash = hash(text);
        let entry = index.entry(hash, |&n| get(bytes, ends, n) == text, |&n| self::hash(get(bytes, ends, n)));
        match entry {
            hashbrown::hash_table::Entry::Occupied(known) => *known.get(),
            hashbrown::hash_table::Entry::Vacant(new) => {
                let number = ends.len() as u32;
                new.insert(number);
                bytes.extend_from_slice(text);
                ends.push(bytes.len() as u32);
                number
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len() as u32).map(|n| get(&self.bytes, &self.ends, n))
    }

    fn bytes(&self) -> usize {
        self.bytes.len() + 3 * self.ends.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.index.clear();
    }
}

fn get<'a>(bytes: &'a [u8], ends: &[u32], number: u32) -> &'a [u8] {
    let start = number.checked_sub(1).map_or(0, |before| ends[before as usize]);
    &bytes[start as usize..ends[number as usize] as usize]
}

fn hash(text: &[u8]) -> u64 {
    let mut hasher = HASH.build_hasher();
    hasher.write(text);
    hasher.finish()
}

/// A decoded batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<'a> {
    /// The epoch of the records; 0 for a close.
    pub epoch: u64,
    /// The number of the first record; the others follow without gaps.
    pub first: u64,
    /// The records.
    pub contents: Contents<'a>,
}

/// The records of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents<'a> {
    /// Each event is one record.
    Events(Vec<Event<'a>>),
    /// All counts are one record.
    Fates(Vec<FateCount<'a>>),
    /// One record, which has no number.
    Close(Day),
}

impl<'a> Batch<'a> {
    /// Decodes a batch. Its strings borrow from `bytes`.
    pub fn decode(bytes: &'a [u8]) -> Result<Batch<'a>, WireError> {
        let (mut epoch, mut first, mut contents) = (0, 0, None);
        for field in Fields(bytes) {
            let (key, value) = field?;
            match key {
                1 => epoch = value.u64(key)?,
                2 => first = value.u64(key)?,
                3 => contents = Some(Contents::Events(decode_events(value.bytes(key)?)?)),
                4 => contents = Some(Contents::Fates(decode_fates(value.bytes(key)?)?)),
                5 => contents = Some(Contents::Close(decode_close(value.bytes(key)?)?)),
                _ => {}
            }
        }
        Ok(Batch { epoch, first, contents: contents.ok_or(WireError::NoBody)? })
    }

    /// The number of records.
    pub fn records(&self) -> u64 {
        match &self.contents {
            Contents::Events(events) => events.len() as u64,
            Contents::Fates(_) | Contents::Close(_) => 1,
        }
    }

    /// The records in order, with their numbers.
    pub fn into_records(self) -> impl Iterator<Item = (u64, Body<'a>)> {
        let first = self.first;
        let (events, single) = match self.contents {
            Contents::Events(events) => (events, None),
            Contents::Fates(fates) => (Vec::new(), Some(Body::Fates(fates))),
            Contents::Close(day) => (Vec::new(), Some(Body::Close(day))),
        };
        let events = events.into_iter().map(Body::Event);
        (first..).zip(events.chain(single))
    }
}

fn decode_events(bytes: &[u8]) -> Result<Vec<Event<'_>>, WireError> {
    let (mut shapes, mut texts, mut extras) = (Vec::new(), Vec::new(), Vec::new());
    let (mut times, mut tags, mut shape_of, mut page_of) = (&[][..], &[][..], &[][..], &[][..]);
    let (mut name_of, mut extra_of) = (None, None);
    for field in Fields(bytes) {
        let (key, value) = field?;
        match (key, value) {
            (1, value) => shapes.push(decode_event(value.bytes(key)?)?),
            (2, value) => texts.push(value.text(key)?),
            (3, FieldValue::Bytes(bytes)) => times = bytes,
            (4, FieldValue::Bytes(bytes)) => tags = bytes,
            (5, FieldValue::Bytes(bytes)) => shape_of = bytes,
            (6, FieldValue::Bytes(bytes)) => page_of = bytes,
            (7, FieldValue::Bytes(bytes)) => name_of = Some(bytes),
            (8, FieldValue::Bytes(bytes)) => extras.push(Extra::decode(bytes)?),
            (9, FieldValue::Bytes(bytes)) => extra_of = Some(bytes),
            _ => {}
        }
    }
    let (tags, rest) = tags.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(WireError::Columns);
    }
    let (mut times, mut shape_of, mut page_of) = (Fields(times), Fields(shape_of), Fields(page_of));
    let (mut name_of, mut extra_of) = (name_of.map(Fields), extra_of.map(Fields));
    let mut time = 0u32;
    let mut events = Vec::with_capacity(tags.len());
    for tag in tags {
        let step = times.varint()?;
        let step = (step >> 1) as u32 ^ 0u32.wrapping_sub(step as u32 & 1);
        time = time.wrapping_add(step);
        let shape: &Event<'_> = pick(&shapes, shape_of.varint()?)?;
        let page = *pick(&texts, page_of.varint()?)?;
        let name = pick_if_any(&texts, &mut name_of)?.unwrap_or_default();
        let extra = pick_if_any(&extras, &mut extra_of)?.unwrap_or_default();
        events.push(Event { time_s: time, tag: VisitorTag(u64::from_le_bytes(*tag)), page, name, extra, ..*shape });
    }
    let ends = [&times, &shape_of, &page_of].iter().all(|column| column.0.is_empty());
    let ends = ends && [&name_of, &extra_of].into_iter().flatten().all(Fields::is_empty);
    if !ends {
        return Err(WireError::Columns);
    }
    Ok(events)
}

fn pick<T>(table: &[T], at: u64) -> Result<&T, WireError> {
    usize::try_from(at).ok().and_then(|at| table.get(at)).ok_or(WireError::Columns)
}

/// The table entry of the next number of a column. There is none if there is no such column, or if the number is 0.
fn pick_if_any<T: Copy>(table: &[T], column: &mut Option<Fields<'_>>) -> Result<Option<T>, WireError> {
    let Some(column) = column else { return Ok(None) };
    let at = column.varint()?;
    at.checked_sub(1).map(|at| pick(table, at).copied()).transpose()
}

#[cfg(test)]
mod tests;
