//! The second source of events: an import hands them in, as a shard of its own whose number is also its round.
//!
//! Such a shard has no stream and no intent: killed half-way it was never named, nobody reads its rows, and the import
//! begins again under a new number. Naming it is the commit.

use std::collections::BTreeMap;

use schema::clock;
use schema::day::Day;
use schema::event::Event;
use schema::fate::FateCount;

use crate::fold::{Copy, Fold, Limits};
use crate::store::Store;
use crate::sums::Sums;
use crate::sweep::IMPORT_SHARD_MIN;
use crate::warehouse::{Error, RoundKey, Warehouse};

/// Rows per insert, about.
const BATCH_ROWS_MAX: usize = 200_000;
/// How often one insert is sent again before the import gives up.
const TRIES: u32 = 5;
/// An import has one generation: killed, it begins again as another shard.
const GENERATION: u32 = 1;

/// Events on their way into the live cubes, none of them counted before `finish`.
pub struct Handed {
    warehouse: Warehouse,
    fold: Fold,
    shard: u32,
    batches: u64,
}

/// An import came to nothing; its rows are dropped by the next sweep.
#[derive(Debug, thiserror::Error)]
pub enum HandedError {
    /// ClickHouse did not take it.
    #[error("ClickHouse: {0}; nothing of this import is counted, run it again")]
    Warehouse(#[from] Error),
    /// ClickHouse holds something else than was sent.
    #[error("the rows of {0} do not add up to what was folded; nothing of this import is counted, run it again")]
    SumsDiffer(Day),
}

impl Handed {
    /// Takes the next free shard number. The caller holds the import lock.
    pub async fn begin(warehouse: Warehouse, limits: Limits) -> Result<Handed, HandedError> {
        let mut shard = warehouse.highest_shard().await?.max(IMPORT_SHARD_MIN - 1);
        for partition in warehouse.partitions().await? {
            shard = shard.max(partition.shard);
        }
        Ok(Handed { warehouse, fold: Fold::new(Copy::default(), limits), shard: shard + 1, batches: 0 })
    }

    /// The shard's number, which is also its round.
    pub fn shard(&self) -> u32 {
        self.shard
    }

    /// Takes in an event.
    pub fn event(&mut self, event: &Event<'_>) {
        self.fold.apply_event(self.shard, event);
    }

    /// Takes in refusals.
    pub fn refused(&mut self, count: &FateCount<'_>) {
        self.fold.apply_fates(self.shard, std::slice::from_ref(count));
    }

    /// No more is handed in of this day for now: its state is dropped. What comes nevertheless counts its visitors anew.
    pub fn end_day(&mut self, day: Day) {
        self.fold.end(day, self.shard);
    }

    /// Inserts what is folded, if it is enough for a batch. Call it now and then.
    pub async fn insert_if_full(&mut self) -> Result<(), HandedError> {
        if self.fold.pending_rows() >= BATCH_ROWS_MAX { self.insert().await } else { Ok(()) }
    }

    async fn insert(&mut self) -> Result<(), HandedError> {
        self.batches += 1;
        let token = format!("{}:{GENERATION}:{}", self.shard, self.batches);
        for rows in self.fold.drain().rows {
            let mut tries = 1;
            while let Err(error) = self.warehouse.insert(&rows, self.shard, GENERATION, &token).await {
                if tries == TRIES {
                    return Err(error.into());
                }
                tracing::warn!(%error, token, "an insert was not confirmed; it is sent again");
                tokio::time::sleep(std::time::Duration::from_millis(200 << tries)).await;
                tries += 1;
            }
        }
        Ok(())
    }

    /// Inserts the rest, compares every sum, and counts it all at once: `before_naming` is the last thing that happens
    /// before the shard's rows count.
    pub async fn finish<F>(mut self, before_naming: impl FnOnce(Warehouse, u32) -> F) -> Result<(), HandedError>
    where
        F: Future<Output = Result<(), Error>>,
    {
        self.insert().await?;
        let live = self.warehouse.live_sums(self.shard, GENERATION).await?;
        let folded: BTreeMap<RoundKey, Sums> = self
            .fold
            .sums()
            .iter()
            .filter(|(_, sums)| !sums.is_zero())
            .map(|(key, sums)| (*key, sums.clone()))
            .collect();
        for key in folded.keys().chain(live.keys()) {
            if folded.get(key) != live.get(key) {
                return Err(HandedError::SumsDiffer(key.0));
            }
        }
        if let Some(last) = folded.keys().map(|key| key.0).max() {
            self.warehouse.close(last, self.shard, GENERATION, &folded).await?;
        }
        before_naming(self.warehouse.clone(), self.shard).await?;
        self.warehouse.name(self.shard, GENERATION, clock::now_s()).await?;
        Ok(())
    }
}
