//! A bounded cache of snapshots. When it is full, settled rounds that were not asked for lately are evicted first.
//!
//! Open rounds are pinned: there are a few per site, and to compute one again within its step would publish one answer
//! too many.

use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};
use schema::round::RoundKey;

use super::RoundSnapshot;

/// A site's number and one of its rounds.
type CacheKey = (u32, RoundKey);

/// How many rounds are expected: sizes the table of the cache, and limits nothing.
const ROUNDS_EXPECTED: usize = 10_000;

pub(super) struct SnapshotCache(Cache<CacheKey, Arc<RoundSnapshot>, ByBytes, DefaultHashBuilder, PinOpen>);

#[derive(Clone)]
struct ByBytes;

impl Weighter<CacheKey, Arc<RoundSnapshot>> for ByBytes {
    fn weight(&self, _: &CacheKey, snapshot: &Arc<RoundSnapshot>) -> u64 {
        snapshot.published.bytes() as u64
    }
}

#[derive(Clone)]
struct PinOpen;

impl Lifecycle<CacheKey, Arc<RoundSnapshot>> for PinOpen {
    type RequestState = ();

    fn is_pinned(&self, _: &CacheKey, snapshot: &Arc<RoundSnapshot>) -> bool {
        !snapshot.round.settled
    }
}

impl SnapshotCache {
    pub(super) fn new(bytes_max: u64) -> SnapshotCache {
        let mut options = OptionsBuilder::new();
        // One shard: each shard has its share of the bytes, and one large site may need most of them.
        options.shards(1).estimated_items_capacity(ROUNDS_EXPECTED).weight_capacity(bytes_max);
        let options = options.build().expect("the capacities are set, and the other options keep their defaults");
        SnapshotCache(Cache::with_options(options, ByBytes, DefaultHashBuilder::default(), PinOpen))
    }

    pub(super) fn get(&self, site: u32, round: RoundKey) -> Option<Arc<RoundSnapshot>> {
        self.0.get(&(site, round))
    }

    pub(super) fn put(&self, site: u32, round: RoundKey, snapshot: Arc<RoundSnapshot>) {
        self.0.insert((site, round), snapshot);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.weight()
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }
}
