//! One connection: what it does, since when, and whether that is too long.

use std::cell::Cell;
use std::io::Write;
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use super::{Ended, Worker};

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

pub(in crate::http) struct Connection {
    socket: Socket,
    worker: Rc<Worker>,
    /// Where it stands among its worker's.
    pub(super) place: Cell<usize>,
    doing: Cell<Doing>,
    since: Cell<Duration>,
    begun: Duration,
    ended: Cell<bool>,
}

impl Connection {
    pub(super) fn new(socket: Socket, worker: Rc<Worker>, place: usize) -> Connection {
        let now = worker.now.get();
        Connection {
            socket,
            worker,
            place: Cell::new(place),
            doing: Cell::new(Doing::First),
            since: Cell::new(now),
            begun: now,
            ended: Cell::new(false),
        }
    }

    pub(super) fn worker(&self) -> &Worker {
        &self.worker
    }

    pub(in crate::http) fn does(&self, doing: Doing) {
        self.doing.set(doing);
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
        let Some(reason) = self.due(quiet, idle) else { return };
        self.worker.shared.meters.ended(reason);
        self.ended.set(true);
        self.since.set(self.worker.now.get());
        match reason {
            Ended::Unread => self.reset(),
            Ended::Head => {
                // No answer is under way, so this cannot fall into the middle of one.
                let _whoever_listens = (&self.socket).write(TOO_SLOW);
                self.stop_reading();
            }
            Ended::Body | Ended::Idle | Ended::Answer | Ended::Age | Ended::NoDescriptor => self.stop_reading(),
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
        let mut asked = [PollFd::new(&self.socket, PollFlags::OUT)];
        // When it cannot be asked, it is not held against the client.
        poll(&mut asked, Some(&Timespec::default())).is_err() || asked[0].revents().contains(PollFlags::OUT)
    }

    fn stop_reading(&self) {
        let _it_may_be_gone = self.socket.shutdown(Shutdown::Read);
    }

    /// Without waiting for the client to take what was sent.
    fn reset(&self) {
        let _it_may_be_gone = self.socket.set_linger(Some(Duration::ZERO));
        let _it_may_be_gone = self.socket.shutdown(Shutdown::Both);
    }
}

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
