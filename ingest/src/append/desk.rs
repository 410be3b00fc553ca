//! A worker's desk: events go into a local buffer, and once per turn of the worker the whole buffer goes to its slot.
//!
//! The hand-over is a task of the worker. It is queued behind the connections that are ready, so one hand-over
//! carries all hits of a turn. The writer wakes only this task after a commit, and the task wakes the waiting hits on
//! its own thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use schema::event::{Event, VisitorTag};
use schema::fate::Fault;
use schema::wire::encode_event;

use super::WriterShared;
use super::slot::Slot;

/// Most bytes of a worker that may wait for the disk. Above it hits fail, because every queue needs a bound.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// A worker's entry to the spool. It belongs to one thread.
#[derive(Clone)]
pub struct Desk {
    inner: Rc<Inner>,
}

struct Inner {
    shared: Arc<WriterShared>,
    slot: Arc<Slot>,
    buffer: RefCell<WorkerBuffer>,
}

struct WorkerBuffer {
    /// As [`Content::bodies`](super::slot::Content::bodies).
    bodies: Vec<u8>,
    hits: u64,
    /// The batch that is being filled, and its number.
    batch: Rc<WorkerBatch>,
    number: u64,
    /// The batches in the slot or in a commit: number, bytes, batch.
    waiting: VecDeque<(u64, usize, Rc<WorkerBatch>)>,
    waiting_bytes: usize,
    /// Wakes the hand-over task; `None` before its first run, and while it is already woken.
    hand_over: Option<Waker>,
    started: bool,
    closed: bool,
}

/// All hits of one hand-over. They share one outcome.
#[derive(Default)]
struct WorkerBatch {
    outcome: Cell<Option<Result<(), Fault>>>,
    waiting: RefCell<Vec<Waker>>,
}

/// Resolves when the event is on disk or has failed. Dropping a ticket has no effect on the event.
pub struct Ticket {
    batch: Rc<WorkerBatch>,
}

impl Future for Ticket {
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        match self.batch.outcome.get() {
            Some(outcome) => Poll::Ready(outcome),
            None => {
                self.batch.waiting.borrow_mut().push(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl WorkerBatch {
    fn resolve(&self, outcome: Result<(), Fault>) {
        self.outcome.set(Some(outcome));
        self.waiting.take().into_iter().for_each(Waker::wake);
    }
}

impl Desk {
    pub(super) fn new(shared: Arc<WriterShared>, slot: Arc<Slot>) -> Desk {
        let buffer = WorkerBuffer {
            bodies: Vec::new(),
            hits: 0,
            batch: Rc::default(),
            number: 1,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            hand_over: None,
            started: false,
            closed: false,
        };
        Desk { inner: Rc::new(Inner { shared, slot, buffer: RefCell::new(buffer) }) }
    }

    /// Appends an event. It is stored whether or not the ticket is awaited.
    ///
    /// Must be called within the worker's runtime.
    pub fn append(&self, event: &Event<'_>) -> Result<Ticket, Fault> {
        let mut buffer = self.inner.buffer.borrow_mut();
        if buffer.closed {
            return Err(Fault::SpoolBroken);
        }
        if buffer.waiting_bytes + buffer.bodies.len() > WAITING_BYTES_MAX {
            return Err(Fault::SpoolFull);
        }
        let WorkerBuffer { bodies, hits, batch, hand_over, started, .. } = &mut *buffer;
        let at = bodies.len();
        let WriterShared { partitions, tagless, .. } = *self.inner.shared;
        // Events without a tag go to one partition per collector, like refusals.
        let partition = if event.tag == VisitorTag::NONE { tagless } else { event.tag.partition(partitions) };
        bodies.extend_from_slice(&partition.to_le_bytes());
        bodies.extend_from_slice(&[0; 4]);
        encode_event(event, bodies);
        let len = (bodies.len() - at - 8) as u32;
        bodies[at + 4..at + 8].copy_from_slice(&len.to_le_bytes());
        *hits += 1;
        if let Some(hand_over) = hand_over.take() {
            hand_over.wake();
        }
        if !std::mem::replace(started, true) {
            let inner = self.inner.clone();
            actix_web::rt::spawn(std::future::poll_fn(move |cx| inner.hand_over(cx)));
        }
        Ok(Ticket { batch: batch.clone() })
    }
}

impl Inner {
    /// Moves the buffer to the slot, and resolves the batches whose outcome is known. Ends only if the writer has
    /// ended.
    fn hand_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut buffer = self.buffer.borrow_mut();
        let mut content = self.slot.content();
        let outcomes = std::mem::take(&mut content.outcomes);
        let closed = content.closed;
        if closed {
            let hits = std::mem::take(&mut buffer.hits);
            self.shared.meters.appended(Err(Fault::SpoolBroken), hits);
            std::mem::take(&mut buffer.batch).resolve(Err(Fault::SpoolBroken));
        }
        let has_hits = buffer.hits > 0;
        if has_hits {
            let bytes = buffer.bodies.len();
            if content.bodies.is_empty() {
                std::mem::swap(&mut content.bodies, &mut buffer.bodies);
            } else {
                content.bodies.append(&mut buffer.bodies);
            }
            content.hits += std::mem::take(&mut buffer.hits);
            content.batch = buffer.number;
            let batch = std::mem::take(&mut buffer.batch);
            let number = buffer.number;
            buffer.waiting.push_back((number, bytes, batch));
            buffer.waiting_bytes += bytes;
            buffer.number += 1;
        }
        if !content.worker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            content.worker = Some(cx.waker().clone());
        }
        drop(content);
        if has_hits {
            self.shared.wake();
        }
        for (upto, outcome) in outcomes {
            buffer.resolve(upto, outcome);
        }
        if closed {
            buffer.closed = true;
            buffer.resolve(u64::MAX, Err(Fault::SpoolBroken));
            return Poll::Ready(());
        }
        buffer.hand_over = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl WorkerBuffer {
    /// Resolves all batches up to a number.
    fn resolve(&mut self, upto: u64, outcome: Result<(), Fault>) {
        while let Some((_, bytes, batch)) = self.waiting.pop_front_if(|(number, ..)| *number <= upto) {
            self.waiting_bytes -= bytes;
            batch.resolve(outcome);
        }
    }
}
