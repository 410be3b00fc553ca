//! An open table of 64-bit slots with linear probing: what `facts`, `names`, `visitor` and `cells` look things up in.
//!
//! A slot bears its own hash in its upper half. So one line of the cache settles most looks, and growing reads nothing
//! but the table. Measured: with hashbrown's tables, which look in two places, the whole fold takes a quarter longer.

/// A free slot.
const FREE: u64 = 0;

const SLOTS_MIN: usize = 8;

/// Slots other than 0, each found by its upper 32 bits.
pub(super) struct Slots {
    /// As many as a power of two, at most three quarters taken.
    slots: Vec<u64>,
    len: usize,
}

/// Where a slot that was not there would stand. Good until the next change.
pub(super) struct Place(usize);

impl Default for Slots {
    fn default() -> Slots {
        Slots { slots: vec![FREE; SLOTS_MIN], len: 0 }
    }
}

impl Slots {
    /// The slot with this hash that is the one, or the place for it.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u64) -> bool) -> Result<u64, Place> {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == FREE {
                return Err(Place(at));
            }
            if (slot >> 32) as u32 == hash && is_it(slot) {
                return Ok(slot);
            }
            at = (at + 1) & mask;
        }
    }

    /// Takes in a slot where `find` said.
    pub(super) fn insert(&mut self, place: Place, slot: u64) {
        self.slots[place.0] = slot;
        self.len += 1;
        if self.len > self.slots.len() / 4 * 3 {
            self.resize(self.slots.len() * 2);
        }
    }

    fn resize(&mut self, slots: usize) {
        let former = std::mem::replace(&mut self.slots, vec![FREE; slots]);
        let mask = slots - 1;
        for slot in former.into_iter().filter(|&slot| slot != FREE) {
            let mut at = (slot >> 32) as usize & mask;
            while self.slots[at] != FREE {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }

    /// Empties it, leaving room for as much as there was and no more.
    pub(super) fn clear(&mut self) {
        let slots = (self.len * 4 / 3 + 1).next_power_of_two().max(SLOTS_MIN);
        self.len = 0;
        self.slots.truncate(slots);
        self.slots.shrink_to_fit();
        self.slots.fill(FREE);
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }
}

/// Numbers of things in a list, found by what the thing is.
#[derive(Default)]
pub(super) struct Index(Slots);

impl Index {
    /// The number of the thing with this hash that is the one, or the place for it.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Result<u32, Place> {
        self.0.find(hash, |slot| is_it(number(slot))).map(number)
    }

    /// Takes in the number of a thing where `find` said.
    pub(super) fn insert(&mut self, place: Place, hash: u32, number: u32) {
        self.0.insert(place, u64::from(hash) << 32 | (u64::from(number) + 1));
    }

    /// Empties it, leaving room for as much as there was and no more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// Slots hold numbers plus one, since a slot of 0 is free.
fn number(slot: u64) -> u32 {
    slot as u32 - 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Hashes are drawn from few, so that most of them collide.
        #[test]
        fn what_was_put_in_is_found_and_nothing_else(keys in vec(0u32..200, 0..150), clear_at in 0usize..150) {
            let (mut index, mut list, mut known) = (Index::default(), Vec::new(), BTreeMap::new());
            let hash = |key: u32| key % 7 * 0x2000_0001;
            for (at, key) in keys.into_iter().enumerate() {
                if at == clear_at {
                    index.clear();
                    list.clear();
                    known.clear();
                }
                match index.find(hash(key), |number| list[number as usize] == key) {
                    Ok(number) => prop_assert_eq!(Some(&number), known.get(&key)),
                    Err(place) => {
                        prop_assert!(!known.contains_key(&key));
                        index.insert(place, hash(key), list.len() as u32);
                        known.insert(key, list.len() as u32);
                        list.push(key);
                    }
                }
            }
        }
    }
}
