//! Sums per key of a cube, since the last drain; keys keep the order in which they first came.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::keys::Key;

const HASH: FixedState = FixedState::with_seed(0xce11_5000);

/// The sums of one cube of one (site, day, round).
pub(super) struct Cells<K, const N: usize> {
    rows: Vec<(K, [i32; N])>,
    index: HashTable<u32>,
}

impl<K: Key, const N: usize> Cells<K, N> {
    pub(super) fn new() -> Cells<K, N> {
        Cells { rows: Vec::new(), index: HashTable::new() }
    }

    pub(super) fn add(&mut self, key: K, sums: impl Into<[i32; N]>) {
        let (sums, rows) = (sums.into(), &mut self.rows);
        let is_it = |&row: &u32| rows[row as usize].0 == key;
        let found = self.index.entry(HASH.hash_one(&key), is_it, |&row| HASH.hash_one(&rows[row as usize].0));
        match found {
            Entry::Occupied(row) => {
                for (total, sum) in rows[*row.get() as usize].1.iter_mut().zip(sums) {
                    *total = total.checked_add(sum).expect("a batch is too small for a sum beyond 31 bits");
                }
            }
            Entry::Vacant(free) => {
                free.insert(u32::try_from(rows.len()).expect("a batch has fewer than 2^32 rows"));
                rows.push((key, sums));
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The rows, but those that have cancelled to nothing.
    pub(super) fn rows(&self) -> impl Iterator<Item = &(K, [i32; N])> {
        self.rows.iter().filter(|(_, sums)| sums.iter().any(|&sum| sum != 0))
    }

    /// Empties it, keeping room for about as many rows as there were: the next batch will be like this one.
    pub(super) fn clear(&mut self) {
        let rows = self.rows.len();
        self.rows.clear();
        self.rows.shrink_to(rows);
        self.index.clear();
        self.index.shrink_to(rows, |_| 0);
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<(K, [i32; N])>() + self.index.allocation_size()
    }
}
