//! One aggregator process in the consumer group.
//!
//! ```text
//! thread "group"       membership: answers the group                 -> which partitions this process owns
//! threads "shard-N"    shards: one for each owned partition
//! this task            starts and drops shards; closes days (`close`); looks for unowned partitions (`unowned`)
//! ```

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kafka::{Connection, Layout};
use schema::day::Day;
use warehouse::Warehouse;

use super::close::DayCloser;
use super::membership::{MemberError, Membership};
use super::shards::Shards;
use super::unowned::UnownedWatch;
use crate::fold::Limits;
use crate::metrics;
use crate::stream::StreamError;

/// How often the shards are checked if no partition is assigned or revoked, and how often days are closed.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// How often per session timeout this member looks for unowned partitions.
const LOOKS_PER_SESSION: u32 = 2;

/// If this member is expelled twice within so many session timeouts, another process has its instance id.
const EXPELLED_TWICE_SESSIONS: u32 = 4;

/// What an aggregator needs.
pub struct GroupSettings {
    /// How the brokers are reached.
    pub connection: Connection,
    /// The topics.
    pub layout: Layout,
    /// The consumer group: the same for all aggregators of one Footfall.
    pub group: String,
    /// The instance id of this aggregator in the group. No other aggregator has it, and it does not change.
    pub instance: String,
    /// The session timeout: if an aggregator is silent for so long, its partitions are assigned to others.
    pub session: Duration,
    /// Whether the aggregator continues without messages that Kafka has lost.
    pub accept_loss: bool,
    /// Limits of the state of each shard.
    pub limits: Limits,
    /// Makes a ClickHouse client for a shard.
    pub warehouse: Box<dyn Fn() -> Warehouse + Send + Sync>,
    /// The last date that must be closed at a time (UTC seconds).
    pub due: Box<dyn Fn(i64) -> Option<Day> + Send + Sync>,
    /// The clock: UTC seconds.
    pub now_s: fn() -> i64,
}

/// The process cannot continue.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// A shard failed.
    #[error("shard {shard}: {error}")]
    Shard {
        /// The shard.
        shard: u32,
        /// Why.
        error: StreamError,
    },
    /// The group has expelled this member.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// A client could not be made.
    #[error("Kafka: {0}")]
    Kafka(#[from] kafka::Error),
    /// A thread could not be started, or it panicked.
    #[error("{0}")]
    Thread(#[from] io::Error),
}

/// Runs until `stop`, then inserts what is in the streams, for at most `patience`.
///
/// If the group expels this member because a member with the same instance id joined, this member joins once more. The
/// other member may be this process itself: after an outage a broker may take a heartbeat from before our last join for
/// that of another member. If it really is another process, our join expels it. It joins once more, too, and stays,
/// because the member that was first is then expelled for the second time and ends.
pub async fn run_group(settings: GroupSettings, stop: Arc<AtomicBool>, patience: Duration) -> Result<(), GroupError> {
    let twice_within = settings.session * EXPELLED_TWICE_SESSIONS;
    let mut last_ended: Option<Instant> = None;
    loop {
        let ended = run_membership(&settings, &stop, patience).await;
        let is_second = last_ended.replace(Instant::now()).is_some_and(|at| at.elapsed() < twice_within);
        match ended {
            Err(GroupError::Member(MemberError::SameInstance)) if !is_second && !stop.load(Ordering::Acquire) => {
                tracing::warn!(
                    instance = settings.instance,
                    "the group expelled this aggregator, because a member with its instance id joined. That may be this \
                     aggregator itself, before the brokers were away: joining once more"
                );
            }
            ended => return ended,
        }
    }
}

/// Joins the group and runs the shards until `stop`, until a shard fails, or until the group expels this member.
async fn run_membership(settings: &GroupSettings, stop: &AtomicBool, patience: Duration) -> Result<(), GroupError> {
    let GroupSettings { connection, layout, group, instance, session, .. } = settings;
    let membership = Membership::join(connection, layout, group, instance, *session)?;
    let leave = Arc::new(AtomicBool::new(false));
    let member = {
        let (membership, leave) = (Arc::clone(&membership), Arc::clone(&leave));
        thread::Builder::new()
            .name("group".to_owned())
            .spawn(move || membership.run(|| leave.load(Ordering::Acquire)))?
    };
    let shard_0_has_begun = Arc::new(AtomicBool::new(false));
    let mut shards = Shards::new(settings, &membership, &shard_0_has_begun);
    let mut changes = membership.changes();
    // These two run beside the checks of the shards, so that brokers that do not answer cannot delay the checks.
    let closing = close_days(DayCloser::new(connection, layout)?, &membership, &shard_0_has_begun, settings);
    let mut closing = std::pin::pin!(closing);
    let mut watching = std::pin::pin!(watch_for_unowned(&membership, settings));
    let mut failed = None;
    while !stop.load(Ordering::Acquire) && failed.is_none() && !member.is_finished() {
        failed = shards.update().err();
        tokio::select! {
            () = &mut closing => {}
            () = &mut watching => {}
            _ = changes.changed() => {}
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
    }
    shards.finish(patience).await;
    leave.store(true, Ordering::Release);
    let left = tokio::task::spawn_blocking(move || member.join()).await;
    failed.map_or(Ok(()), Err)?;
    match left {
        Ok(Ok(ended)) => Ok(ended?),
        Ok(Err(_)) | Err(_) => Err(io::Error::other("the thread of the group panicked").into()),
    }
}

/// While this process owns shard 0, closes the days that are due. It waits until that shard has begun: if the topic has
/// lost its messages, the closes would make it look as if it had grown. Never ends.
async fn close_days(
    mut closer: DayCloser,
    membership: &Membership,
    shard_0_has_begun: &AtomicBool,
    settings: &GroupSettings,
) {
    loop {
        if membership.owned().contains_key(&0) && shard_0_has_begun.load(Ordering::Acquire) {
            closer.close((settings.due)((settings.now_s)())).await;
        }
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

/// Looks for unowned partitions, and leaves and joins the group if it is the turn of this member. Never ends.
async fn watch_for_unowned(membership: &Arc<Membership>, settings: &GroupSettings) {
    let GroupSettings { layout, instance, session, .. } = settings;
    let mut watch = UnownedWatch::default();
    loop {
        tokio::time::sleep(*session / LOOKS_PER_SESSION).await;
        let asked = Arc::clone(membership);
        let answer = tokio::task::spawn_blocking(move || asked.group_assignments()).await;
        let assignments = match answer {
            Ok(Ok(assignments)) => assignments,
            Ok(Err(error)) => {
                tracing::debug!(%error, "asking for the members of the group failed");
                None
            }
            Err(_) => None,
        };
        let unowned = assignments.as_ref().map_or(Vec::new(), |assignments| assignments.unowned(layout.partitions));
        if assignments.is_some() {
            metrics::unowned(unowned.len());
        }
        if !watch.look(assignments, &unowned, instance) {
            continue;
        }
        tracing::warn!(
            ?unowned,
            "{} partitions are assigned to no member: leaving the group and joining it",
            unowned.len()
        );
        metrics::rejoined();
        // Outside the group this process counts nothing, and nothing else would make it join.
        while let Err(error) = membership.rejoin() {
            tracing::error!(%error, "joining the group again failed; trying again");
            tokio::time::sleep(*session / LOOKS_PER_SESSION).await;
        }
    }
}
