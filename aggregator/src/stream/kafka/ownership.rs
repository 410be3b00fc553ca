//! Which partitions this process owns, and the locks that fence it after a revoke.
//!
//! A partition that was revoked from this process can be assigned to another member at once. From then on no commit of
//! this process may follow. The brokers do not refuse such a commit if this process is still a member of the newest
//! generation of the group. So each partition has an ownership lock:
//!
//! * A commit locks it, then checks that the partition is owned, and keeps it locked until the brokers have answered.
//! * A revoke first removes the partition from the owned ones, then locks and unlocks it once.
//!
//! When the revoke returns, no commit is under way, and a later one finds that the partition is not owned. Only then
//! does the client library report to the group that the partition is free.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka::client_log;
use kafka::rdkafka::client::ClientContext;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use kafka::rdkafka::error::KafkaError;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::metrics;

/// The context of the group's client. The library calls it when the group assigns or revokes partitions.
pub(super) struct Ownership {
    assignments: Mutex<Assignments>,
    locks: Mutex<BTreeMap<i32, Arc<Mutex<()>>>>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Assignments {
    /// The owned partitions, each with the number of its assignment.
    owned: BTreeMap<i32, u64>,
    /// How many assignments there were. A partition that is revoked and assigned again has another number than before.
    count: u64,
}

impl ClientContext for Ownership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client_log::log_error(&error, reason);
    }
}

impl ConsumerContext for Ownership {
    /// On a revoke: called before the group learns that the partitions are free.
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.revoke(list.elements().iter().map(|element| element.partition()).collect());
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        if let Err(error) = consumer.pause(list) {
            tracing::warn!(%error, "partitions could not be paused; the messages that this client receives are dropped");
        }
        let mut assignments = self.assignments.lock();
        for element in list.elements() {
            assignments.count += 1;
            let number = assignments.count;
            assignments.owned.insert(element.partition(), number);
        }
        drop(assignments);
        self.announce("assigned", list.count());
    }
}

impl Ownership {
    pub(super) fn new() -> Ownership {
        Ownership { assignments: Mutex::default(), locks: Mutex::default(), changes: watch::Sender::new(0) }
    }

    /// The owned partitions, each with the number of its assignment.
    pub(super) fn owned(&self) -> BTreeMap<i32, u64> {
        self.assignments.lock().owned.clone()
    }

    /// Whether the partition is owned and was not assigned anew after this assignment.
    pub(super) fn owns(&self, partition: i32, assignment: u64) -> bool {
        self.assignments.lock().owned.get(&partition) == Some(&assignment)
    }

    /// Counts the assignments and revokes.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The ownership lock of a partition.
    pub(super) fn lock_of(&self, partition: i32) -> Arc<Mutex<()>> {
        Arc::clone(self.locks.lock().entry(partition).or_default())
    }

    /// Ends the ownership of these partitions. Waits for commits that are under way.
    pub(super) fn revoke(&self, partitions: Vec<i32>) {
        self.assignments.lock().owned.retain(|partition, _| !partitions.contains(partition));
        for partition in &partitions {
            drop(self.lock_of(*partition).lock());
        }
        self.announce("revoked", partitions.len());
    }

    fn announce(&self, change: &'static str, partitions: usize) {
        let owned = self.assignments.lock().owned.len();
        metrics::rebalanced(change, owned);
        tracing::info!(partitions, owned, "{partitions} partitions {change}; this aggregator owns {owned}");
        self.changes.send_modify(|changes| *changes += 1);
    }
}
