//! When the writer waits for more hits before its next commit: a commit costs the same for ten hits as for a hundred.
//!
//! It is worth its while only where the processors are short: a commit then takes long, and in that time come many hits.
//! So it waits where that many come in the time of one commit. A rate of hits would say that of one machine and one disk
//! only: set for slow cores, it made half of what fast ones can do wait. Measured on fast cores, at 512 connections that
//! ask again as soon as they are answered: 1 ms saves a twenty-fifth of the CPU; 2 ms save no more and leave the
//! processors idle. Few connections that are fast look like many until one waits: so that is tried, and not again for a
//! while if few come then (32 to 128 connections: from 3 % more hits per second to 4 % fewer than without any wait).

use std::time::{Duration, Instant};

/// How long to wait.
const LINGER: Duration = Duration::from_millis(1);
/// So many hits in the time of a commit make it worth its while,
const WORTH_HITS: f64 = 24.0;
/// and so many keep it so: with fewer commits each is faster.
const STILL_WORTH_HITS: f64 = 16.0;
/// Over how long that is looked at.
const WINDOW: Duration = Duration::from_millis(100);
/// How long it is not tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// The pace of the commits so far.
pub(super) struct Pace {
    began: Instant,
    hits: u64,
    commits: u32,
    /// What the commits took. A stall counts as little more than a commit: who waited through it is not to wait longer.
    took: Duration,
    /// For as long as this window lasts.
    waits: bool,
    not_before: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { began: now, hits: 0, commits: 0, took: Duration::ZERO, waits: false, not_before: now }
    }

    /// After a commit of so many hits, which took so long: how long to wait before the next.
    pub(super) fn after(&mut self, hits: u64, took: Duration, now: Instant) -> Duration {
        self.hits += hits;
        self.commits += 1;
        self.took += took.min(LINGER);
        let window = now - self.began;
        if window >= WINDOW {
            let commit = self.took.as_secs_f64() / f64::from(self.commits);
            let meanwhile = self.hits as f64 / window.as_secs_f64() * commit;
            let worth = if self.waits { STILL_WORTH_HITS } else { WORTH_HITS };
            // Where nobody came for a while, or the disk stood still, nothing is known of who comes now.
            let is_known = window < 2 * WINDOW;
            if is_known && self.waits && meanwhile < worth {
                self.not_before = now + AGAIN;
            }
            self.waits = is_known && meanwhile >= worth && now >= self.not_before;
            (self.began, self.hits, self.commits, self.took) = (now, 0, 0, Duration::ZERO);
        }
        if self.waits { LINGER } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How often was waited in ten seconds, for senders of whom so many hits are under way, and so many come in a
    /// millisecond if answered; a commit takes so long.
    fn waits(under_way: u64, per_ms: u64, commit: Duration) -> u32 {
        let began = Instant::now();
        let (mut pace, mut now, mut waits, mut wait) = (Pace::new(began), began, 0, Duration::ZERO);
        while now < began + Duration::from_secs(10) {
            let took = wait + commit;
            now += took;
            let sent = (took.as_secs_f64() * 1e3 * per_ms as f64) as u64;
            wait = pace.after(sent.min(under_way), commit, now);
            waits += u32::from(!wait.is_zero());
        }
        waits
    }

    #[test]
    fn it_waits_where_many_come_in_the_time_of_a_commit() {
        assert!(waits(512, 50, MS / 2) > 6_000, "{}", waits(512, 50, MS / 2));
        assert!(waits(512, 100, MS / 4) > 7_500, "{}", waits(512, 100, MS / 4));
    }

    #[test]
    fn few_that_are_fast_are_tried_now_and_then() {
        assert!((60..=200).contains(&waits(30, 70, MS / 2)), "{}", waits(30, 70, MS / 2));
    }

    #[test]
    fn it_does_not_wait_at_half_of_what_a_machine_can_do() {
        assert_eq!(waits(512, 25, MS / 2), 0);
        assert_eq!(waits(512, 50, MS / 4), 0);
    }

    #[test]
    fn it_goes_on_when_commits_are_faster_for_it() {
        let (mut now, mut waits) = (Instant::now(), 0);
        let (mut pace, mut wait) = (Pace::new(now), Duration::ZERO);
        for _commit in 0..1000 {
            let commit = if wait.is_zero() { MS / 2 } else { MS * 2 / 5 };
            now += wait + commit;
            wait = pace.after(((wait + commit).as_micros() / 20) as u64, commit, now);
            waits += u32::from(!wait.is_zero());
        }
        assert_eq!(waits, 801, "from the end of the first window on");
    }

    #[test]
    fn a_pause_says_nothing_of_who_comes_after_it() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut second = |mut wait: Duration| {
            let (began, mut waits) = (now, 0);
            while now < began + 1000 * MS {
                now += wait + MS / 2;
                wait = pace.after(((wait + MS / 2).as_micros() / 20) as u64, MS / 2, now);
                waits += u32::from(!wait.is_zero());
            }
            now += Duration::from_secs(10);
            waits
        };
        let (first, after) = (second(Duration::ZERO), second(Duration::ZERO));
        assert!(first > 500 && after > 500, "{first}, {after}");
    }

    #[test]
    fn it_does_not_wait_after_stalls() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _stall in 0..50 {
            now += 30 * MS;
            assert_eq!(pace.after(1200, 30 * MS, now), Duration::ZERO, "all that came in 30 ms");
            for _commit in 0..140 {
                now += MS / 2;
                assert_eq!(pace.after(20, MS / 2, now), Duration::ZERO);
            }
        }
    }

    #[test]
    fn a_slow_disk_gathers_enough_by_itself() {
        assert_eq!(waits(2000, 20, 10 * MS), 0);
    }
}
