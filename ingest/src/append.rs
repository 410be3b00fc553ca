//! Stores events: from a worker's buffer to the disk, and the outcome back to the request.
//!
//! ```text
//! desk     one per worker thread: events go into a local buffer, and once per turn of the worker into its slot
//! slot     between one worker and the writer: the worker's buffer, and the writer's outcomes
//! refusals counts of refused hits, until the writer writes them (once a second)
//! writer   the thread that numbers, writes and syncs records: one commit for everything in the slots
//! pace     whether the writer lingers before its next commit
//! ```
//!
//! In comes an `Event`; out goes a [`Ticket`] that resolves when the event is on disk. Nothing awaits between a
//! complete body and [`Desk::append`], so a client that disconnects loses its answer, never its hit. There is no lock
//! per hit. The writer counts every event that a desk accepted, as stored or failed. Records are numbered from 1
//! under an epoch that is drawn at random by each start, without gaps in any partition: a number is only used up by a
//! commit that is on disk. Of an event this module reads only the tag, which decides the partition.

mod desk;
mod pace;
mod slot;
mod refusals;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use schema::day::Day;
use schema::fate::Fault;
use tokio::sync::oneshot;

use crate::fate::Refused;
use crate::metrics::Meters;

pub use desk::{Desk, Ticket};
use refusals::Refusals;
use slot::Slot;

/// A date to close, and the channel for the outcome.
type CloseRequest = (Day, oneshot::Sender<Result<(), Fault>>);

/// The state that the workers and the writer share.
struct WriterShared {
    /// The number of partitions of the stream.
    partitions: u32,
    /// The partition for records without a tag. It is the same for all of an epoch.
    tagless: u32,
    slots: Mutex<Vec<Arc<Slot>>>,
    refusals: Refusals,
    closes: Mutex<Vec<CloseRequest>>,
    /// Whether the writer sleeps. A thread that adds work then wakes it.
    asleep: AtomicBool,
    stopping: AtomicBool,
    /// Whether the disk accepted the last commit.
    sound: AtomicBool,
    meters: Arc<Meters>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// While a test holds this lock, the writer takes nothing.
    #[cfg(test)]
    gate: Mutex<()>,
}

/// Stores events on disk. Clones share one writer.
#[derive(Clone)]
pub struct Appender {
    shared: Arc<WriterShared>,
}

/// There is no thread or no random number.
#[derive(Debug, thiserror::Error)]
#[error("the spool's writer cannot start: {0}")]
pub struct StartError(String);

impl Appender {
    /// Starts the writer thread on a spool whose records go into so many partitions of the stream.
    pub fn start(
        spool: spool::Writer,
        handle: spool::Handle,
        partitions: u32,
        meters: Arc<Meters>,
    ) -> Result<Appender, StartError> {
        let epoch = getrandom::u64().map_err(|error| StartError(error.to_string()))?;
        let shared = Arc::new(WriterShared {
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
        let writer = writer::SpoolWriter::new(shared.clone(), spool, handle, epoch);
        let thread = thread::Builder::new().name("spool-writer".to_owned()).spawn(move || writer.run());
        *shared.writer.lock() = Some(thread.map_err(|error| StartError(error.to_string()))?);
        Ok(Appender { shared })
    }

    /// A new desk, for the calling worker thread.
    pub fn desk(&self) -> Desk {
        let slot = Arc::new(Slot::default());
        self.shared.slots.lock().push(slot.clone());
        Desk::new(self.shared.clone(), slot)
    }

    /// Counts a refusal. It is written to the spool within about a second.
    pub fn refuse(&self, refused: Refused) {
        self.shared.refusals.add(refused, 1);
    }

    /// Appends the close of a date and ends the segment. Resolves when that is on disk.
    ///
    /// Everything that was accepted before comes before the close in the spool.
    pub async fn close(&self, day: Day) -> Result<(), Fault> {
        let (sender, receiver) = oneshot::channel();
        self.shared.closes.lock().push((day, sender));
        self.shared.wake();
        receiver.await.unwrap_or(Err(Fault::SpoolBroken))
    }

    /// Whether the disk accepts commits.
    pub fn is_sound(&self) -> bool {
        self.shared.sound.load(Ordering::Relaxed)
    }

    /// Writes everything in the slots and the refusals, ends the segment and stops the writer. Blocks until then; later
    /// calls do nothing.
    ///
    /// Must be called when no request is in progress any more, because later hits fail.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        let writer = self.shared.writer.lock().take();
        if let Some(writer) = writer {
            writer.thread().unpark();
            if writer.join().is_err() {
                tracing::error!("the spool's writer had panicked");
            }
        }
    }
}

/// Prevents the writer from taking anything until it is dropped.
#[cfg(test)]
pub(crate) struct WriterHold<'a> {
    shared: &'a WriterShared,
    _gate: parking_lot::MutexGuard<'a, ()>,
}

#[cfg(test)]
impl WriterHold<'_> {
    /// The number of hits in the slots.
    pub(crate) fn handed_over(&self) -> u64 {
        self.shared.slots.lock().iter().map(|slot| slot.content().hits).sum()
    }
}

#[cfg(test)]
impl Appender {
    pub(crate) fn hold_writer(&self) -> WriterHold<'_> {
        WriterHold { shared: &self.shared, _gate: self.shared.gate.lock() }
    }
}

impl WriterShared {
    /// Wakes the writer if it sleeps.
    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(writer) = &*self.writer.lock()
        {
            writer.thread().unpark();
        }
    }
}

#[cfg(test)]
mod tests;
