use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::*;

const T0: i64 = 1_700_000_000;

fn v4(n: u32) -> Prefix {
    Prefix::of_text(&format!("{}.{}.{}.9", n >> 16 & 255, n >> 8 & 255, n & 255))
}

/// How many of `hits` at once are admitted.
fn passed(rate: &Rate, prefix: &Prefix, site: u32, now_s: i64, hits: u32) -> u32 {
    (0..hits).map(|_| u32::from(rate.admit(prefix, site, now_s).is_ok())).sum()
}

#[test]
fn the_hits_of_a_minute_are_admitted_at_once_and_then_at_that_rate() {
    let rate = Rate::new(600, T0);
    assert_eq!(passed(&rate, &v4(1), 1, T0, 1000), 600);
    assert_eq!(passed(&rate, &v4(1), 1, T0 + 1, 1000), 10);
    assert_eq!(passed(&rate, &v4(1), 1, T0 + 31, 1000), 300);
    assert_eq!(passed(&rate, &v4(1), 1, T0 + 1000, 1000), 600);
    assert_eq!(rate.admit(&v4(1), 1, T0 + 1000), Err(Refusal::RateLimit));
}

#[test]
fn each_prefix_has_a_limit_of_its_own_on_each_site() {
    let rate = Rate::new(3, T0);
    for (prefix, site) in [(v4(1), 1), (v4(2), 1), (v4(1), 2), (Prefix::of_text("2001:db8:1::"), 1)] {
        assert_eq!(passed(&rate, &prefix, site, T0, 5), 3);
    }
    assert_eq!(passed(&rate, &Prefix::of_text("0.0.1.77"), 1, T0, 5), 0, "an address of the same /24");
}

#[test]
fn zero_is_no_limit_and_the_highest_limit_holds() {
    assert_eq!(passed(&Rate::new(0, T0), &v4(1), 1, T0, 100_000), 100_000);
    let most = passed(&Rate::new(HITS_PER_MINUTE_MAX, T0), &v4(1), 1, T0, 11_000_000);
    assert!((10_000_000..10_500_000).contains(&most), "{most}");
    assert_eq!(passed(&Rate::new(1, T0), &v4(1), 1, T0, 9), 1);
}

#[test]
fn a_flood_of_prefixes_takes_no_more_memory_and_does_not_free_a_prefix_over_the_limit() {
    let rate = Rate::new(60, T0);
    assert_eq!(passed(&rate, &v4(0xff_ff_ff), 1, T0, 100), 60);
    for n in 0..500_000 {
        assert!(rate.admit(&v4(n), 1, T0).is_ok());
    }
    assert_eq!(size_of_val(&*rate.sets), 512 << 10);
    assert_eq!(passed(&rate, &v4(0xff_ff_ff), 1, T0, 100), 0);
}

#[test]
fn nothing_is_stored_for_longer_than_its_minute() {
    let rate = Rate::new(60, T0);
    for n in 0..1000 {
        passed(&rate, &v4(n), 1, T0 + 5, 1 + n % 60);
    }
    let used = || rate.sets.iter().flat_map(|set| &set.0).filter(|slot| slot.load(Relaxed) != 0).count();
    assert_eq!(used(), 1000);
    rate.forget(T0 + 5 + 30);
    assert!((400..600).contains(&used()), "{}", used());
    rate.forget(T0 + 5 + 61);
    assert_eq!(used(), 0);
}

#[test]
fn after_the_clock_is_set_back_hits_are_admitted_again() {
    let rate = Rate::new(60, T0);
    assert_eq!(passed(&rate, &v4(1), 1, T0 + 7200, 100), 60);
    assert_eq!(passed(&rate, &v4(1), 1, T0 + 3600, 100), 60);
    assert_eq!(passed(&rate, &v4(1), 1, T0 - 3600, 100), 60);
}

#[test]
fn several_workers_together_admit_what_one_would() {
    let (rate, through) = (Rate::new(5000, T0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| through.fetch_add(passed(&rate, &v4(1), 1, T0, 5000) as usize, Relaxed));
        }
    });
    // Workers that find a set empty at the same instant may each take a slot, which admits one more hit each.
    assert!((5000..5008).contains(&through.into_inner()));
}

proptest! {
    #[test]
    fn a_prefix_has_a_bucket_that_fills_in_a_minute(
        limit in 1u32..2000,
        steps in prop::collection::vec((0i64..90, 0u32..3000), 1..40),
    ) {
        let rate = Rate::new(limit, T0);
        let (mut now, mut bucket) = (T0, f64::from(limit));
        for (wait_s, hits) in steps {
            now += wait_s;
            bucket = (bucket + wait_s as f64 / 60.0 * f64::from(limit)).min(f64::from(limit));
            let got = f64::from(passed(&rate, &v4(1), 1, now, hits));
            prop_assert!((got - bucket.min(f64::from(hits))).abs() < 2.0, "{got} of {hits} out of {bucket}");
            bucket -= got;
        }
    }
}
