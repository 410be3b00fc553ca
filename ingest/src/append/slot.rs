//! The slot between one worker and the writer: the worker's records, and the outcomes of the writer.

use std::task::Waker;

use parking_lot::{Mutex, MutexGuard};
use schema::fate::Fault;

/// One worker's slot.
#[derive(Default)]
pub(super) struct Slot {
    content: Mutex<Content>,
}

/// The contents of a slot.
#[derive(Default)]
pub(super) struct Content {
    /// Bodies of records. Before each body are its partition and its length (both u32, little-endian).
    pub(super) bodies: Vec<u8>,
    /// The number of bodies.
    pub(super) hits: u64,
    /// The number of the worker's latest batch in `bodies`. The numbers of batches increase.
    pub(super) batch: u64,
    /// Outcomes, each for all batches up to a number.
    pub(super) outcomes: Vec<(u64, Result<(), Fault>)>,
    /// Wakes the worker.
    pub(super) worker: Option<Waker>,
    /// Whether the writer has ended.
    pub(super) closed: bool,
}

impl Slot {
    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock()
    }
}
