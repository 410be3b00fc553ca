//! What was refused, counted until the writer writes it down. Bounded: sites, dates, reasons and crawlers are closed sets.

use std::sync::Mutex;

use hashbrown::HashMap;
use schema::day::Day;
use schema::fate::{FateCount, Refusal};

use crate::fate::Refused;

type Key = (u32, Day, Refusal, &'static str);

/// The counts since they were last taken.
#[derive(Default)]
pub(super) struct Refusals {
    counts: Mutex<HashMap<Key, u64, foldhash::fast::FixedState>>,
}

impl Refusals {
    pub(super) fn add(&self, Refused { site, day, reason, crawler }: Refused, hits: u64) {
        *super::lock(&self.counts).entry((site, day, reason, crawler)).or_insert(0) += hits;
    }

    /// Takes all counts, in a fixed order.
    pub(super) fn take(&self) -> Vec<FateCount<'static>> {
        let mut counts: Vec<FateCount<'static>> = super::lock(&self.counts)
            .drain()
            .map(|((site, day, reason, crawler), hits)| FateCount { site, day, reason, crawler, hits })
            .collect();
        counts.sort_unstable_by_key(|count| (count.site, count.day, count.reason, count.crawler));
        counts
    }

    /// Puts back what could not be written.
    pub(super) fn put_back(&self, counts: Vec<FateCount<'static>>) {
        for FateCount { site, day, reason, crawler, hits } in counts {
            self.add(Refused { site, day, reason, crawler }, hits);
        }
    }
}
