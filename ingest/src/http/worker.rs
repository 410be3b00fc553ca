//! What one worker thread needs to answer requests: the endpoints' state, the path of hits, and the encoder of answers.
//!
//! Every handler that takes hits calls [`Worker::collect`], except `/api/hits`, where each hit has a visitor of its
//! own.

use std::cell::{RefCell, RefMut};

use schema::clock::now_s;
use schema::fate::Refusal;

use super::Edge;
use super::plain::AnswerEncoder;
use crate::accept::{ParseError, Sent};
use crate::client::Proxies;
use crate::collect::{Head, Outcome, Pipeline};

pub(super) struct Worker {
    pub(super) edge: Edge,
    pub(super) encoder: AnswerEncoder,
    pipeline: RefCell<Pipeline>,
}

/// The fates of the hits of one request.
#[derive(Default)]
pub(super) struct Collected {
    pub(super) outcome: Outcome,
    /// What was not a hit: its index among what the request sent, and the reason.
    pub(super) bad: Vec<(usize, ParseError)>,
    /// How many the request sent, those included that are not to be counted.
    pub(super) count: usize,
}

impl Collected {
    /// Whether all hits of the request are stored. To be asked after [`Self::wait_until_stored`].
    pub(super) fn is_stored(&self) -> bool {
        self.outcome.failed.is_none() && self.outcome.refused.is_none()
    }

    /// Waits until the appended hits are on disk, or have failed.
    pub(super) async fn wait_until_stored(&mut self) {
        if let Some(ticket) = self.outcome.ticket.take()
            && let Err(fault) = ticket.await
        {
            self.outcome.failed = Some(fault);
        }
    }
}

/// Takes the hits that a parser finds in one request, one after the other.
pub(super) struct HitSink<'w> {
    pipeline: RefMut<'w, Pipeline>,
    head: Head<'w>,
    now_s: i64,
    collected: Collected,
}

impl HitSink<'_> {
    /// A hit, or the reason why this is not one.
    pub(super) fn push(&mut self, sent: Result<Sent<'_>, ParseError>) {
        let Collected { outcome, bad, count } = &mut self.collected;
        bad.extend(sent.as_ref().err().map(|reason| (*count, *reason)));
        *count += 1;
        let Outcome { ticket, refused, failed } = self.pipeline.collect(sent, &self.head, self.now_s);
        outcome.ticket = ticket.or(outcome.ticket.take());
        outcome.refused = outcome.refused.or(refused);
        outcome.failed = failed.or(outcome.failed);
    }

    /// As [`Self::push`]; `None` is a valid request that asks for nothing to be counted.
    pub(super) fn push_if_any(&mut self, sent: Result<Option<Sent<'_>>, ParseError>) {
        match sent.transpose() {
            Some(sent) => self.push(sent),
            None => self.collected.count += 1,
        }
    }
}

impl Worker {
    pub(super) fn new(edge: Edge) -> Worker {
        let pipeline = RefCell::new(Pipeline::new(edge.collector.clone()));
        Worker { pipeline, encoder: AnswerEncoder::new(), edge }
    }

    /// Collects the hits of one complete request, up to the writer's queue: reads the head, and lets `parse` push the
    /// hits. Nothing awaits in here, so a client that hangs up cannot stop a hit half way.
    pub(super) fn collect<'w>(
        &'w self,
        now_s: i64,
        read_head: impl FnOnce(&Proxies) -> Head<'w>,
        parse: impl FnOnce(&mut HitSink<'w>),
    ) -> Collected {
        let mut pipeline = self.pipeline.borrow_mut();
        pipeline.begin();
        let head = read_head(&self.edge.collector.proxies);
        let mut sink = HitSink { pipeline, head, now_s, collected: Collected::default() };
        parse(&mut sink);
        sink.collected
    }

    /// For `/api/hits`, whose hits do not have the request's head.
    pub(super) fn pipeline(&self) -> RefMut<'_, Pipeline> {
        self.pipeline.borrow_mut()
    }

    /// Counts a request that is refused as a whole.
    pub(super) fn refuse(&self, refusal: Refusal) {
        self.pipeline.borrow().refuse(refusal, now_s());
    }
}
