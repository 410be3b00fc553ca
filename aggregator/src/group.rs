//! One process's part of the work: a thread per partition that is ours, for as long as it is ours.
//!
//! ```text
//! membership (its own thread)   what is ours?          shard-N (a thread each)   run(Partition -> Warehouse)
//! close (owner of shard 0)      what is over?
//! unowned                       what is nobody's?
//! ```
//!
//! A shard whose partition went to another is stopped between two awaits, as if the process had died: the new owner
//! begins with what is committed, and what is still under way bears the token of the new owner's own insert.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kafka::{Connection, Layout};
use schema::day::Day;
use tokio::sync::Notify;
use warehouse::Warehouse;

use crate::close::Closer;
use crate::fold::Limits;
use crate::membership::{MemberError, Membership};
use crate::metrics;
use crate::partition::Partition;
use crate::read::StreamError;
use crate::run::{Inputs, run};
use crate::sweep::Imports;
use crate::unowned::Watch;

/// How often the shards are looked at when nothing is said.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is asked what the group left to nobody.
const LOOKS_PER_SESSION: u32 = 2;

/// Thrown out again within so many sessions, we are not the only one of our name.
const TWICE_SESSIONS: u32 = 4;

/// What an aggregator needs.
pub struct Settings {
    /// Where the brokers are.
    pub connection: Connection,
    /// The topics.
    pub layout: Layout,
    /// The consumer group: the same for all aggregators of one Footfall.
    pub group: String,
    /// This one's name in it, which no other has, and which it keeps.
    pub instance: String,
    /// After so long a silence its partitions go to others.
    pub session: Duration,
    /// Go on without what Kafka no longer has.
    pub accept_loss: bool,
    /// Bounds of each shard's state.
    pub limits: Limits,
    /// A ClickHouse client of its own for each shard.
    pub warehouse: Box<dyn Fn() -> Warehouse + Send + Sync>,
    /// The last date that has been over for long enough.
    pub due: Box<dyn Fn(i64) -> Option<Day> + Send + Sync>,
    /// What the clock says, UTC seconds.
    pub now_s: fn() -> i64,
}

/// The process cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// A shard cannot.
    #[error("shard {shard}: {error}")]
    Shard {
        /// Which.
        shard: u32,
        /// Why.
        error: StreamError,
    },
    /// The group does not want us.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// A client could not be made.
    #[error("Kafka: {0}")]
    Kafka(#[from] kafka::Error),
    /// No thread, or one that panicked.
    #[error("{0}")]
    Thread(#[from] io::Error),
}

struct Running {
    assignment: u64,
    stop: Arc<AtomicBool>,
    abandon: Arc<Notify>,
    thread: JoinHandle<Result<(), StreamError>>,
}

/// Works until `stop`, then finishes what is begun, for at most `patience`.
///
/// Who is thrown out because somebody joined with its instance id joins once more. A broker that was away may mean
/// ourselves: a heartbeat from before our own new join is a stranger's to it. Another aggregator of our name is thrown
/// out by our joining, joins once more itself, and stays: whoever was there first is thrown out twice, and gives way.
pub async fn work(settings: Settings, stop: Arc<AtomicBool>, patience: Duration) -> Result<(), GroupError> {
    let mut before: Option<Instant> = None;
    loop {
        let ended = belong(&settings, &stop, patience).await;
        let twice = before.replace(Instant::now()).is_some_and(|at| at.elapsed() < settings.session * TWICE_SESSIONS);
        match ended {
            Err(GroupError::Member(MemberError::SameInstance)) if !twice && !stop.load(Ordering::Acquire) => {
                tracing::warn!(
                    instance = settings.instance,
                    "the group threw us out: somebody joined with our instance id. That may be ourselves, before the \
                     brokers were away: joining once more"
                );
            }
            ended => return ended,
        }
    }
}

/// One membership, from joining to the end.
async fn belong(settings: &Settings, stop: &AtomicBool, patience: Duration) -> Result<(), GroupError> {
    let Settings { connection, layout, group, instance, session, .. } = settings;
    let membership = Membership::join(connection, layout, group, instance, *session)?;
    let leave = Arc::new(AtomicBool::new(false));
    let member = {
        let (membership, leave) = (Arc::clone(&membership), Arc::clone(&leave));
        thread::Builder::new()
            .name("group".to_owned())
            .spawn(move || membership.live(|| leave.load(Ordering::Acquire)))?
    };
    // Beside the shards: brokers that do not answer must not keep them from being looked at.
    let begun = Arc::new(AtomicBool::new(false));
    let closing = close_days(Closer::new(connection, layout)?, &membership, &begun, settings);
    let mut closing = std::pin::pin!(closing);
    let mut watching = std::pin::pin!(watch_group(&membership, settings));
    let mut shards = Shards { settings, membership: &membership, begun: &begun, running: BTreeMap::new() };
    let mut changes = membership.changes();
    let mut failed = None;
    while !stop.load(Ordering::Acquire) && failed.is_none() && !member.is_finished() {
        failed = shards.look().err();
        tokio::select! {
            () = &mut closing => {}
            () = &mut watching => {}
            _ = changes.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    shards.finish(patience).await;
    leave.store(true, Ordering::Release);
    let left = tokio::task::spawn_blocking(move || member.join()).await;
    failed.map_or(Ok(()), Err)?;
    match left {
        Ok(Ok(ended)) => Ok(ended?),
        Ok(Err(_)) | Err(_) => Err(io::Error::other("the thread of the group had panicked").into()),
    }
}

/// The owner of shard 0 says which days are over, once that shard has begun: what it writes would make a topic that lost
/// all it held look as if it had grown. Never ends.
async fn close_days(mut closer: Closer, membership: &Membership, begun: &AtomicBool, settings: &Settings) {
    loop {
        if membership.owned().contains_key(&0) && begun.load(Ordering::Acquire) {
            closer.close((settings.due)((settings.now_s)())).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Joins the group again where it leaves partitions to nobody and it is ours to do something. Never ends.
async fn watch_group(membership: &Arc<Membership>, settings: &Settings) {
    let Settings { layout, instance, session, .. } = settings;
    let mut watch = Watch::default();
    loop {
        tokio::time::sleep(*session / LOOKS_PER_SESSION).await;
        let asked = Arc::clone(membership);
        let answer = tokio::task::spawn_blocking(move || asked.dealt()).await;
        let dealt = match answer {
            Ok(Ok(dealt)) => dealt,
            Ok(Err(error)) => {
                tracing::debug!(%error, "asking for the members of the group failed");
                None
            }
            Err(_) => None,
        };
        let nobodys = dealt.as_ref().map_or(Vec::new(), |dealt| dealt.nobodys(layout.partitions));
        if dealt.is_some() {
            metrics::nobodys(nobodys.len());
        }
        if !watch.look(dealt, &nobodys, instance) {
            continue;
        }
        tracing::warn!(?nobodys, "the group left {} partitions to nobody: leaving it and joining again", nobodys.len());
        metrics::joined_again();
        // Out of the group it counts nothing, and there is nothing else that would bring it back.
        while let Err(error) = membership.join_again() {
            tracing::error!(%error, "joining the group again failed: it is tried once more");
            tokio::time::sleep(*session / LOOKS_PER_SESSION).await;
        }
    }
}

struct Shards<'a> {
    settings: &'a Settings,
    membership: &'a Arc<Membership>,
    /// Shard 0 knows where it stands.
    begun: &'a Arc<AtomicBool>,
    running: BTreeMap<u32, Running>,
}

impl Shards<'_> {
    /// Starts what is ours and does not run, stops what runs and is not ours.
    fn look(&mut self) -> Result<(), GroupError> {
        let owned = self.membership.owned();
        for (shard, running) in &self.running {
            if owned.get(shard) != Some(&running.assignment) {
                running.abandon.notify_one();
            }
        }
        let ended: Vec<u32> =
            self.running.iter().filter(|(_, running)| running.thread.is_finished()).map(|(shard, _)| *shard).collect();
        for shard in ended {
            let Some(running) = self.running.remove(&shard) else { continue };
            match running.thread.join() {
                // Still ours, it is taken over anew.
                Ok(Ok(()) | Err(StreamError::Fenced | StreamError::Trimmed)) => {}
                Ok(Err(error)) => return Err(GroupError::Shard { shard, error }),
                Err(_) => return Err(io::Error::other(format!("the thread of shard {shard} had panicked")).into()),
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

    fn start(&self, shard: u32, assignment: u64) -> io::Result<Running> {
        let Settings { connection, layout, accept_loss, limits, warehouse, now_s, .. } = self.settings;
        let (connection, layout, limits) = (connection.clone(), layout.clone(), limits.clone());
        let (membership, accept_loss, now_s) = (Arc::clone(self.membership), *accept_loss, *now_s);
        let (stop, abandon) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (warehouse, told, gone) = (warehouse(), Arc::clone(&stop), Arc::clone(&abandon));
        let begun = if shard == 0 { Arc::clone(self.begun) } else { Arc::default() };
        begun.store(false, Ordering::Release);
        let work = async move {
            let stream = Partition::new(&connection, &layout, membership, shard, assignment, accept_loss, begun)?;
            let (engine_lives, imports, stop) = (None, Imports::Unseen, told);
            let inputs = Inputs { shard, stream, warehouse, engine_lives, imports, limits, stop, now_s };
            tokio::select! {
                ended = run(inputs) => ended,
                () = gone.notified() => Err(StreamError::Fenced),
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = thread::Builder::new().name(format!("shard-{shard}")).spawn(move || runtime.block_on(work))?;
        Ok(Running { assignment, stop, abandon, thread })
    }

    /// Lets every shard that is ours insert what is in the stream, then ends them.
    async fn finish(&mut self, patience: Duration) {
        let owned = self.membership.owned();
        for (shard, running) in &self.running {
            running.stop.store(true, Ordering::Release);
            if owned.get(shard) != Some(&running.assignment) {
                running.abandon.notify_one();
            }
        }
        let began = Instant::now();
        while self.running.values().any(|running| !running.thread.is_finished()) {
            if began.elapsed() > patience {
                tracing::warn!("not all that was read is inserted; the next owner of the partitions does that");
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
