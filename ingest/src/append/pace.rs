//! Whether the writer lingers before its next commit. A commit costs the same for ten hits as for a hundred.
//!
//! Lingering helps only if the CPU is the bottleneck: a commit then takes long, and many hits arrive meanwhile. So
//! the writer lingers if many hits arrive in the time of one commit. A fixed rate of hits as the criterion would be
//! right for one machine and one disk only: a rate that was set for slow cores made fast cores linger at half of
//! their capacity. Measured on fast cores, with 512 connections that each send again when they are answered: 1 ms
//! saves 4 % of the CPU; 2 ms save no more and leave the processors idle. A few fast connections look like many until
//! the writer lingers. So lingering is tried, and if few hits arrive then, it is not tried again for a while (32 to
//! 128 connections: from 3 % more to 4 % fewer hits per second than without lingering).

use std::time::{Duration, Instant};

/// How long the writer lingers.
const LINGER: Duration = Duration::from_millis(1);
/// The writer begins to linger if so many hits arrive in the time of one commit.
const WORTH_HITS: f64 = 24.0;
/// It continues while so many arrive. The number is smaller because each commit is faster if there are fewer commits.
const STILL_WORTH_HITS: f64 = 16.0;
/// The time over which hits are counted.
const WINDOW: Duration = Duration::from_millis(100);
/// How long lingering is not tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The pace of the commits so far.
pub(super) struct Pace {
    began: Instant,
    hits: u64,
    commits: u32,
    /// The duration of all commits. A stall is counted as [`LINGER`], because hits that waited for a stalled commit
    /// must not cause more waiting.
    took: Duration,
    /// Whether the writer lingers in this window.
    lingers: bool,
    not_before: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { began: now, hits: 0, commits: 0, took: Duration::ZERO, lingers: false, not_before: now }
    }

    /// Records a commit with its number of hits and its duration. Returns how long to linger before the next commit.
    pub(super) fn after(&mut self, hits: u64, took: Duration, now: Instant) -> Duration {
        self.hits += hits;
        self.commits += 1;
        self.took += took.min(LINGER);
        let window = now - self.began;
        if window >= WINDOW {
            let commit = self.took.as_secs_f64() / f64::from(self.commits);
            let meanwhile = self.hits as f64 / window.as_secs_f64() * commit;
            let worth = if self.lingers { STILL_WORTH_HITS } else { WORTH_HITS };
            // After a pause without hits, or a stall of the disk, the window does not show the current rate.
            let is_known = window < 2 * WINDOW;
            if is_known && self.lingers && meanwhile < worth {
                self.not_before = now + RETRY_AFTER;
            }
            self.lingers = is_known && meanwhile >= worth && now >= self.not_before;
            (self.began, self.hits, self.commits, self.took) = (now, 0, 0, Duration::ZERO);
        }
        if self.lingers { LINGER } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How often the writer lingers in ten seconds. At most `under_way` hits are in progress, `per_ms` arrive in a
    /// millisecond while they are answered, and a commit takes `commit`.
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
    fn the_writer_lingers_if_many_hits_arrive_in_the_time_of_a_commit() {
        assert!(waits(512, 50, MS / 2) > 6_000, "{}", waits(512, 50, MS / 2));
        assert!(waits(512, 100, MS / 4) > 7_500, "{}", waits(512, 100, MS / 4));
    }

    #[test]
    fn with_few_fast_connections_lingering_is_tried_now_and_then() {
        assert!((60..=200).contains(&waits(30, 70, MS / 2)), "{}", waits(30, 70, MS / 2));
    }

    #[test]
    fn the_writer_does_not_linger_at_half_of_a_machines_capacity() {
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
    fn a_pause_does_not_affect_the_windows_after_it() {
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
    fn the_writer_does_not_linger_after_stalls() {
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
    fn the_writer_does_not_linger_on_a_slow_disk() {
        assert_eq!(waits(2000, 20, 10 * MS), 0);
    }
}
