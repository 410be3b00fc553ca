//! Imports: the events of a log are folded as a shard of their own. The number of the shard is also the round.
//!
//! Such a shard has no stream and no intent. If the import is killed, its shard is never named, readers do not count
//! its rows, and the next import begins again under a new number. Naming the shard is the commit.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use schema::clock;
use schema::day::Day;
use schema::event::Event;
use schema::fate::FateCount;
use schema::round::{IMPORT_SHARD_MIN, RoundKey};
use warehouse::{ControlSums, Error, Warehouse};

use crate::fold::{Checkpoint, Fold, Limits};

/// An insert has about so many rows.
const BATCH_ROWS_MAX: usize = 200_000;
/// An insert is attempted so many times before the import fails. The pauses between attempts are 0.4, 0.8, 1.6 and 3.2
/// s.
const ATTEMPTS_MAX: usize = 5;
const PAUSE_MIN: Duration = Duration::from_millis(400);
/// An import has one generation: the import that follows a killed one is another shard.
const GENERATION: u32 = 1;

/// Events on their way into the live cubes. None of them counts before `finish`.
pub struct ImportShard {
    warehouse: Warehouse,
    fold: Fold,
    shard: u32,
    batches: u64,
}

/// Why an import failed. The next sweep drops its rows.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// ClickHouse did not accept a request.
    #[error("ClickHouse: {0}; nothing of this import is counted, run it again")]
    Warehouse(#[from] Error),
    /// The live rows do not add up to what was folded.
    #[error("the live rows of {0} do not add up to what was folded; nothing of this import is counted, run it again")]
    SumsDiffer(Day),
}

impl ImportShard {
    /// Takes the next free shard number. The caller holds the import lock.
    pub async fn begin(warehouse: Warehouse, limits: Limits) -> Result<ImportShard, ImportError> {
        let mut shard = warehouse.highest_shard().await?.max(IMPORT_SHARD_MIN - 1);
        for partition in warehouse.partitions().await? {
            shard = shard.max(partition.shard);
        }
        Ok(ImportShard { warehouse, fold: Fold::new(Checkpoint::default(), limits), shard: shard + 1, batches: 0 })
    }

    /// The shard's number, which is also its round.
    pub fn shard(&self) -> u32 {
        self.shard
    }

    /// Folds an event.
    pub fn event(&mut self, event: &Event<'_>) {
        self.fold.apply_event(self.shard, event);
    }

    /// Folds a count of refusals.
    pub fn refused(&mut self, count: &FateCount<'_>) {
        self.fold.apply_fates(self.shard, std::slice::from_ref(count));
    }

    /// Drops the day's state, because the day has no more events for now. If more events of that day follow, their
    /// visitors are counted again.
    pub fn end_day(&mut self, day: Day) {
        self.fold.end_round(day, self.shard);
    }

    /// Inserts what is folded, if it is enough for a batch. To be called now and then.
    pub async fn insert_if_full(&mut self) -> Result<(), ImportError> {
        if self.fold.pending_rows() >= BATCH_ROWS_MAX { self.insert().await } else { Ok(()) }
    }

    async fn insert(&mut self) -> Result<(), ImportError> {
        self.batches += 1;
        let token = format!("{}:{GENERATION}:{}", self.shard, self.batches);
        let pauses = ExponentialBuilder::new()
            .with_min_delay(PAUSE_MIN)
            .with_factor(2.0)
            .without_max_delay()
            .with_max_times(ATTEMPTS_MAX - 1);
        for rows in self.fold.drain().rows {
            let insert = || self.warehouse.insert(&rows, self.shard, GENERATION, &token);
            let attempts = insert.retry(pauses).notify(|error, _pause| {
                tracing::warn!(%error, token, "an insert was not confirmed; it is sent again");
            });
            attempts.await?;
        }
        Ok(())
    }

    /// Inserts the rest, compares every sum, and makes all rows count at once by naming the shard. `before_naming` runs
    /// immediately before that.
    pub async fn finish<F>(mut self, before_naming: impl FnOnce(Warehouse, u32) -> F) -> Result<(), ImportError>
    where
        F: Future<Output = Result<(), Error>>,
    {
        self.insert().await?;
        let live = self.warehouse.live_sums(self.shard, GENERATION).await?;
        let folded: BTreeMap<RoundKey, ControlSums> = self
            .fold
            .sums()
            .iter()
            .filter(|(_, sums)| !sums.is_zero())
            .map(|(key, sums)| (*key, sums.clone()))
            .collect();
        for key in folded.keys().chain(live.keys()) {
            if folded.get(key) != live.get(key) {
                return Err(ImportError::SumsDiffer(key.0));
            }
        }
        if let Some(last) = folded.keys().map(|key| key.0).max() {
            self.warehouse.write_control_sums(last, self.shard, GENERATION, &folded).await?;
        }
        before_naming(self.warehouse.clone(), self.shard).await?;
        self.warehouse.name_generation(self.shard, GENERATION, clock::now_s()).await?;
        Ok(())
    }
}
