//! What the rounds of a site publish, computed from the live tables and cached.
//!
//! A settled round is computed once; its snapshot stays valid. An open round is computed at most once per step, and
//! every client gets that snapshot until the next step. A step is skipped while fewer than k visitors are new, so that
//! two answers in a row do not differ by one visitor. Bare totals are exempt from the crowd rule and follow each
//! insert.
//!
//! A batch lands table by table. A round that was read while some of its tables had the batch and others did not is
//! answered, and not cached.
//!
//! This module does not know questions or tokens.

mod cache;
mod read;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crowd::{K, Published};
use parking_lot::Mutex;
use schema::day::Day;
use schema::round::RoundKey;
use schema::sites::Site;
use warehouse::Warehouse;

use super::{Detail, KnownRound, RoundSnapshot, RoundState};
use crate::metrics::{self, CacheOutcome};
use crate::range::DaySpan;
use cache::SnapshotCache;

/// Most memory for the snapshots of settled rounds.
const CACHE_BYTES_MAX: u64 = 128 << 20;
/// Rounds that are read and judged at once. It bounds the rows in memory.
const ROUNDS_AT_ONCE_MAX: usize = 16;

/// Reads rounds and caches their snapshots.
pub struct LiveSource {
    warehouse: Warehouse,
    step_s: i64,
    cache: SnapshotCache,
    /// By site. One question of a site computes at a time; the others wait, and find its snapshots in the cache.
    computing: Mutex<HashMap<u32, Arc<tokio::sync::Mutex<()>>>>,
}

impl LiveSource {
    /// `step`: how often the snapshot of an open round is computed anew. Zero: whenever its rows have changed.
    pub fn new(warehouse: Warehouse, step: Duration) -> LiveSource {
        LiveSource {
            warehouse,
            step_s: i64::try_from(step.as_secs()).unwrap_or(i64::MAX),
            cache: SnapshotCache::new(CACHE_BYTES_MAX),
            computing: Mutex::default(),
        }
    }

    /// The first day on which the site had a visit.
    pub async fn first_day(&self, site: u32) -> warehouse::Result<Option<Day>> {
        self.warehouse.first_day(site).await
    }

    /// The site's rounds in these days.
    pub async fn rounds(
        &self,
        site: &Site,
        days: DaySpan,
        detail: Detail,
        now_s: i64,
    ) -> warehouse::Result<Vec<KnownRound>> {
        let rounds = self.warehouse.rounds(site.id, days.first, days.last).await?;
        // A round of refusals or beacon loads only has nothing to publish.
        let rounds = rounds.iter().map(RoundState::from).filter(|round| !round.sums.bare().has_no_visits());
        let mut rounds: Vec<KnownRound> = rounds.map(|round| KnownRound { round, snapshot: None }).collect();
        let k = K::of(site);
        if self.fill(&mut rounds, site.id, detail, k, now_s).is_empty() {
            return Ok(rounds);
        }
        let computing = Arc::clone(self.computing.lock().entry(site.id).or_default());
        let _one_at_a_time = computing.lock().await;
        // Another question may have computed them while this one waited.
        let missing = self.fill(&mut rounds, site.id, detail, k, now_s);
        let mut computed = HashMap::new();
        for rounds in missing.chunks(ROUNDS_AT_ONCE_MAX) {
            computed.extend(self.compute(site.id, rounds, k, now_s).await?);
        }
        for known in &mut rounds {
            if let Some(snapshot) = computed.remove(&known.round.key()) {
                known.snapshot = Some(snapshot);
            }
        }
        Ok(rounds)
    }

    /// Fills in the snapshots that are cached and still valid. Returns the rounds that have to be computed.
    fn fill(&self, rounds: &mut [KnownRound], site: u32, detail: Detail, k: K, now_s: i64) -> Vec<RoundState> {
        let mut missing = vec![];
        for known in rounds {
            let is_wanted = match detail {
                Detail::BareTotals => false,
                Detail::PublishedIfSettled => known.round.settled,
                Detail::Published => true,
            };
            if !is_wanted || known.snapshot.is_some() {
                continue;
            }
            known.snapshot = self.cached(site, &known.round, k, now_s);
            if known.snapshot.is_none() {
                missing.push(known.round.clone());
            }
        }
        missing
    }

    fn cached(&self, site: u32, round: &RoundState, k: K, now_s: i64) -> Option<Arc<RoundSnapshot>> {
        let snapshot = self.cache.get(site, round.key())?;
        metrics::rounds(validity(&snapshot, round, k, self.step_s, now_s)?, 1);
        Some(snapshot)
    }

    async fn compute(
        &self,
        site: u32,
        rounds: &[RoundState],
        k: K,
        now_s: i64,
    ) -> warehouse::Result<HashMap<RoundKey, Arc<RoundSnapshot>>> {
        let keys: Vec<RoundKey> = rounds.iter().map(RoundState::key).collect();
        let mut cubes = read::cubes(&self.warehouse, site, &keys).await?;
        metrics::rounds(CacheOutcome::Miss, rounds.len());
        let mut computed = HashMap::new();
        for round in rounds {
            let cubes = cubes.remove(&round.key()).unwrap_or_default();
            let is_whole = cubes.is_whole();
            let judged = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                let published = Published::of(cubes, k);
                metrics::crowd(began.elapsed());
                published
            });
            let published = judged.await.map_err(|panicked| warehouse::Error::Other(panicked.into()))?;
            let snapshot = Arc::new(RoundSnapshot { published, round: round.clone(), computed_s: now_s });
            if is_whole {
                self.cache.put(site, round.key(), Arc::clone(&snapshot));
            }
            computed.insert(round.key(), snapshot);
        }
        metrics::cache_bytes(self.cache.bytes());
        Ok(computed)
    }

    /// Drops every cached snapshot.
    pub fn clear(&self) {
        self.cache.clear();
    }
}

/// Whether a cached snapshot may answer for the round as it is now, and why. None: it has to be computed anew.
fn validity(snapshot: &RoundSnapshot, round: &RoundState, k: K, step_s: i64, now_s: i64) -> Option<CacheOutcome> {
    if snapshot.round == *round {
        return Some(CacheOutcome::Hit);
    }
    if round.settled || step_s == 0 {
        return None;
    }
    let is_step_due = now_s >= snapshot.computed_s + step_s;
    let has_new_crowd = round.sums.bare().has_new_crowd(snapshot.round.sums.bare(), k);
    (!is_step_due || !has_new_crowd).then_some(CacheOutcome::Step)
}

#[cfg(test)]
mod tests;
