//! What a connection does, since when, and when it is overdue.
//!
//! | activity | deadline | when it has passed | metric |
//! |---|---|---|---|
//! | [`Activity::FirstHead`] | `request` | answered 408; reading is shut down | `head` |
//! | [`Activity::Body`] | `request` | reading is shut down; the handler answers 408 (`Refusal::Slow`) | `body` |
//! | [`Activity::Answer`] | `idle` | reading is shut down; the answer is written if ready before the reset | `answer` |
//! | [`Activity::Idle`] | `idle` | reading is shut down | `idle` |
//! | [`Activity::Idle`], and the client does not read its answers | a quarter of `idle` | reset | `unread` |
//! | any | `age`, since the connection was opened | the next answer has `connection: close` | `age` |
//! | any, after the connection was ended for one of these reasons | `request` | reset | |
//!
//! A connection is "ended" when one of its deadlines has passed; the metric counts it then. It is closed later, by its
//! reader: when reading is shut down, the reader reads an end of input, answers what it has to answer, and closes.
//! After `age`, reading is not shut down: the reader closes after the answer. Connections that close because the
//! process stops are not "ended" in this sense.
//!
//! A client that does not read its answers is reset because of what actix would do if it went on sending: while actix's
//! read buffer is full, actix wakes its own task again and again, which keeps the thread busy.
//!
//! Times are those of the sweeper's clock, which advances once per sweep. An activity is therefore noted up to one
//! period earlier than it began. The first five deadlines of the table are extended by one period, so that none passes
//! too early. `age` and the reset after the end are not extended.

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
    /// [`SocketLimits::idle`](super::SocketLimits::idle), or less if the worker has more than
    /// [`SocketLimits::crowded`](super::SocketLimits::crowded) connections.
    pub(super) idle: Duration,
}

/// What a sweep finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// No deadline has passed; the time since the activity began.
    InTime(Duration),
    /// A deadline has passed: the connection is to be ended.
    End(EndReason),
    /// The connection was ended, and its reader still has time to close it.
    WaitForClose,
    /// The connection was ended, and its reader did not close it in time.
    Reset,
}

/// The deadlines of one connection.
pub(super) struct Deadlines {
    opened: Duration,
    activity: Cell<Activity>,
    /// When the activity began. [`end`](Deadlines::end) sets it to the time of the end.
    /// [`end_with_answer`](Deadlines::end_with_answer) leaves it unchanged. In an ended connection, a later activity
    /// does not set it.
    since: Cell<Duration>,
    /// Whether a deadline has passed.
    is_ended: Cell<bool>,
}

impl Deadlines {
    pub(super) fn new(now: Duration) -> Deadlines {
        let (activity, since) = (Cell::new(Activity::FirstHead), Cell::new(now));
        Deadlines { opened: now, activity, since, is_ended: Cell::new(false) }
    }

    /// Begins an activity, and its deadline unless the connection is ended.
    pub(super) fn begin(&self, activity: Activity, now: Duration) {
        self.activity.set(activity);
        if !self.is_ended() {
            self.since.set(now);
        }
    }

    /// Any deadline but `age` has passed. The reader has `request` from now on to close the connection.
    pub(super) fn end(&self, now: Duration) {
        self.is_ended.set(true);
        self.since.set(now);
    }

    /// `age` has passed: the answer that is being made is the last. Returns `false` if the connection was ended before.
    /// The reader has `request` to close the connection, from the time when the present activity began.
    pub(super) fn end_with_answer(&self) -> bool {
        !self.is_ended.replace(true)
    }

    /// Whether a deadline has passed.
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

    /// What is due at this sweep. `can_write` asks the system, so it is called only if its result matters.
    pub(super) fn due(&self, sweep: &SweepTimes, can_write: impl FnOnce() -> bool) -> Due {
        let SweepTimes { now, period, request, idle } = *sweep;
        let elapsed = now - self.since.get();
        if self.is_ended() {
            return if elapsed >= request { Due::Reset } else { Due::WaitForClose };
        }
        let is_over = |limit: Duration| elapsed >= limit + period;
        // `can_write` is called only in a window of two periods. The clock advances by about one period per sweep, and
        // by two at most: `can_write` is called at least once, and usually twice.
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
