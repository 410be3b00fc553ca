//! Counts of refused hits, until the writer writes them. The table is bounded, because sites, dates, reasons and
//! crawlers are closed sets.

use hashbrown::HashMap;
use parking_lot::Mutex;
use schema::day::Day;
use schema::fate::{FateCount, Refusal};

use crate::fate::Refused;

type RefusalKey = (u32, Day, Refusal, &'static str);

/// The counts since they were last taken.
#[derive(Default)]
pub(super) struct Refusals {
    counts: Mutex<HashMap<RefusalKey, u64, foldhash::fast::FixedState>>,
}

impl Refusals {
    pub(super) fn add(&self, Refused { site, day, reason, crawler }: Refused, hits: u64) {
        *self.counts.lock().entry((site, day, reason, crawler)).or_insert(0) += hits;
    }

    /// Drains all counts, in a fixed order.
    pub(super) fn drain(&self) -> Vec<FateCount<'static>> {
        let mut counts: Vec<FateCount<'static>> = self
            .counts
            .lock()
            .drain()
            .map(|((site, day, reason, crawler), hits)| FateCount { site, day, reason, crawler, hits })
            .collect();
        counts.sort_unstable_by_key(|count| (count.site, count.day, count.reason, count.crawler));
        counts
    }

    /// Adds counts again that could not be written.
    pub(super) fn put_back(&self, counts: Vec<FateCount<'static>>) {
        for FateCount { site, day, reason, crawler, hits } in counts {
            self.add(Refused { site, day, reason, crawler }, hits);
        }
    }
}
