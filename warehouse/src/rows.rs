//! Increments as columns: what the fold hands out and the inserter writes, one cube and one (day, round) at a time.

use std::sync::Arc;

use schema::cubes::Cube;
use schema::day::Day;

/// Rows of one cube for one (day, round), ready to be written as one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// The table.
    pub cube: Cube,
    /// The sites' local date.
    pub day: Day,
    /// 0 for the day's own events, more for late ones.
    pub round: u32,
    /// The site of each row.
    pub site: Vec<u32>,
    /// The UTC second at which the row's quarter hour begins; empty if the cube is not timed.
    pub bucket: Vec<u32>,
    /// The UTC second at which its local hour begins; empty if the cube is not timed.
    pub hour: Vec<u32>,
    /// In the order of `cube.dimensions()`.
    pub dimensions: Vec<Column>,
    /// In the order of `cube.measures()`; signed. Those of measures that are not wide fit 32 bits.
    pub sums: Vec<Vec<i64>>,
}

/// A column of names: each distinct one once, and which of them each row has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// `dictionary[0]` is the empty name, as ClickHouse's LowCardinality wants it.
    pub dictionary: Vec<Arc<str>>,
    /// Indexes into the dictionary, one per row.
    pub ids: Vec<u32>,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.site.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.site.is_empty()
    }
}
