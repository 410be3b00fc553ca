//! A place in the consumer group: which partitions are ours, and commits that only their owner can make.
//!
//! Brokers refuse a commit from a member of an older generation of the group. That alone is not enough: a member that
//! gave up a partition and lives on is of the newest generation, and its commits would be taken. So the partitions we
//! own stand in `owned`; a commit holds its partition's gate until it is answered, and looks there behind it; and who
//! gives a partition up takes it out of there, then goes through its gate. What is about to be replaced is read before:
//! if it is not what we put there, someone else owns the partition.
//!
//! The group's client reads no message: partitions are paused as soon as they are ours. Its thread does nothing but
//! answer the group, so no insert ever delays a heartbeat.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kafka::rdkafka::client::ClientContext;
use kafka::rdkafka::config::RDKafkaLogLevel;
use kafka::rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::topics::Topic;
use kafka::{Connection, Layout, said};
use metrics::{counter, gauge};
use tokio::sync::watch;

use crate::unowned::{Dealt, partitions_of};

/// Longest wait for one answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// A member of the group.
pub struct Membership {
    consumer: BaseConsumer<Owned>,
    group: String,
    topic: String,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The offset.
    pub offset: u64,
    /// What stands beside it.
    pub metadata: String,
}

/// A commit was not made.
#[derive(Debug)]
pub enum CommitError {
    /// The partition is another's, or was.
    Fenced,
    /// It may have been made, or not; the same may be tried again.
    Passing(KafkaError),
}

/// The group has thrown us out for good.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// Somebody joined with our instance id: another process, or ourselves, where the broker forgot who we were.
    #[error("another aggregator has the instance id of this one (`instance` in the configuration): each needs its own")]
    SameInstance,
    /// Anything else that the client cannot live with.
    #[error("the consumer group: {0}")]
    Fatal(KafkaError),
}

impl MemberError {
    fn of(fatal: RDKafkaErrorCode) -> MemberError {
        match fatal {
            RDKafkaErrorCode::FencedInstanceId => MemberError::SameInstance,
            code => MemberError::Fatal(KafkaError::MessageConsumptionFatal(code)),
        }
    }
}

/// Which partitions are ours, each with the number of its assignment.
struct Owned {
    state: Mutex<State>,
    gates: Mutex<BTreeMap<i32, Arc<Mutex<()>>>>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    owned: BTreeMap<i32, u64>,
    assignments: u64,
}

impl ClientContext for Owned {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        said::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        said::failed(&error, reason);
    }
}

impl ConsumerContext for Owned {
    /// Given up here, before the group is told: from now on no commit of ours can follow.
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            self.give_up(list.elements().iter().map(|element| element.partition()).collect());
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        if let Err(error) = consumer.pause(list) {
            tracing::warn!(%error, "partitions could not be paused; what they bring here is ignored");
        }
        let mut state = self.state();
        for element in list.elements() {
            state.assignments += 1;
            let assignment = state.assignments;
            state.owned.insert(element.partition(), assignment);
        }
        drop(state);
        self.tell("assigned", list.count());
    }
}

impl Owned {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn give_up(&self, partitions: Vec<i32>) {
        self.state().owned.retain(|partition, _| !partitions.contains(partition));
        for partition in &partitions {
            drop(lock(&self.gate(*partition)));
        }
        self.tell("revoked", partitions.len());
    }

    /// What a commit for a partition holds until it is answered.
    fn gate(&self, partition: i32) -> Arc<Mutex<()>> {
        Arc::clone(lock(&self.gates).entry(partition).or_default())
    }

    fn tell(&self, what: &'static str, partitions: usize) {
        let owned = self.state().owned.len();
        counter!("footfall_aggregate_rebalances_total", "kind" => what).increment(1);
        gauge!("footfall_aggregate_partitions").set(owned as f64);
        tracing::info!(partitions, owned, "{partitions} partitions {what}; {owned} are ours");
        self.changed.send_modify(|changes| *changes += 1);
    }
}

impl Membership {
    /// Joins the group; nothing is ours before [`Membership::live`] runs.
    pub fn join(
        connection: &Connection,
        layout: &Layout,
        group: &str,
        instance: &str,
        session: Duration,
    ) -> Result<Arc<Membership>, KafkaError> {
        let mut config = connection.client(instance);
        config
            .set("group.id", group)
            .set("group.instance.id", instance)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", session.as_millis().to_string())
            .set("heartbeat.interval.ms", (session.as_millis() / 5).to_string())
            // The group's thread never works, so this is only met by a process that stands still.
            .set("max.poll.interval.ms", (session.as_millis() * 2).max(300_000).to_string())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // Between an assignment and its pause one fetch may go out.
            .set("queued.min.messages", "1")
            .set("queued.max.messages.kbytes", "1024");
        let context = Owned { state: Mutex::default(), gates: Mutex::default(), changed: watch::Sender::new(0) };
        let consumer: BaseConsumer<Owned> = config.create_with_context(context)?;
        let topic = layout.name(Topic::Hits);
        consumer.subscribe(&[&topic])?;
        Ok(Arc::new(Membership { consumer, group: group.to_owned(), topic }))
    }

    /// Answers the group until `stop`, or until it throws us out: then nothing is ours any more. Blocks.
    pub fn live(&self, stop: impl Fn() -> bool) -> Result<(), MemberError> {
        while !stop() {
            let polled = self.consumer.poll(Duration::from_millis(100));
            let fatal = match polled {
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => Some(code),
                _ => self.consumer.client().fatal_error().map(|(code, _)| code),
            };
            if let Some(code) = fatal {
                let owned = self.owned().into_keys().map(|partition| partition as i32).collect();
                self.consumer.context().give_up(owned);
                return Err(MemberError::of(code));
            }
        }
        Ok(())
    }

    /// What the brokers say of the group; `None` while partitions are being dealt out. Blocks.
    pub(crate) fn dealt(&self) -> Result<Option<Dealt>, KafkaError> {
        let found = self.consumer.fetch_group_list(Some(&self.group), ANSWER_MAX)?;
        let Some(group) = found.groups().first().filter(|group| group.state() == "Stable") else { return Ok(None) };
        let theirs = |assignment: Option<&[u8]>| partitions_of(assignment.unwrap_or_default(), &self.topic);
        let members = group.members().iter();
        // Brokers tell no instance ids here; each of ours is its client's name too.
        let members = members.map(|it| Some((it.client_id().to_owned(), theirs(it.assignment())?)));
        Ok(members.collect::<Option<Vec<_>>>().map(|members| Dealt { members }))
    }

    /// Leaves the group, giving up everything, and joins it again: it deals anew.
    pub(crate) fn join_again(&self) -> Result<(), KafkaError> {
        self.consumer.unsubscribe();
        self.consumer.subscribe(&[&self.topic])
    }

    /// The partitions that are ours, each with the number of its assignment.
    pub fn owned(&self) -> BTreeMap<u32, u64> {
        self.consumer.context().state().owned.iter().map(|(&p, &a)| (p as u32, a)).collect()
    }

    /// Changes whenever `owned` does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.consumer.context().changed.subscribe()
    }

    pub(crate) fn owns(&self, partition: i32, assignment: u64) -> bool {
        self.consumer.context().state().owned.get(&partition) == Some(&assignment)
    }

    /// What is committed for a partition, whoever did it.
    pub(crate) fn committed(&self, partition: i32) -> Result<Option<Saved>, KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        let found = self.consumer.committed_offsets(list, ANSWER_MAX)?;
        let elements = found.elements();
        let Some(element) = elements.first() else { return Ok(None) };
        element.error()?;
        Ok(match element.offset() {
            Offset::Offset(offset) => Some(Saved { offset: offset as u64, metadata: element.metadata().to_owned() }),
            _ => None,
        })
    }

    /// Replaces `before` by `fresh`, if the partition is still ours by this assignment.
    pub(crate) fn commit(
        &self,
        partition: i32,
        assignment: u64,
        before: Option<&Saved>,
        fresh: &Saved,
    ) -> Result<(), CommitError> {
        let found = self.committed(partition).map_err(sorted)?;
        // An earlier try may have been taken after all.
        if found.as_ref() != before && found.as_ref() != Some(fresh) {
            tracing::error!(partition, "another aggregator commits for partition {partition}; giving it up");
            return Err(CommitError::Fenced);
        }
        let gate = self.consumer.context().gate(partition);
        let _held = lock(&gate);
        // A member that was thrown out has no generation any more, and an empty group would believe it.
        if self.consumer.assignment_lost() || !self.owns(partition, assignment) {
            return Err(CommitError::Fenced);
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(fresh.offset as i64))
            .map_err(CommitError::Passing)?;
        if let Some(mut element) = list.find_partition(&self.topic, partition) {
            element.set_metadata(&fresh.metadata);
        }
        self.consumer.commit(&list, CommitMode::Sync).map_err(sorted)
    }
}

/// Which errors say that we no longer own what we commit for.
fn sorted(error: KafkaError) -> CommitError {
    use RDKafkaErrorCode::{Fenced, FencedInstanceId, UnknownMemberId};
    match error.rdkafka_error_code() {
        Some(FencedInstanceId | Fenced | UnknownMemberId) => CommitError::Fenced,
        _ => CommitError::Passing(error),
    }
}

/// A panic elsewhere does not make these wrong: each change to them is one statement.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
