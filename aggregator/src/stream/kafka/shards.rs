//! The shards of one process: a thread for each partition that this process owns.
//!
//! If a partition is revoked, its shard is dropped between two awaits, as if the process had died. The new owner begins
//! with what is committed. An insert that is still under way has the token that the new owner will use for the same
//! range.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::group::{GroupError, GroupSettings};
use super::membership::Membership;
use super::partition::{PartitionInputs, PartitionStream};
use crate::metrics;
use crate::shard::sweep::Imports;
use crate::shard::{Inputs, run};
use crate::stream::StreamError;

/// The running shards.
pub(super) struct Shards<'a> {
    settings: &'a GroupSettings,
    membership: &'a Arc<Membership>,
    /// Set while shard 0 runs and is certain where it begins.
    shard_0_has_begun: &'a Arc<AtomicBool>,
    running: BTreeMap<u32, RunningShard>,
}

struct RunningShard {
    /// The number of the assignment by which the partition was owned at the start.
    assignment: u64,
    /// Makes the shard insert what is in the stream and end.
    stop: Arc<AtomicBool>,
    /// Drops the shard where it is.
    drop_now: Arc<Notify>,
    thread: JoinHandle<Result<(), StreamError>>,
}

impl<'a> Shards<'a> {
    pub(super) fn new(
        settings: &'a GroupSettings,
        membership: &'a Arc<Membership>,
        shard_0_has_begun: &'a Arc<AtomicBool>,
    ) -> Shards<'a> {
        Shards { settings, membership, shard_0_has_begun, running: BTreeMap::new() }
    }

    /// Drops the shards whose partition was revoked, and starts a shard for each owned partition that has none.
    pub(super) fn update(&mut self) -> Result<(), GroupError> {
        let owned = self.membership.owned();
        self.drop_revoked(&owned);
        let ended: Vec<u32> =
            self.running.iter().filter(|(_, running)| running.thread.is_finished()).map(|(shard, _)| *shard).collect();
        for shard in ended {
            let Some(running) = self.running.remove(&shard) else { continue };
            match running.thread.join() {
                // If the partition is owned, a new shard takes it over below.
                Ok(Ok(()) | Err(StreamError::Fenced | StreamError::Trimmed)) => {}
                Ok(Err(error)) => return Err(GroupError::Shard { shard, error }),
                Err(_) => return Err(io::Error::other(format!("the thread of shard {shard} panicked")).into()),
            }
        }
        for (shard, assignment) in owned {
            if !self.running.contains_key(&shard) {
                let running = self.start(shard, assignment)?;
                self.running.insert(shard, running);
            }
        }
        metrics::shards(self.running.len());
        Ok(())
    }

    /// Makes every shard of an owned partition insert what is in its stream and end. Waits at most `patience`.
    pub(super) async fn finish(&mut self, patience: Duration) {
        self.running.values().for_each(|running| running.stop.store(true, Ordering::Release));
        self.drop_revoked(&self.membership.owned());
        let began = Instant::now();
        while self.running.values().any(|running| !running.thread.is_finished()) {
            if began.elapsed() > patience {
                tracing::warn!("not all that was read is inserted; the next owner of the partitions inserts it");
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn drop_revoked(&self, owned: &BTreeMap<u32, u64>) {
        for (shard, running) in &self.running {
            if owned.get(shard) != Some(&running.assignment) {
                running.drop_now.notify_one();
            }
        }
    }

    fn start(&self, shard: u32, assignment: u64) -> io::Result<RunningShard> {
        let GroupSettings { connection, layout, accept_loss, limits, warehouse, now_s, .. } = self.settings;
        let has_begun = if shard == 0 { Arc::clone(self.shard_0_has_begun) } else { Arc::default() };
        has_begun.store(false, Ordering::Release);
        let partition = PartitionInputs {
            connection: connection.clone(),
            layout: layout.clone(),
            membership: Arc::clone(self.membership),
            partition: shard,
            assignment,
            accept_loss: *accept_loss,
            has_begun,
        };
        let (stop, drop_now) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (warehouse, limits, now_s) = (warehouse(), limits.clone(), *now_s);
        let (should_stop, dropped) = (Arc::clone(&stop), Arc::clone(&drop_now));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = async move || {
            let inputs = Inputs {
                shard,
                stream: PartitionStream::new(partition)?,
                warehouse,
                engine_starts: None,
                imports: Imports::Unseen,
                limits,
                stop: should_stop,
                now_s,
            };
            tokio::select! {
                ended = run(inputs) => ended,
                () = dropped.notified() => Err(StreamError::Fenced),
            }
        };
        let thread = thread::Builder::new().name(format!("shard-{shard}")).spawn(move || runtime.block_on(work()))?;
        Ok(RunningShard { assignment, stop, drop_now, thread })
    }
}
