//! When the writer waits for more hits before its next commit: a commit costs the same for ten hits as for a hundred.
//!
//! It is worth its while only where many are under way. Measured: 2 ms save an eighth of the CPU at 512 connections that
//! ask again as soon as they are answered, and cost a fifth of the throughput at 64. Few that are fast look like many until
//! one waits: so that is tried, and not again for a while if they are slower then. What counts is the rate, not how many
//! one commit has: after a stall a commit is large as well, and who waited through it is not to wait longer.

use std::time::{Duration, Instant};

/// How long to wait.
const LINGER: Duration = Duration::from_millis(2);
/// So many hits in that time pay for it.
const WORTH_HITS: u32 = 96;
/// Over how long the rate is looked at.
const WINDOW: Duration = Duration::from_millis(100);
/// How long it is not tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The pace of the commits so far.
pub(super) struct Pace {
    window_began: Instant,
    window_hits: u64,
    /// For as long as this window lasts.
    waits: bool,
    not_before: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { window_began: now, window_hits: 0, waits: false, not_before: now }
    }

    /// After a commit of so many hits: how long to wait before the next.
    pub(super) fn after(&mut self, hits: u64, now: Instant) -> Duration {
        self.window_hits += hits;
        let window = now - self.window_began;
        if window >= WINDOW {
            let in_linger = self.window_hits as f64 * LINGER.as_secs_f64() / window.as_secs_f64();
            let is_fast = in_linger >= f64::from(WORTH_HITS);
            if self.waits && !is_fast {
                self.not_before = now + AGAIN;
            }
            self.waits = is_fast && now >= self.not_before;
            (self.window_began, self.window_hits) = (now, 0);
        }
        if self.waits { LINGER } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How often was waited in ten seconds, for senders of whom so many hits are under way, and who are answered so fast.
    fn waits(under_way: u64, per_ms: u64) -> u32 {
        let began = Instant::now();
        let (mut pace, mut now, mut waits, mut wait) = (Pace::new(began), began, 0, Duration::ZERO);
        while now < began + Duration::from_secs(10) {
            let took = wait + MS / 2;
            now += took;
            let sent = (took.as_secs_f64() * 1e3 * per_ms as f64) as u64;
            wait = pace.after(sent.min(under_way), now);
            waits += u32::from(!wait.is_zero());
        }
        waits
    }

    #[test]
    fn it_waits_where_many_are_under_way() {
        assert!(waits(512, 70) > 3_500, "{}", waits(512, 70));
    }

    #[test]
    fn few_that_are_fast_are_tried_now_and_then() {
        assert!((30..=90).contains(&waits(30, 70)), "{}", waits(30, 70));
    }

    #[test]
    fn it_does_not_wait_at_half_that_rate() {
        assert_eq!(waits(512, 35), 0);
    }

    #[test]
    fn it_does_not_wait_after_stalls() {
        let began = Instant::now();
        let mut pace = Pace::new(began);
        for stall in 1..=50 {
            let now = began + 30 * MS * stall;
            assert_eq!(pace.after(900, now), Duration::ZERO, "all that came in 30 ms");
            assert_eq!(pace.after(60, now + MS), Duration::ZERO);
        }
    }
}
