//! How many hits one truncated prefix may send to one site.
//!
//! In come a prefix, a site and the time; out goes whether this hit is one too many. A prefix may send a minute's worth at
//! once, and a minute's worth each minute after that. All workers of a process share one table, so the figure is the
//! process's; several collectors allow as many times more. Its size is fixed and a hit allocates nothing: sets of eight
//! places, and where a ninth wants in, whoever is nearest to having sent nothing gives way. Who is over the limit is the
//! last to.
//!
//! A place holds no prefix: 16 bits of a hash under a random key of the process, and when the prefix will be back at
//! nothing. `Rate::forget` wipes those that are, so that nothing outlives its minute by more than a tick.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use foldhash::quality::RandomState;
use schema::fate::Refusal;

use crate::client::Prefix;

/// The most a minute that can be told apart.
pub const HITS_PER_MINUTE_MAX: u32 = 10_000_000;

/// Prefixes and sites that are remembered at once: half a megabyte of them.
const PLACES: usize = 65_536;
const PLACES_PER_SET: usize = 8;
/// The lower bits of a place are a time, in this many parts of a second since the process began; eight years of them.
const TIME_BITS: u32 = 48;
const PARTS_PER_S: u64 = 1 << 20;
const TIME: u64 = (1 << TIME_BITS) - 1;
/// A minute's worth of hits.
const WINDOW: u64 = 60 * PARTS_PER_S;

/// One cache line.
#[repr(align(64))]
#[derive(Default)]
struct Set([AtomicU64; PLACES_PER_SET]);

/// Counts what prefixes send.
pub struct Rate {
    sets: Box<[Set]>,
    key: RandomState,
    /// What one hit costs of its window; 0: hits are not counted.
    step: u64,
    began_s: i64,
}

impl Rate {
    /// Allows so many a minute; 0: any number.
    pub fn new(hits_per_minute_max: u32, now_s: i64) -> Rate {
        let step = WINDOW.checked_div(u64::from(hits_per_minute_max)).unwrap_or(0);
        let sets = if step == 0 { 0 } else { PLACES / PLACES_PER_SET };
        let sets = std::iter::repeat_with(Set::default).take(sets).collect();
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
            let (place, held) = find(set, mark);
            let since = if held & !TIME == mark && !is_over(held, now) { held & TIME } else { now };
            let next = since + self.step;
            if next > now + WINDOW {
                return Err(Refusal::RateLimit);
            }
            // Where it fails, another hit has passed: at some time this one is the only one.
            if place.compare_exchange(held, mark | next, Relaxed, Relaxed).is_ok() {
                return Ok(());
            }
        }
    }

    /// Wipes what is over. To be called about once a minute.
    pub(crate) fn forget(&self, now_s: i64) {
        let now = self.parts(now_s);
        for place in self.sets.iter().flat_map(|set| &set.0) {
            let held = place.load(Relaxed);
            if held != 0 && is_over(held, now) {
                // Where it fails, it is not over after all.
                let _changed = place.compare_exchange(held, 0, Relaxed, Relaxed);
            }
        }
    }

    fn parts(&self, now_s: i64) -> u64 {
        (now_s - self.began_s).max(0).cast_unsigned() * PARTS_PER_S
    }
}

/// The place of this mark; if it has none, the one that is over first.
fn find(set: &[AtomicU64; PLACES_PER_SET], mark: u64) -> (&AtomicU64, u64) {
    let mut spare = (&set[0], u64::MAX);
    for place in set {
        let held = place.load(Relaxed);
        if held != 0 && held & !TIME == mark {
            return (place, held);
        }
        if held & TIME < spare.1 & TIME {
            spare = (place, held);
        }
    }
    spare
}

/// Its prefix is back at nothing; or the clock has gone back, and what it says is void.
fn is_over(held: u64, now: u64) -> bool {
    !(now..=now + WINDOW).contains(&(held & TIME))
}

#[cfg(test)]
mod tests;
