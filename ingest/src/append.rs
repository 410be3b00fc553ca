//! Keeps events: from a worker's buffer to the disk, and back to whoever waits for the answer.
//!
//! ```text
//! desk     one per worker thread: events into a local buffer, one hand-over per turn of the worker; no lock per hit
//! slot     where a worker's buffer waits for the writer, and the writer's outcomes for the worker
//! refusals what was refused, counted until the writer writes it down (once a second)
//! writer   the thread that numbers, writes and syncs: one commit for all that waits
//! ```
//!
//! Nothing awaits between a complete body and [`Desk::append`], so a client that hangs up loses its answer, never its
//! hit. Everything handed to a desk is counted in the writer, as stored or failed. Records are numbered from 1 under an
//! epoch drawn at random by each start, without gaps in any partition: a number is only used up by a commit that is on
//! disk.

mod desk;
mod pace;
mod slot;
mod refusals;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use schema::day::Day;
use schema::fate::Fault;
use tokio::sync::oneshot;

use crate::fate::Refused;
use crate::metrics::Meters;

pub use desk::{Desk, Ticket};
use refusals::Refusals;
use slot::Slot;

/// A date to close, and whoever waits for it.
type Close = (Day, oneshot::Sender<Result<(), Fault>>);

/// What the workers and the writer share.
struct Shared {
    /// How many parts the stream has.
    partitions: u32,
    /// The part for what has no tag: one for all of an epoch.
    tagless: u32,
    slots: Mutex<Vec<Arc<Slot>>>,
    refusals: Refusals,
    closes: Mutex<Vec<Close>>,
    /// The writer sleeps, and whoever brings work wakes it.
    asleep: AtomicBool,
    stopping: AtomicBool,
    /// The last commit was not refused by the disk.
    sound: AtomicBool,
    meters: Arc<Meters>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Tests hold it to hold the writer.
    #[cfg(test)]
    gate: Mutex<()>,
}

/// Keeps events on disk. Clones share one writer.
#[derive(Clone)]
pub struct Appender {
    shared: Arc<Shared>,
}

/// No thread, or no random number, could be had.
#[derive(Debug, thiserror::Error)]
#[error("the spool's writer cannot start: {0}")]
pub struct StartError(String);

impl Appender {
    /// Starts the writer thread on a spool whose records go into so many parts of the stream.
    pub fn start(
        spool: spool::Writer,
        handle: spool::Handle,
        partitions: u32,
        meters: Arc<Meters>,
    ) -> Result<Appender, StartError> {
        let epoch = getrandom::u64().map_err(|error| StartError(error.to_string()))?;
        let shared = Arc::new(Shared {
            partitions: partitions.max(1),
            tagless: epoch as u32 % partitions.max(1),
            slots: Mutex::default(),
            refusals: Refusals::default(),
            closes: Mutex::default(),
            asleep: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            sound: AtomicBool::new(true),
            meters,
            writer: Mutex::default(),
            #[cfg(test)]
            gate: Mutex::default(),
        });
        let writer = writer::Writer::new(shared.clone(), spool, handle, epoch);
        let thread = thread::Builder::new().name("spool-writer".to_owned()).spawn(move || writer.run());
        *lock(&shared.writer) = Some(thread.map_err(|error| StartError(error.to_string()))?);
        Ok(Appender { shared })
    }

    /// A desk for the worker thread that asks.
    pub fn desk(&self) -> Desk {
        let slot = Arc::new(Slot::default());
        lock(&self.shared.slots).push(slot.clone());
        Desk::new(self.shared.clone(), slot)
    }

    /// Counts a refusal; it is written down within a second or so.
    pub fn refuse(&self, refused: Refused) {
        self.shared.refusals.add(refused, 1);
    }

    /// Appends the close of a date and ends the segment: resolves once that is on disk.
    ///
    /// What was accepted before stands before it.
    pub async fn close(&self, day: Day) -> Result<(), Fault> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.shared.closes).push((day, sender));
        self.shared.wake();
        receiver.await.unwrap_or(Err(Fault::SpoolBroken))
    }

    /// Whether the disk takes what it is given.
    pub fn is_sound(&self) -> bool {
        self.shared.sound.load(Ordering::Relaxed)
    }

    /// Writes what still waits, the refusals too, ends the segment and the writer. Blocks; later calls do nothing.
    ///
    /// To be called when no request is under way any more: what comes later fails.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let writer = lock(&self.shared.writer).take();
        if let Some(writer) = writer {
            writer.thread().unpark();
            if writer.join().is_err() {
                tracing::error!("the spool's writer had panicked");
            }
        }
    }
}

/// Keeps the writer from taking anything, for as long as it lives.
#[cfg(test)]
pub(crate) struct Held<'a> {
    shared: &'a Shared,
    _gate: std::sync::MutexGuard<'a, ()>,
}

#[cfg(test)]
impl Held<'_> {
    /// Hits that wait for the writer.
    pub(crate) fn handed_over(&self) -> u64 {
        lock(&self.shared.slots).iter().map(|slot| slot.content().hits).sum()
    }
}

#[cfg(test)]
impl Appender {
    pub(crate) fn hold_writer(&self) -> Held<'_> {
        Held { shared: &self.shared, _gate: lock(&self.shared.gate) }
    }
}

impl Shared {
    /// Wakes the writer if it sleeps.
    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(writer) = &*lock(&self.writer)
        {
            writer.thread().unpark();
        }
    }
}

/// A panic elsewhere does not make these lists wrong: each change to them is one statement.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
