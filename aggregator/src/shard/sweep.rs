//! The sweep drops live partitions that do not count: those of generations below the named one, and those of imports
//! that were killed before their shard was named. It never drops rows of a newer generation, nor rows that `settled`
//! names.

use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};
use schema::round::IMPORT_SHARD_MIN;
use warehouse::{Partition, QUERY_SECONDS_MAX, Result, Store};

use crate::metrics;
use crate::shard::rules::{Rule, holds};

/// How long a generation is kept after a newer one was named. Queries that may read it have ended long before; but a
/// former owner that confirmed its ownership just before it was replaced may still settle a round with its rows: within
/// an hour of that confirmation, plus a pause and one request under way. From then on readers count exactly these rows.
const REPLACED_KEPT_S: i64 = 24 * 3600;

/// If an import whose lock cannot be seen has neither named its shard nor written a row for so long, it counts as
/// killed.
const IMPORT_SILENCE_S: i64 = 24 * 3600;

/// How the sweep finds out whether an import is running. The shard of a running import is not named yet.
#[derive(Debug, Clone)]
pub enum Imports {
    /// A running import holds this lock.
    Lock(PathBuf),
    /// Imports run on another machine.
    Unseen,
}

/// Finds and drops partitions that do not count.
pub(crate) struct Sweep<W> {
    warehouse: W,
    imports: Imports,
}

impl<W: Store> Sweep<W> {
    pub(crate) fn new(warehouse: W, imports: Imports) -> Sweep<W> {
        Sweep { warehouse, imports }
    }

    /// Sweeps once. If ClickHouse does not answer, the next sweep does the rest.
    pub(crate) async fn run(&self, now_s: i64) {
        match self.drop_uncounted(now_s).await {
            Ok(0) => {}
            Ok(dropped) => {
                metrics::swept(dropped);
                tracing::info!(dropped, "dropped {dropped} live partitions that do not count");
            }
            Err(error) => tracing::warn!(%error, "the sweep failed; it is tried again in a minute"),
        }
    }

    /// Returns how many partitions were dropped.
    async fn drop_uncounted(&self, now_s: i64) -> Result<u64> {
        if !holds(Rule::Sweep) {
            return Ok(0);
        }
        // The order matters: partitions, lock, names. A running import holds the lock and has not named its shard yet.
        // If the lock is free, the shard of every partition listed before is named by now, or never will be.
        let partitions = self.warehouse.partitions().await?;
        let importing = self.is_import_running();
        let named = self.warehouse.named_generations().await?;
        let is_silent = |partition: &Partition| now_s - i64::from(partition.changed_at) > IMPORT_SILENCE_S;
        let mut dropped = 0;
        for partition in &partitions {
            let unwanted = match named.get(&partition.shard) {
                Some(&(generation, at_s)) => {
                    let kept_s = match (holds(Rule::DropsWait), holds(Rule::DropsWaitForOwners)) {
                        (true, true) => REPLACED_KEPT_S,
                        (true, false) => 2 * i64::from(QUERY_SECONDS_MAX),
                        (false, _) => 0,
                    };
                    let replaced = partition.generation < generation && now_s - i64::from(at_s) > kept_s;
                    let unfinished = partition.generation > generation && !holds(Rule::SweepSparesNewer);
                    (replaced || unfinished) && !self.is_settled(partition).await?
                }
                None if partition.shard < IMPORT_SHARD_MIN => false,
                None => importing.map_or_else(|| is_silent(partition), |importing| !importing),
            };
            if unwanted {
                self.warehouse.drop_partition(partition).await?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    async fn is_settled(&self, partition: &Partition) -> Result<bool> {
        let settled = self.warehouse.settled_rounds(partition.shard).await?;
        Ok(holds(Rule::SweepSparesSettled) && settled.get(&partition.key) == Some(&partition.generation))
    }

    /// `None` if imports run on another machine.
    fn is_import_running(&self) -> Option<bool> {
        let Imports::Lock(path) = &self.imports else { return None };
        Some(match std::fs::File::open(path) {
            Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared).is_err(),
            Err(_) => false,
        })
    }
}
