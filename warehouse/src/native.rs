//! One cube's rows as one block in ClickHouse's Native format, names sent as LowCardinality with their dictionary.
//!
//! Written by hand because this is the dear half of the insert path: measured, plain strings cost the server 1.3 to 2
//! times as much. Layout (ClickHouse documentation, "Native format" and "Native protocol / columns"): number of columns
//! and rows as varints, then each column as name, type and values; a LowCardinality column is version, index type with
//! flags, dictionary, then one index per row.

use schema::cubes::Cube;

use crate::client::date;
use crate::{Column, Rows};

/// Version of the serialisation: the dictionary goes with the block.
const SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS: u64 = 1;
/// Flags beside the index type: the block brings its own keys, and they replace any earlier dictionary.
const HAS_ADDITIONAL_KEYS: u64 = 1 << 9;
const NEED_UPDATE_DICTIONARY: u64 = 1 << 10;

/// The names of a table's columns, in the order `block` writes them.
pub fn columns(cube: Cube) -> Vec<&'static str> {
    let time: &[&str] = if cube.is_timed() { &["bucket", "hour"] } else { &[] };
    ["site", "day", "round", "shard", "generation"]
        .into_iter()
        .chain(time.iter().copied())
        .chain(cube.dimensions().iter().map(|d| d.label()))
        .chain(cube.measures().iter().map(|m| m.label()))
        .collect()
}

/// Encodes the rows as one block that belongs to one shard and generation.
pub fn block(rows: &Rows, shard: u32, generation: u32) -> Vec<u8> {
    let n = rows.len();
    let names = columns(rows.cube);
    let mut out = Vec::with_capacity(n * (24 + 8 * names.len()) + 4096);
    varint(names.len() as u64, &mut out);
    varint(n as u64, &mut out);
    let mut names = names.into_iter();
    let mut head = |kind: &str, out: &mut Vec<u8>| {
        text(names.next().expect("`columns` lists every column written here"), out);
        text(kind, out);
    };
    head("UInt32", &mut out);
    numbers(&rows.site, &mut out);
    head("Date", &mut out);
    let day = date(rows.day);
    (0..n).for_each(|_| out.extend_from_slice(&day.to_le_bytes()));
    for constant in [rows.round, shard, generation] {
        head("UInt32", &mut out);
        (0..n).for_each(|_| out.extend_from_slice(&constant.to_le_bytes()));
    }
    if rows.cube.is_timed() {
        for moments in [&rows.bucket, &rows.hour] {
            head("DateTime('UTC')", &mut out);
            numbers(moments, &mut out);
        }
    }
    for column in &rows.dimensions {
        head("LowCardinality(String)", &mut out);
        low_cardinality(column, &mut out);
    }
    for (measure, sums) in rows.cube.measures().iter().zip(&rows.sums) {
        if measure.is_wide() {
            head("Int64", &mut out);
            sums.iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes()));
        } else {
            head("Int32", &mut out);
            sums.iter().for_each(|&n| out.extend_from_slice(&narrow(n).to_le_bytes()));
        }
    }
    out
}

/// Counts of one batch, which has fewer than 2^31 events.
fn narrow(sum: i64) -> i32 {
    sum.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

fn low_cardinality(column: &Column, out: &mut Vec<u8>) {
    out.extend_from_slice(&SHARED_DICTIONARIES_WITH_ADDITIONAL_KEYS.to_le_bytes());
    let keys = column.dictionary.len();
    let width: u64 = match keys {
        0..=0x100 => 0,
        0x101..=0x1_0000 => 1,
        _ => 2,
    };
    out.extend_from_slice(&(width | HAS_ADDITIONAL_KEYS | NEED_UPDATE_DICTIONARY).to_le_bytes());
    out.extend_from_slice(&(keys as u64).to_le_bytes());
    column.dictionary.iter().for_each(|name| text(name, out));
    out.extend_from_slice(&(column.ids.len() as u64).to_le_bytes());
    match width {
        0 => out.extend(column.ids.iter().map(|&id| id as u8)),
        1 => column.ids.iter().for_each(|&id| out.extend_from_slice(&(id as u16).to_le_bytes())),
        _ => numbers(&column.ids, out),
    }
}

fn numbers(values: &[u32], out: &mut Vec<u8>) {
    values.iter().for_each(|n| out.extend_from_slice(&n.to_le_bytes()));
}

fn text(text: &str, out: &mut Vec<u8>) {
    varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
