//! Sums by key of a cube, since the last drain. Keys keep the order in which they first came.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::keys::Key;
use super::slots::Index;

const HASH: FixedState = FixedState::with_seed(0xce11_5000);

/// The type of a sum: narrow for cubes with many cells, wide for cubes with large sums.
pub(super) trait SumType: Copy + PartialEq + Default + Into<i64> {
    /// The saturating sum. Only forged times or prices reach the end of the range.
    fn plus(self, other: Self) -> Self;
}

impl SumType for i32 {
    fn plus(self, other: i32) -> i32 {
        self.saturating_add(other)
    }
}

impl SumType for i64 {
    fn plus(self, other: i64) -> i64 {
        self.saturating_add(other)
    }
}

/// The sums of one cube of one (site, day, round).
pub(super) struct Cells<K, S, const N: usize> {
    rows: Vec<(K, [S; N])>,
    index: Index,
}

impl<K: Key, S: SumType, const N: usize> Cells<K, S, N> {
    pub(super) fn new() -> Cells<K, S, N> {
        Cells { rows: Vec::new(), index: Index::default() }
    }

    /// Adds to the sums of a key. Returns the row of the key, which is valid until `clear`.
    pub(super) fn add(&mut self, key: K, sums: impl Into<[S; N]>) -> u32 {
        let hash = HASH.hash_one(&key) as u32;
        match self.index.find(hash, |row| self.rows[row as usize].0 == key) {
            Ok(row) => {
                self.add_to(row, sums);
                row
            }
            Err(slot) => {
                let row = u32::try_from(self.rows.len()).expect("a batch has fewer than 2^32 rows");
                self.index.insert(slot, hash, row);
                self.rows.push((key, sums.into()));
                row
            }
        }
    }

    /// Adds to the sums of a row.
    pub(super) fn add_to(&mut self, row: u32, sums: impl Into<[S; N]>) {
        for (total, sum) in self.rows[row as usize].1.iter_mut().zip(sums.into()) {
            *total = total.plus(sum);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Keys and sums. Some sums may have cancelled to zero.
    pub(super) fn rows(&self) -> &[(K, [S; N])] {
        &self.rows
    }

    /// Removes all rows. Keeps the capacity for as many as there were: the next batch will be like this one.
    pub(super) fn clear(&mut self) {
        let rows = self.rows.len();
        self.rows.clear();
        self.rows.shrink_to(rows);
        self.index.clear();
    }

    /// The size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<(K, [S; N])>() + self.index.bytes()
    }
}
