//! One connection: what it does, since when, and whether that is too long.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::Shutdown;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use super::told::Told;
use super::{Ended, Worker};

/// After so long a silence a connection rests.
const RESTS_AFTER: Duration = Duration::from_secs(1);

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Doing {
    /// Sends its first head.
    First,
    /// Sends a hit's body.
    Body,
    /// Waits for an answer.
    Answer,
    /// Nothing, or sends the next head.
    Wait,
}

/// Whether actix has anything to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    No,
    /// Actix is to give it up the next time that it reads, if there is nothing to read.
    Soon,
    Yes,
}

pub(in crate::http) struct Connection {
    stream: RefCell<TcpStream>,
    worker: Rc<Worker>,
    /// Where it stands among its worker's.
    pub(super) place: Cell<usize>,
    doing: Cell<Doing>,
    since: Cell<Duration>,
    begun: Duration,
    ended: Cell<bool>,
    told: Told,
    rest: Cell<Rest>,
    /// Has actix read once more.
    reads: RefCell<Option<Waker>>,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, worker: Rc<Worker>, place: usize) -> Connection {
        let now = worker.now.get();
        Connection {
            stream: RefCell::new(stream),
            worker,
            place: Cell::new(place),
            doing: Cell::new(Doing::First),
            since: Cell::new(now),
            begun: now,
            ended: Cell::new(false),
            told: Told::default(),
            rest: Cell::new(Rest::No),
            reads: RefCell::default(),
        }
    }

    pub(super) fn stream(&self) -> &RefCell<TcpStream> {
        &self.stream
    }

    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    pub(super) fn worker(&self) -> &Worker {
        &self.worker
    }

    pub(in crate::http) fn does(&self, doing: Doing) {
        self.doing.set(doing);
        if doing == Doing::Wait {
            self.told.answered();
        }
        if !self.ended.get() {
            self.since.set(self.worker.now.get());
        }
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether its present answer is to be its last; age is counted once.
    pub(in crate::http) fn is_last(&self) -> bool {
        let is_old = self.worker.now.get() - self.begun >= self.worker.shared.times.age;
        if is_old && !self.ended.replace(true) {
            self.worker.shared.meters.ended(Ended::Age);
        }
        is_old || self.worker.stopping.get()
    }

    /// Ends it if it waits.
    pub(super) fn stop(&self) {
        if matches!(self.doing.get(), Doing::First | Doing::Wait) {
            self.stop_reading();
        }
    }

    pub(super) async fn speaks(&self) {
        let _whoever_reads_hears_of_it = poll_fn(|cx| self.stream.borrow().poll_read_ready(cx)).await;
        self.wakes();
    }

    /// There is nothing to read. Whether it rests from now on.
    pub(super) fn falls_silent(&self, cx: &Context<'_>) -> bool {
        if self.rest.get() == Rest::Soon {
            self.rest.set(Rest::Yes);
            self.worker.shared.meters.rests(1.0);
            return true;
        }
        let mut reads = self.reads.borrow_mut();
        if !reads.as_ref().is_some_and(|reads| reads.will_wake(cx.waker())) {
            *reads = Some(cx.waker().clone());
        }
        false
    }

    pub(super) fn rests(&self) -> bool {
        self.rest.get() == Rest::Yes
    }

    /// It rests no longer.
    pub(super) fn wakes(&self) {
        if self.rest.replace(Rest::No) == Rest::Yes {
            self.worker.shared.meters.rests(-1.0);
        }
    }

    /// Lets it rest if it has been silent for some time, and actix holds nothing that it has said.
    fn tires(&self, quiet: Duration) {
        let is_silent = self.doing.get() == Doing::Wait && self.told.is_nothing() && quiet >= RESTS_AFTER;
        if is_silent && self.rest.get() == Rest::No {
            self.rest.set(Rest::Soon);
            self.reads.borrow().iter().for_each(Waker::wake_by_ref);
        }
    }

    /// Ends it if it is overdue; `idle` is how long it may be silent.
    pub(super) fn look(&self, idle: Duration) {
        let quiet = self.worker.now.get() - self.since.get();
        if self.ended.get() {
            // It was given the time of a request to close by itself.
            if quiet >= self.worker.shared.times.request {
                self.reset();
            }
            return;
        }
        let Some(reason) = self.due(quiet, idle) else { return self.tires(quiet) };
        self.worker.shared.meters.ended(reason);
        self.ended.set(true);
        self.since.set(self.worker.now.get());
        match reason {
            Ended::Unread => self.reset(),
            Ended::Head => {
                // No answer is under way, so this cannot fall into the middle of one.
                let _whoever_listens = SockRef::from(&*self.stream.borrow()).send(TOO_SLOW);
                self.stop_reading();
            }
            Ended::Body | Ended::Idle | Ended::Answer | Ended::Age => self.stop_reading(),
        }
    }

    /// Why it is to be ended, if it is. What was written down is up to one sweep older than what happened.
    fn due(&self, quiet: Duration, idle: Duration) -> Option<Ended> {
        let request = self.worker.shared.times.request;
        let period = self.worker.period();
        let over = |limit: Duration| quiet >= limit + period;
        match self.doing.get() {
            Doing::First => over(request).then_some(Ended::Head),
            Doing::Body => over(request).then_some(Ended::Body),
            Doing::Answer => over(idle).then_some(Ended::Answer),
            Doing::Wait if over(idle) => Some(Ended::Idle),
            // Time goes on by two periods a sweep at most, so this is asked at least once, and seldom twice.
            Doing::Wait if over(idle / 4) && !over(idle / 4 + 2 * period) && !self.takes_more() => Some(Ended::Unread),
            Doing::Wait => None,
        }
    }

    /// Whether the system would take more of an answer.
    fn takes_more(&self) -> bool {
        let stream = self.stream.borrow();
        let mut asked = [PollFd::new(&*stream, PollFlags::OUT)];
        // When it cannot be asked, it is not held against the client.
        poll(&mut asked, Some(&Timespec::default())).is_err() || asked[0].revents().contains(PollFlags::OUT)
    }

    fn stop_reading(&self) {
        let _it_may_be_gone = SockRef::from(&*self.stream.borrow()).shutdown(Shutdown::Read);
    }

    /// Without waiting for the client to take what was sent.
    fn reset(&self) {
        let stream = self.stream.borrow();
        let socket = SockRef::from(&*stream);
        let _it_may_be_gone = socket.set_linger(Some(Duration::ZERO));
        let _it_may_be_gone = socket.shutdown(Shutdown::Both);
    }
}

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
