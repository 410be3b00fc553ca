//! The time of a run. Durations follow the paused clock of tokio. The calendar jumps ahead of it from time to time,
//! because three days with ten polls a second would take too long.

use std::cell::Cell;

use tokio::time::Instant;

pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 24 * HOUR;
/// The first day of every run.
pub(super) const FIRST_DAY: i32 = 20_000;

thread_local! {
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
    static JUMPED_S: Cell<i64> = const { Cell::new(0) };
}

/// Begins a run.
pub(super) fn begin() {
    BEGAN.set(Some(Instant::now()));
    JUMPED_S.set(0);
}

/// The calendar: UTC seconds.
pub(super) fn now_s() -> i64 {
    let began = BEGAN.get().expect("a run has begun");
    i64::from(FIRST_DAY) * DAY + began.elapsed().as_secs() as i64 + JUMPED_S.get()
}

/// Moves the calendar ahead.
pub(super) fn jump(seconds: i64) {
    JUMPED_S.set(JUMPED_S.get() + seconds);
}

/// The last day whose close is due.
pub(super) fn closed_by_clock() -> i32 {
    const CLOSE_AFTER: i64 = 6 * HOUR;
    ((now_s() - CLOSE_AFTER) / DAY - 1) as i32
}
