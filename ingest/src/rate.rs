//! How many hits one truncated prefix may send to one site.
//!
//! In come a prefix, a site and the time; out goes whether the hit is over the limit. It is a token bucket: a prefix
//! may send the hits of a minute at once, and as many in each minute after that. All workers of a process share one
//! table, so the limit is that of the process; several collectors together allow that many times more.
//!
//! The table has a fixed size, and a hit allocates nothing. The table consists of sets of eight slots. If a set is
//! full, a new prefix replaces the one whose bucket is full again first. A prefix over the limit is therefore replaced
//! last.
//!
//! A slot does not contain the prefix, but 16 bits of its hash under a random key of the process, and the time at which
//! its bucket will be full again. `Rate::forget` wipes the slots whose time has passed, so that nothing is stored for
//! longer than its minute and one tick.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foldhash::quality::RandomState;
use schema::fate::Refusal;

use crate::client::Prefix;

/// The highest limit. (A hit costs a whole number of the parts of a second below, at least one.)
pub const HITS_PER_MINUTE_MAX: u32 = 10_000_000;

/// Slots for pairs of a prefix and a site: half a megabyte in all.
const SLOTS: usize = 65_536;
const SLOTS_PER_SET: usize = 8;
/// The lower bits of a slot are a time since the process began; they suffice for eight years.
const TIME_BITS: u32 = 48;
/// The unit of this time.
const PARTS_PER_S: u64 = 1 << 20;
const TIME: u64 = (1 << TIME_BITS) - 1;
/// The time in which an empty bucket is filled.
const WINDOW: u64 = 60 * PARTS_PER_S;

/// One cache line.
#[repr(align(64))]
#[derive(Default)]
struct SlotSet([AtomicU64; SLOTS_PER_SET]);

/// Limits what prefixes send.
pub struct Rate {
    sets: Box<[SlotSet]>,
    key: RandomState,
    /// The part of the window that one hit uses up; 0: there is no limit.
    step: u64,
    began_s: i64,
}

impl Rate {
    /// `hits_per_minute_max` is per prefix and site; 0 is no limit.
    pub fn new(hits_per_minute_max: u32, now_s: i64) -> Rate {
        let step = WINDOW.checked_div(u64::from(hits_per_minute_max)).unwrap_or(0);
        let sets = if step == 0 { 0 } else { SLOTS / SLOTS_PER_SET };
        let sets = std::iter::repeat_with(SlotSet::default).take(sets).collect();
        Rate { sets, key: RandomState::default(), step, began_s: now_s }
    }

    /// Counts a hit of a prefix on a site, or refuses it.
    pub(crate) fn admit(&self, prefix: &Prefix, site: u32, now_s: i64) -> Result<(), Refusal> {
        if self.step == 0 {
            return Ok(());
        }
        let hash = self.key.hash_one((prefix.bytes(), site));
        let set = &self.sets[hash as usize % self.sets.len()].0;
        let (mark, now) = (hash & !TIME, self.parts(now_s));
        loop {
            let (slot, value) = find(set, mark);
            let full_at = if value & !TIME == mark && !is_over(value, now) { value & TIME } else { now };
            let next = full_at + self.step;
            if next > now + WINDOW {
                return Err(Refusal::RateLimit);
            }
            // If this fails, another hit has changed the slot and passed, so the loop ends.
            if slot.compare_exchange(value, mark | next, Relaxed, Relaxed).is_ok() {
                return Ok(());
            }
        }
    }

    /// Wipes the slots whose bucket is full again. To be called about once a minute.
    pub(crate) fn forget(&self, now_s: i64) {
        let now = self.parts(now_s);
        for slot in self.sets.iter().flat_map(|set| &set.0) {
            let value = slot.load(Relaxed);
            if value != 0 && is_over(value, now) {
                // If this fails, a new hit has changed the slot.
                let _slot_is_in_use = slot.compare_exchange(value, 0, Relaxed, Relaxed);
            }
        }
    }

    fn parts(&self, now_s: i64) -> u64 {
        (now_s - self.began_s).max(0).cast_unsigned() * PARTS_PER_S
    }
}

/// The slot with this mark and its value; if there is none, the slot whose bucket is full first.
fn find(set: &[AtomicU64; SLOTS_PER_SET], mark: u64) -> (&AtomicU64, u64) {
    let mut first = (&set[0], u64::MAX);
    for slot in set {
        let value = slot.load(Relaxed);
        if value != 0 && value & !TIME == mark {
            return (slot, value);
        }
        if value & TIME < first.1 & TIME {
            first = (slot, value);
        }
    }
    first
}

/// Whether the bucket is full again. If the clock was set back, the time in the slot is too far ahead, and is void.
fn is_over(value: u64, now: u64) -> bool {
    !(now..=now + WINDOW).contains(&(value & TIME))
}

#[cfg(test)]
mod tests;
