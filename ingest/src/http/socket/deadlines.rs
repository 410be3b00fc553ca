//! What a connection does, since when, and when it is overdue.
//!
//! | activity | deadline | when it has passed | metric |
//! |---|---|---|---|
//! | [`Activity::FirstHead`] | `request` | answered 408; reading is shut down | `head` |
//! | [`Activity::Body`] | `request` | reading is shut down; the handler answers 408, refused as slow | `body` |
//! | [`Activity::Answer`] | `idle` | reading is shut down; the answer is still written if it is ready soon | `answer` |
//! | [`Activity::Idle`] | `idle` | reading is shut down | `idle` |
//! | [`Activity::Idle`], and the client does not read its answers | a quarter of `idle` | reset | `unread` |
//! | any | `age`, since the connection was opened | the next answer has `connection: close` | `age` |
//! | any, after the connection was ended for one of these reasons | `request` | reset | |
//!
//! When reading is shut down, the reader reads an end of input, answers what it has to answer, and closes. A client
//! that does not read its answers is reset because actix spins while such a client goes on sending.
//!
//! Times are those of the sweeper's clock, which advances once per sweep. An activity is therefore noted up to one
//! sweep earlier than it began, and every deadline but `age` is extended by one sweep.

use std::cell::Cell;
use std::time::Duration;

use super::meters::EndReason;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activity {
    /// The client sends its first head, or nothing yet.
    FirstHead,
    /// The client sends the body of a hit.
    Body,
    /// The client waits for an answer.
    Answer,
    /// The client is silent between two requests, or sends the head of a later request.
    Idle,
}

/// The figures of one sweep: the same for all connections of a thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct SweepTimes {
    /// The sweeper's clock.
    pub(super) now: Duration,
    /// The time between two sweeps.
    pub(super) period: Duration,
    /// [`SocketLimits::request`](super::SocketLimits::request).
    pub(super) request: Duration,
    /// [`SocketLimits::idle`](super::SocketLimits::idle), or less if the worker is crowded.
    pub(super) idle: Duration,
}

/// What a sweep finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// No deadline has passed; the activity began so long ago.
    InTime(Duration),
    /// A deadline has passed.
    End(EndReason),
    /// The connection was ended, and still has time to close by itself.
    WaitForClose,
    /// The connection was ended, and did not close by itself in time.
    Reset,
}

/// The deadlines of one connection.
pub(super) struct Deadlines {
    opened: Duration,
    activity: Cell<Activity>,
    /// When the activity began or, once the connection is ended, when it was ended.
    since: Cell<Duration>,
    is_ended: Cell<bool>,
}

impl Deadlines {
    pub(super) fn new(now: Duration) -> Deadlines {
        let (activity, since) = (Cell::new(Activity::FirstHead), Cell::new(now));
        Deadlines { opened: now, activity, since, is_ended: Cell::new(false) }
    }

    pub(super) fn begin(&self, activity: Activity, now: Duration) {
        self.activity.set(activity);
        if !self.is_ended() {
            self.since.set(now);
        }
    }

    /// The connection is ended for a passed deadline; from now on it has the time of a request to close by itself.
    pub(super) fn end(&self, now: Duration) {
        self.is_ended.set(true);
        self.since.set(now);
    }

    /// The connection is ended with the answer that is being made; `false` if it was ended before.
    pub(super) fn end_with_answer(&self) -> bool {
        !self.is_ended.replace(true)
    }

    pub(super) fn is_ended(&self) -> bool {
        self.is_ended.get()
    }

    pub(super) fn is_older_than(&self, age: Duration, now: Duration) -> bool {
        now - self.opened >= age
    }

    /// Whether the connection is between two requests.
    pub(super) fn is_idle(&self) -> bool {
        self.activity.get() == Activity::Idle
    }

    /// Whether no request is under way.
    pub(super) fn is_without_request(&self) -> bool {
        matches!(self.activity.get(), Activity::FirstHead | Activity::Idle)
    }

    /// What is due at this sweep. `can_write` asks the system, so it is called only if the answer matters.
    pub(super) fn due(&self, sweep: &SweepTimes, can_write: impl FnOnce() -> bool) -> Due {
        let SweepTimes { now, period, request, idle } = *sweep;
        let elapsed = now - self.since.get();
        if self.is_ended() {
            return if elapsed >= request { Due::Reset } else { Due::WaitForClose };
        }
        let is_over = |limit: Duration| elapsed >= limit + period;
        // The clock advances by two periods a sweep at most: the question is asked at least once, and seldom twice.
        let asks_whether_answers_are_read = is_over(idle / 4) && !is_over(idle / 4 + 2 * period);
        let reason = match self.activity.get() {
            Activity::FirstHead => is_over(request).then_some(EndReason::Head),
            Activity::Body => is_over(request).then_some(EndReason::Body),
            Activity::Answer => is_over(idle).then_some(EndReason::Answer),
            Activity::Idle if is_over(idle) => Some(EndReason::Idle),
            Activity::Idle if asks_whether_answers_are_read && !can_write() => Some(EndReason::Unread),
            Activity::Idle => None,
        };
        reason.map_or(Due::InTime(elapsed), Due::End)
    }
}
