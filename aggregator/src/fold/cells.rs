//! Sums per key of a cube, since the last drain; keys keep the order in which they first came.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::keys::Key;
use super::slots::Index;

const HASH: FixedState = FixedState::with_seed(0xce11_5000);

/// What is summed: narrow where cells are many, wide where sums are large.
pub(super) trait Number: Copy + PartialEq + Default + Into<i64> {
    /// The sum; at the end of its range it stays there. Only a forger gets there, by times and prices made up.
    fn plus(self, other: Self) -> Self;
}

impl Number for i32 {
    fn plus(self, other: i32) -> i32 {
        self.saturating_add(other)
    }
}

impl Number for i64 {
    fn plus(self, other: i64) -> i64 {
        self.saturating_add(other)
    }
}

/// The sums of one cube of one (site, day, round).
pub(super) struct Cells<K, S, const N: usize> {
    rows: Vec<(K, [S; N])>,
    index: Index,
}

impl<K: Key, S: Number, const N: usize> Cells<K, S, N> {
    pub(super) fn new() -> Cells<K, S, N> {
        Cells { rows: Vec::new(), index: Index::default() }
    }

    /// Adds to a key's sums; says which row that is until the cells are cleared.
    pub(super) fn add(&mut self, key: K, sums: impl Into<[S; N]>) -> u32 {
        let hash = HASH.hash_one(&key) as u32;
        match self.index.find(hash, |row| self.rows[row as usize].0 == key) {
            Ok(row) => {
                self.add_to(row, sums);
                row
            }
            Err(place) => {
                let row = u32::try_from(self.rows.len()).expect("a batch has fewer than 2^32 rows");
                self.index.insert(place, hash, row);
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

    /// Keys and sums; some may have cancelled to nothing.
    pub(super) fn rows(&self) -> &[(K, [S; N])] {
        &self.rows
    }

    /// Empties it, keeping room for about as many rows as there were: the next batch will be like this one.
    pub(super) fn clear(&mut self) {
        let rows = self.rows.len();
        self.rows.clear();
        self.rows.shrink_to(rows);
        self.index.clear();
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<(K, [S; N])>() + self.index.bytes()
    }
}
