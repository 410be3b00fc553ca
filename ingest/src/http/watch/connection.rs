//! One connection: what it does, since when, and whether that is too long.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::told::Told;
use super::{Ended, Worker};

/// After so long a silence a connection rests.
const RESTS_AFTER: Duration = Duration::from_secs(1);

/// Longest request that is read without actix; what is longer it reads.
const HEARD_BYTES_MAX: usize = 32 << 10;

thread_local! {
    /// What one connection of this thread says, until it is heard: they take turns.
    static HEARD: RefCell<Box<[u8]>> = RefCell::new(vec![0; HEARD_BYTES_MAX].into());
}

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
    /// Actix has been told to give it up, for what came next is not for it.
    GivenBack,
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
    /// Actix closes it after the answer.
    last: Cell<bool>,
    rest: Cell<Rest>,
    /// Has whoever reads it read once more.
    reads: RefCell<Option<Waker>>,
    /// What was read by one of the two that read it, and is left for the other.
    left: RefCell<Vec<u8>>,
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
            last: Cell::new(false),
            rest: Cell::new(Rest::No),
            reads: RefCell::default(),
            left: RefCell::default(),
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

    /// A request is to be answered; actix has read its head.
    pub(in crate::http) fn begins(&self, with_body: bool) {
        self.told.begins(with_body);
        self.does(Doing::Answer);
    }

    /// Actix closes it when this request is answered, as the client or the answer says.
    pub(in crate::http) fn closes(&self) {
        self.last.set(true);
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

    pub(super) async fn hears<T>(&self, mut hear: impl FnMut(&[u8]) -> T) -> Option<T> {
        poll_fn(|cx| {
            let left = self.left.take();
            if !left.is_empty() {
                self.wakes();
                return Poll::Ready(Some(hear(&left)));
            }
            HEARD.with_borrow_mut(|heard| {
                let mut heard = ReadBuf::new(heard);
                let read = Pin::new(&mut *self.stream.borrow_mut()).poll_read(cx, &mut heard);
                if read.is_pending() {
                    self.falls_silent(cx);
                    return Poll::Pending;
                }
                self.wakes();
                let made = (!heard.filled().is_empty()).then(|| hear(heard.filled()));
                // It may be long until the next one speaks, and this one's address is in it.
                heard.filled_mut().fill(0);
                Poll::Ready(made)
            })
        })
        .await
    }

    /// Something was read, and is for the other to read.
    pub(super) fn leaves(&self, bytes: Vec<u8>) {
        self.left.replace(bytes);
    }

    /// What was left by the other.
    pub(super) fn left(&self) -> Vec<u8> {
        self.left.take()
    }

    pub(super) async fn says(&self, mut bytes: &[u8]) -> bool {
        poll_fn(|cx| {
            while !bytes.is_empty() {
                match ready!(Pin::new(&mut *self.stream.borrow_mut()).poll_write(cx, bytes)) {
                    Ok(written @ 1..) => bytes = &bytes[written..],
                    Ok(0) | Err(_) => return Poll::Ready(false),
                }
            }
            Poll::Ready(true)
        })
        .await
    }

    pub(super) async fn ends(&self) {
        let _it_may_be_gone = poll_fn(|cx| Pin::new(&mut *self.stream.borrow_mut()).poll_shutdown(cx)).await;
    }

    /// Actix is to give it up at once: what came next is not for it.
    pub(super) fn gives_back(&self, bytes: &[u8]) {
        self.leaves(bytes.to_vec());
        self.rest.set(Rest::GivenBack);
    }

    /// Whether what comes now is another request, the answers before are made, and none of them was the last.
    pub(super) fn is_between(&self) -> bool {
        self.doing.get() == Doing::Wait && self.told.is_nothing() && !self.last.get()
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
        matches!(self.rest.get(), Rest::Yes | Rest::GivenBack)
    }

    /// It rests no longer.
    pub(super) fn wakes(&self) {
        if self.rest.replace(Rest::No) == Rest::Yes {
            self.worker.shared.meters.rests(-1.0);
        }
    }

    /// Lets it rest if it has been silent for some time, and actix holds nothing that it has said.
    fn tires(&self, quiet: Duration) {
        let is_silent = self.is_between() && quiet >= RESTS_AFTER;
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
