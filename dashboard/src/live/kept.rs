//! A bounded memory of what rounds may say: the settled round that was not asked for the longest goes first.
//!
//! Open rounds stay: there are a few per site, and computing one again within its step would be one answer too many.

use std::collections::HashMap;
use std::sync::Arc;

use schema::round::RoundKey;

use super::Snapshot;

pub(super) struct Kept {
    rounds: HashMap<(u32, RoundKey), Entry>,
    bytes: usize,
    bytes_max: usize,
    asked: u64,
}

struct Entry {
    snapshot: Arc<Snapshot>,
    bytes: usize,
    asked: u64,
}

impl Kept {
    pub(super) fn new(bytes_max: usize) -> Kept {
        Kept { rounds: HashMap::new(), bytes: 0, bytes_max, asked: 0 }
    }

    pub(super) fn get(&mut self, site: u32, round: RoundKey) -> Option<Arc<Snapshot>> {
        self.asked += 1;
        let entry = self.rounds.get_mut(&(site, round))?;
        entry.asked = self.asked;
        Some(entry.snapshot.clone())
    }

    pub(super) fn put(&mut self, site: u32, round: RoundKey, snapshot: Arc<Snapshot>) {
        self.asked += 1;
        let bytes = snapshot.published.bytes();
        let entry = Entry { snapshot, bytes, asked: self.asked };
        self.bytes += bytes;
        if let Some(before) = self.rounds.insert((site, round), entry) {
            self.bytes -= before.bytes;
        }
        while self.bytes > self.bytes_max {
            let settled = self.rounds.iter().filter(|(_, entry)| entry.snapshot.settled);
            let Some(oldest) = settled.min_by_key(|(_, entry)| entry.asked).map(|(key, _)| *key) else { return };
            if let Some(gone) = self.rounds.remove(&oldest) {
                self.bytes -= gone.bytes;
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
