//! Drops live partitions that no reader counts: of generations below the named one, and of imports that were killed
//! before they were named. Newer generations are left alone, and so is everything that `settled` names.

use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};

use crate::metrics;
use crate::shard::rules::{Rule, holds};
use crate::store::Store;
use crate::warehouse::{Partition, QUERY_SECONDS_MAX, Result};

/// So long after another was named, a generation is kept. Queries that may read it have ended long before; but a former
/// owner who last made sure just then that it is none may still settle a round with its rows: an hour of its own, a
/// pause, and a request under way later. Then readers count exactly these rows.
const KEPT_S: i64 = 24 * 3600;

/// Import shards begin here.
pub const IMPORT_SHARD_MIN: u32 = 1000;

/// So long after its last row, an import that is not seen and not named is taken for killed.
const IMPORT_SILENCE_S: i64 = 24 * 3600;

/// How it is known that an import is running, whose rows are not yet named.
#[derive(Debug, Clone)]
pub enum Imports {
    /// It holds this lock.
    Lock(PathBuf),
    /// It runs on some other machine.
    Unseen,
}

/// Knows what may go.
pub(crate) struct Sweep<W> {
    warehouse: W,
    imports: Imports,
}

impl<W: Store> Sweep<W> {
    pub(crate) fn new(warehouse: W, imports: Imports) -> Sweep<W> {
        Sweep { warehouse, imports }
    }

    /// One look. What ClickHouse does not answer now is done next time.
    pub(crate) async fn run(&self, now_s: i64) {
        match self.drop_what_nobody_counts(now_s).await {
            Ok(0) => {}
            Ok(dropped) => {
                metrics::swept(dropped);
                tracing::info!(dropped, "dropped {dropped} live partitions that nobody counts");
            }
            Err(error) => tracing::warn!(%error, "the sweep failed; it is tried again in a minute"),
        }
    }

    async fn drop_what_nobody_counts(&self, now_s: i64) -> Result<u64> {
        if !holds(Rule::Sweep) {
            return Ok(0);
        }
        let partitions = self.warehouse.partitions().await?;
        // A running import holds the lock and has not named its shard yet. In this order: if the lock is free, whatever
        // is listed above has been named by now, or never will be.
        let importing = self.is_import_running();
        let is_silent = |partition: &Partition| now_s - i64::from(partition.changed_at) > IMPORT_SILENCE_S;
        let named = self.warehouse.all_named().await?;
        let mut dropped = 0;
        for partition in &partitions {
            let unwanted = match named.get(&partition.shard) {
                Some(&(generation, at_s)) => {
                    let kept_s = match (holds(Rule::DropsWait), holds(Rule::DropsWaitForOwners)) {
                        (true, true) => KEPT_S,
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
        let settled = self.warehouse.settled(partition.shard).await?;
        Ok(holds(Rule::SweepSparesSettled) && settled.get(&partition.key) == Some(&partition.generation))
    }

    /// Nothing if that cannot be known here.
    fn is_import_running(&self) -> Option<bool> {
        let Imports::Lock(path) = &self.imports else { return None };
        Some(match std::fs::File::open(path) {
            Ok(file) => flock(&file, FlockOperation::NonBlockingLockShared).is_err(),
            Err(_) => false,
        })
    }
}
