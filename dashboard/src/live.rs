//! What each round of a site may say, kept.
//!
//! A settled round's answer is computed once and kept for good (as far as memory allows). An open round's is computed at
//! most once per step, kept, and given to everyone until the next; a step is skipped while fewer than k visitors are new,
//! so that two answers in a row do not differ by one visitor. Bare totals are exempt and follow each insert.
//!
//! A batch lands table by table: what was read in the midst of one is answered, and not kept.

mod kept;
mod sums;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crowd::{Cubes, K, Published};
use schema::cubes::Cube;
use schema::dimensions::Dimension;
use schema::event::Kind;
use schema::round::RoundKey;
use schema::sites::Site;
use warehouse::{CellFilter, Warehouse};

use crate::metrics::{self, Cache};
use crate::range::Days;
use kept::Kept;
pub use sums::{Round, Sums};

/// Most memory for what settled rounds may say.
const KEPT_BYTES_MAX: usize = 128 << 20;
/// Rounds that are read and judged at once: bounds the rows in memory.
const ROUNDS_AT_ONCE: usize = 16;

/// What a round may say, and of which rows.
#[derive(Debug)]
pub struct Snapshot {
    /// What it may say.
    pub published: Published,
    /// What its rows added up to.
    pub sums: Sums,
    /// Whether it was settled then.
    pub settled: bool,
    /// When it was computed (UTC seconds).
    pub computed_s: i64,
}

/// What is known of a round when a question is answered.
#[derive(Debug, Clone)]
pub struct Part {
    /// The round, and what it adds up to now.
    pub round: Round,
    /// What it may say, if that was asked for and may be seen.
    pub told: Option<Arc<Snapshot>>,
}

/// Reads rounds and keeps what they may say.
pub struct Live {
    warehouse: Warehouse,
    step_s: i64,
    kept: Mutex<Kept>,
    /// One question per site at a time computes; the others wait, and find it kept.
    computing: Mutex<HashMap<u32, Arc<tokio::sync::Mutex<()>>>>,
}

impl Live {
    /// Nothing kept yet.
    pub fn new(warehouse: Warehouse, step: Duration) -> Live {
        Live {
            warehouse,
            step_s: i64::try_from(step.as_secs()).unwrap_or(i64::MAX),
            kept: Mutex::new(Kept::new(KEPT_BYTES_MAX)),
            computing: Mutex::default(),
        }
    }

    /// Where rows come from.
    pub fn warehouse(&self) -> &Warehouse {
        &self.warehouse
    }

    /// The site's rounds in these days. With `told`, what each may say too; of open ones only with `open`.
    pub async fn parts(
        &self,
        site: &Site,
        days: Days,
        told: bool,
        open: bool,
        now_s: i64,
    ) -> warehouse::Result<Vec<Part>> {
        let rounds = self.warehouse.rounds(site.id, days.first, days.last).await?;
        let mut parts: Vec<Part> =
            rounds.iter().filter_map(Round::with_visits).map(|round| Part { round, told: None }).collect();
        let asked = |part: &Part| told && (open || part.round.settled);
        if !parts.iter().any(asked) {
            return Ok(parts);
        }
        let computing = Arc::clone(self.computing().entry(site.id).or_default());
        let _one_at_a_time = computing.lock().await;
        let k = K::of(site);
        let mut missing: Vec<Round> = vec![];
        for part in parts.iter_mut().filter(|part| asked(part)) {
            part.told = self.find(site.id, &part.round, k, now_s);
            if part.told.is_none() {
                missing.push(part.round);
            }
        }
        let mut computed = HashMap::new();
        for rounds in missing.chunks(ROUNDS_AT_ONCE) {
            computed.extend(self.compute(site.id, rounds, k, now_s).await?);
        }
        for part in &mut parts {
            if let Some(snapshot) = computed.remove(&part.round.key()) {
                part.told = Some(snapshot);
            }
        }
        Ok(parts)
    }

    fn find(&self, site: u32, round: &Round, k: K, now_s: i64) -> Option<Arc<Snapshot>> {
        let snapshot = self.kept().get(site, round.key())?;
        let why = still_good(&snapshot, round, k, self.step_s, now_s)?;
        metrics::rounds(why, 1);
        Some(snapshot)
    }

    async fn compute(
        &self,
        site: u32,
        rounds: &[Round],
        k: K,
        now_s: i64,
    ) -> warehouse::Result<HashMap<RoundKey, Arc<Snapshot>>> {
        let keys: Vec<RoundKey> = rounds.iter().map(Round::key).collect();
        let mut cubes = self.cubes(site, &keys).await?;
        metrics::rounds(Cache::Miss, rounds.len());
        let mut computed = HashMap::new();
        for round in rounds {
            let cubes = cubes.remove(&round.key()).unwrap_or_default();
            let whole = cubes.is_whole();
            let judged = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                let published = Published::of(cubes, k);
                metrics::crowd(began.elapsed());
                published
            });
            let published = judged.await.map_err(|panicked| warehouse::Error::Other(panicked.into()))?;
            let Round { settled, sums, .. } = *round;
            let snapshot = Arc::new(Snapshot { published, sums, settled, computed_s: now_s });
            if whole {
                self.kept().put(site, round.key(), snapshot.clone());
            }
            computed.insert(round.key(), snapshot);
        }
        metrics::kept(self.kept().bytes());
        Ok(computed)
    }

    /// The rows that the crowd rule judges, by round.
    async fn cubes(&self, site: u32, rounds: &[RoundKey]) -> warehouse::Result<HashMap<RoundKey, Cubes>> {
        let mut cubes: HashMap<RoundKey, Cubes> = rounds.iter().map(|key| (*key, Cubes::default())).collect();
        let custom = [(Dimension::Kind, Kind::Custom.label()), (Dimension::Property, "")];
        let judged = [Cube::Visits.into(), Cube::Pages.into(), CellFilter { cube: Cube::Events, names: &custom }];
        let add = |key: RoundKey, cube, hour, names: &[&str], sums: &[i64]| {
            let Some(of) = cubes.get_mut(&key) else { return };
            match cube {
                Cube::Visits => of.visits.add(hour, names, sums),
                Cube::Pages => of.pages.add(hour, names, sums),
                Cube::Events => of.events.add(hour, names, sums),
                Cube::Fates | Cube::Campaigns | Cube::Items => {}
            }
        };
        self.warehouse.cells(site, rounds, &judged, add).await?;
        Ok(cubes)
    }

    /// Nothing that was kept is given out any more.
    pub fn forget(&self) {
        *self.kept() = Kept::new(KEPT_BYTES_MAX);
    }

    fn computing(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Arc<tokio::sync::Mutex<()>>>> {
        self.computing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what was kept may be given out once more, and why.
fn still_good(snapshot: &Snapshot, round: &Round, k: K, step_s: i64, now_s: i64) -> Option<Cache> {
    if round.settled {
        return (snapshot.settled && snapshot.sums == round.sums).then_some(Cache::Hit);
    }
    if snapshot.sums == round.sums {
        return Some(Cache::Hit);
    }
    if step_s == 0 {
        return None;
    }
    let new_visitors = round.sums.visitors - snapshot.sums.visitors;
    (now_s < snapshot.computed_s + step_s || new_visitors < k.get()).then_some(Cache::Step)
}

#[cfg(test)]
mod tests;
