//! A worker's desk: events go into a local buffer; once per turn of the worker the whole buffer goes to its slot.
//!
//! The hand-over is a task of the worker that is queued behind the connections that were ready, so one hand-over carries
//! all of a turn's hits. The writer wakes that one task per commit, and it wakes the hits that wait, without crossing
//! threads.

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

use super::Shared;
use super::slot::Slot;

/// Most bytes a worker lets wait for the disk. Above it hits fail instead: a queue without a bound is none.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// Where a worker leaves events. It belongs to one thread.
#[derive(Clone)]
pub struct Desk {
    inner: Rc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
    local: RefCell<Local>,
}

struct Local {
    /// As [`Content::bodies`](super::slot::Content::bodies).
    bodies: Vec<u8>,
    hits: u64,
    /// The batch that is being filled, and its number.
    batch: Rc<Batch>,
    number: u64,
    /// Batches handed over: number, bytes, batch.
    waiting: VecDeque<(u64, usize, Rc<Batch>)>,
    waiting_bytes: usize,
    /// Wakes the hand-over; `None` until it runs, and while it is woken already.
    hand_over: Option<Waker>,
    started: bool,
    closed: bool,
}

/// All hits of one hand-over: they share one outcome.
#[derive(Default)]
struct Batch {
    outcome: Cell<Option<Result<(), Fault>>>,
    waiting: RefCell<Vec<Waker>>,
}

/// Resolves when the event is on disk, or cannot be. To drop it changes nothing for the event.
pub struct Ticket {
    batch: Rc<Batch>,
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

impl Batch {
    fn resolve(&self, outcome: Result<(), Fault>) {
        self.outcome.set(Some(outcome));
        self.waiting.take().into_iter().for_each(Waker::wake);
    }
}

impl Desk {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Slot>) -> Desk {
        let local = Local {
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
        Desk { inner: Rc::new(Inner { shared, slot, local: RefCell::new(local) }) }
    }

    /// Leaves an event to be kept. It is kept whether or not anyone awaits the ticket.
    ///
    /// Must be called within the worker's runtime.
    pub fn append(&self, event: &Event<'_>) -> Result<Ticket, Fault> {
        let mut local = self.inner.local.borrow_mut();
        if local.closed {
            return Err(Fault::SpoolBroken);
        }
        if local.waiting_bytes + local.bodies.len() > WAITING_BYTES_MAX {
            return Err(Fault::SpoolFull);
        }
        let Local { bodies, hits, batch, hand_over, started, .. } = &mut *local;
        let at = bodies.len();
        let Shared { partitions, tagless, .. } = *self.inner.shared;
        // Events without a tag are spread by collectors, as refusals are.
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
    /// Hands over what there is, and tells those who wait what became of theirs. Never ends but with the writer.
    fn hand_over(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut local = self.local.borrow_mut();
        let mut content = self.slot.content();
        let outcomes = std::mem::take(&mut content.outcomes);
        let closed = content.closed;
        if closed {
            let hits = std::mem::take(&mut local.hits);
            self.shared.meters.appended(Err(Fault::SpoolBroken), hits);
            std::mem::take(&mut local.batch).resolve(Err(Fault::SpoolBroken));
        }
        let brings = local.hits > 0;
        if brings {
            let bytes = local.bodies.len();
            if content.bodies.is_empty() {
                std::mem::swap(&mut content.bodies, &mut local.bodies);
            } else {
                content.bodies.append(&mut local.bodies);
            }
            content.hits += std::mem::take(&mut local.hits);
            content.batch = local.number;
            let batch = std::mem::take(&mut local.batch);
            let number = local.number;
            local.waiting.push_back((number, bytes, batch));
            local.waiting_bytes += bytes;
            local.number += 1;
        }
        if !content.worker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            content.worker = Some(cx.waker().clone());
        }
        drop(content);
        if brings {
            self.shared.wake();
        }
        for (upto, outcome) in outcomes {
            local.resolve(upto, outcome);
        }
        if closed {
            local.closed = true;
            local.resolve(u64::MAX, Err(Fault::SpoolBroken));
            return Poll::Ready(());
        }
        local.hand_over = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Local {
    fn resolve(&mut self, upto: u64, outcome: Result<(), Fault>) {
        while let Some((_, bytes, batch)) = self.waiting.pop_front_if(|(number, ..)| *number <= upto) {
            self.waiting_bytes -= bytes;
            batch.resolve(outcome);
        }
    }
}
