//! Between one worker and the writer: what the worker hands over, and what became of it.

use std::sync::{Mutex, MutexGuard};
use std::task::Waker;

use schema::fate::Fault;

/// One worker's place.
#[derive(Default)]
pub(super) struct Slot {
    content: Mutex<Content>,
}

/// What lies in a slot.
#[derive(Default)]
pub(super) struct Content {
    /// Bodies of records, each with its partition and its length (u32 both, little-endian) before it.
    pub(super) bodies: Vec<u8>,
    /// How many.
    pub(super) hits: u64,
    /// The worker's latest batch in it; batches are numbered upwards.
    pub(super) batch: u64,
    /// What became of all batches up to a number.
    pub(super) outcomes: Vec<(u64, Result<(), Fault>)>,
    /// Wakes the worker.
    pub(super) worker: Option<Waker>,
    /// The writer is gone.
    pub(super) closed: bool,
}

impl Slot {
    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        super::lock(&self.content)
    }
}
