//! Membership in the consumer group: which partitions this process owns, and commits that only the owner can make.
//!
//! A commit of a former owner must be refused, because it would replace the intent of the present owner. There are
//! three fences:
//!
//! * The brokers refuse a commit from a member of an older *group generation* (the number of the last rebalance; it has
//!   nothing to do with the generation of a shard's rows). The error is retryable, because a member that keeps the
//!   partition may commit again after the rebalance; one that lost it is refused by the next fence.
//! * A running member joins every rebalance, so it has the newest group generation even if it lost the partition, and
//!   the brokers would accept its commit. The ownership lock refuses it (`ownership`).
//! * Before a commit, the present commit is read. If this owner did not make it, another aggregator or a tool did, and
//!   the shard stops. This is not atomic: it detects a second owner that the other fences missed, one commit later.
//!
//! The client of the group receives no messages: its partitions are paused as soon as they are assigned. Its thread
//! only answers the group; the longest that it waits is one commit, while a partition is revoked. So no insert delays a
//! heartbeat.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kafka::assignment::partitions_of;
use kafka::rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use kafka::rdkafka::error::{KafkaError, RDKafkaErrorCode};
use kafka::rdkafka::{Offset, TopicPartitionList};
use kafka::topics::Topic;
use kafka::{Connection, Layout};
use tokio::sync::watch;

use super::commit::Commit;
use super::ownership::Ownership;
use super::unowned::GroupAssignments;

/// Longest wait for one answer of the brokers.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A member of the group.
pub(super) struct Membership {
    consumer: BaseConsumer<Ownership>,
    group: String,
    topic: String,
}

/// Why a commit failed.
#[derive(Debug)]
pub(super) enum CommitError {
    /// This process does not own the partition, or has not owned it without a break since the assignment.
    Fenced,
    /// The commit may have been made or not. The same commit may be tried again.
    Retryable(KafkaError),
}

/// The group has expelled this member, and the client cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// A member with the instance id of this one joined. It is another process; or this one, if a broker that was away
    /// takes a delayed join of this process for a second member.
    #[error("another aggregator has the instance id of this one (`instance` in the configuration): each needs its own")]
    SameInstance,
    /// Any other error after which the client does not work.
    #[error("the consumer group: {0}")]
    Fatal(KafkaError),
}

impl From<RDKafkaErrorCode> for MemberError {
    fn from(fatal: RDKafkaErrorCode) -> MemberError {
        match fatal {
            RDKafkaErrorCode::FencedInstanceId => MemberError::SameInstance,
            code => MemberError::Fatal(KafkaError::MessageConsumptionFatal(code)),
        }
    }
}

impl Membership {
    /// Joins the group. Partitions are assigned only while [`Membership::run`] runs.
    pub(super) fn join(
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
            // The group's thread polls ten times a second. Only a frozen process (a suspended machine) exceeds this.
            .set("max.poll.interval.ms", (session.as_millis() * 2).max(300_000).to_string())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // Between an assignment and its pause the client may fetch once.
            .set("queued.min.messages", "1")
            .set("queued.max.messages.kbytes", "1024");
        let consumer: BaseConsumer<Ownership> = config.create_with_context(Ownership::new())?;
        let topic = layout.name(Topic::Hits);
        consumer.subscribe(&[&topic])?;
        Ok(Arc::new(Membership { consumer, group: group.to_owned(), topic }))
    }

    /// Answers the group until `should_stop`, or until the group expels this member. An expelled member owns no
    /// partition afterwards. Blocks the thread.
    pub(super) fn run(&self, should_stop: impl Fn() -> bool) -> Result<(), MemberError> {
        while !should_stop() {
            let polled = self.consumer.poll(Duration::from_millis(100));
            let fatal = match polled {
                Some(Err(KafkaError::MessageConsumptionFatal(code))) => Some(code),
                _ => self.consumer.client().fatal_error().map(|(code, _)| code),
            };
            if let Some(code) = fatal {
                let ownership = self.ownership();
                ownership.revoke(ownership.owned().into_keys().collect());
                return Err(code.into());
            }
        }
        Ok(())
    }

    fn ownership(&self) -> &Ownership {
        self.consumer.context()
    }

    /// The partitions that this process owns, each with the number of its assignment.
    pub(super) fn owned(&self) -> BTreeMap<u32, u64> {
        self.ownership().owned().into_iter().map(|(partition, assignment)| (partition as u32, assignment)).collect()
    }

    /// Whether the partition is owned and was not assigned anew after this assignment.
    pub(super) fn owns(&self, partition: i32, assignment: u64) -> bool {
        self.ownership().owns(partition, assignment)
    }

    /// Counts the assignments and revokes: it changes whenever `owned` may have changed.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.ownership().changes()
    }

    /// The assignments of all members, as the brokers report them; `None` during a rebalance. Blocks the thread.
    pub(super) fn group_assignments(&self) -> Result<Option<GroupAssignments>, KafkaError> {
        let found = self.consumer.fetch_group_list(Some(&self.group), REQUEST_TIMEOUT)?;
        let Some(group) = found.groups().first().filter(|group| group.state() == "Stable") else { return Ok(None) };
        let partitions = |assignment: Option<&[u8]>| partitions_of(assignment.unwrap_or_default(), &self.topic);
        let members = group.members().iter();
        // This answer has no instance ids. The client id of each aggregator is the same as its instance id.
        let members = members.map(|member| Some((member.client_id().to_owned(), partitions(member.assignment())?)));
        Ok(members.collect::<Option<Vec<_>>>().map(|members| GroupAssignments { members }))
    }

    /// Leaves the group, which revokes all partitions of this member, and joins it again. Leaving and joining each
    /// start a rebalance, in which partitions without an owner are assigned too.
    pub(super) fn rejoin(&self) -> Result<(), KafkaError> {
        self.consumer.unsubscribe();
        self.consumer.subscribe(&[&self.topic])
    }

    /// The present commit of a partition, whichever process made it.
    pub(super) fn committed(&self, partition: i32) -> Result<Option<Commit>, KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.topic, partition);
        let found = self.consumer.committed_offsets(list, REQUEST_TIMEOUT)?;
        let elements = found.elements();
        let Some(element) = elements.first() else { return Ok(None) };
        element.error()?;
        Ok(match element.offset() {
            Offset::Offset(offset) => Some(Commit { offset: offset as u64, metadata: element.metadata().to_owned() }),
            _ => None,
        })
    }

    /// Replaces the commit `before` by `new`, if this process owns the partition since this assignment.
    pub(super) fn commit(
        &self,
        partition: i32,
        assignment: u64,
        before: Option<&Commit>,
        new: &Commit,
    ) -> Result<(), CommitError> {
        let present = self.committed(partition).map_err(commit_error)?;
        // If an earlier try was not confirmed, its commit may have been made.
        if present.as_ref() != before && present.as_ref() != Some(new) {
            tracing::error!(
                partition,
                "the commit of partition {partition} is not the one that this aggregator made: another aggregator or a \
                 tool changed it; its shard stops here"
            );
            return Err(CommitError::Fenced);
        }
        let lock = self.ownership().lock_of(partition);
        let _locked_until_answered = lock.lock();
        // A member that was expelled commits without a group generation, and the brokers accept that if the group is
        // empty.
        if self.consumer.assignment_lost() || !self.owns(partition, assignment) {
            return Err(CommitError::Fenced);
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(new.offset as i64))
            .map_err(CommitError::Retryable)?;
        if let Some(mut element) = list.find_partition(&self.topic, partition) {
            element.set_metadata(&new.metadata);
        }
        self.consumer.commit(&list, CommitMode::Sync).map_err(commit_error)
    }
}

/// Sorts the errors that fence this process from those after which the same commit may be tried again.
fn commit_error(error: KafkaError) -> CommitError {
    use RDKafkaErrorCode::{Fenced, FencedInstanceId, UnknownMemberId};
    match error.rdkafka_error_code() {
        Some(FencedInstanceId | Fenced | UnknownMemberId) => CommitError::Fenced,
        _ => CommitError::Retryable(error),
    }
}
