use crowd::Cubes;
use schema::cubes::Cube;
use schema::measures::Measure as M;

use super::*;
use crate::sources::RoundSums;

fn snapshot(visitors: i64, settled: bool, pages: usize) -> RoundSnapshot {
    let mut cubes = Cubes::default();
    for page in 0..pages {
        let names = [&*format!("/{page}"), "s", "c", "FR", "d", "b", "o", "l"];
        cubes.table_mut(Cube::Pages).add(0, &names, &[9, 9, 9, 0, 0, 0, 0, 0]);
    }
    let published = Published::of(cubes, K::new(3).unwrap());
    RoundSnapshot { published, round: round(visitors, settled), computed_s: 1_000 }
}

fn sums(visitors: i64, page_rows: i64) -> RoundSums {
    let rows = [(Cube::Visits, visitors), (Cube::Pages, page_rows), (Cube::Events, visitors)];
    let rows = rows.map(|(cube, rows)| (cube, u64::try_from(rows).unwrap()));
    RoundSums::new([(M::Visits, visitors), (M::Visitors, visitors)], rows)
}

fn round(visitors: i64, settled: bool) -> RoundState {
    RoundState { day: Day(20_000), number: 0, settled, sums: sums(visitors, visitors) }
}

#[test]
fn an_open_round_is_computed_once_per_step_and_not_for_fewer_than_k_new_visitors() {
    let k = K::new(5).unwrap();
    let cached = snapshot(100, false, 0);
    for (visitors, now_s, step_s, want) in [
        (100, 1_000, 900, Some(CacheOutcome::Hit)),
        (100, 9_000, 900, Some(CacheOutcome::Hit)),
        (150, 1_899, 900, Some(CacheOutcome::Step)),
        (150, 1_900, 900, None),
        (104, 9_000, 900, Some(CacheOutcome::Step)),
        (105, 9_000, 900, None),
        (101, 1_000, 0, None),
        (100, 9_000, 0, Some(CacheOutcome::Hit)),
    ] {
        let good = validity(&cached, &round(visitors, false), k, step_s, now_s);
        assert_eq!(good, want, "{visitors} visitors at {now_s}, step {step_s}");
    }
    let more_rows = RoundState { sums: sums(100, 101), ..round(100, false) };
    assert_eq!(
        validity(&cached, &more_rows, k, 0, 1_000),
        None,
        "a page view by a visitor that was counted before changes the round too"
    );
}

#[test]
fn the_snapshot_of_a_settled_round_stays_valid_and_one_from_before_it_was_settled_does_not() {
    let k = K::new(5).unwrap();
    let good = |cached: &RoundSnapshot, round: &RoundState| validity(cached, round, k, 900, 1_001);
    assert_eq!(good(&snapshot(100, true, 0), &round(100, true)), Some(CacheOutcome::Hit));
    assert_eq!(good(&snapshot(100, false, 0), &round(100, true)), None);
    assert_eq!(good(&snapshot(100, true, 0), &round(101, true)), None, "rows that should not have changed did");
}

#[test]
fn the_settled_round_that_was_not_asked_for_is_evicted_first_and_open_rounds_stay() {
    let one = snapshot(1, true, 10).published.bytes();
    let cache = SnapshotCache::new((3 * one + one / 2) as u64);
    let key = |day: i32| (Day(day), 0);
    cache.put(1, key(0), Arc::new(snapshot(1, false, 10)));
    for day in 1..=2 {
        cache.put(1, key(day), Arc::new(snapshot(1, true, 10)));
    }
    assert!(cache.get(1, key(1)).is_some());
    cache.put(1, key(3), Arc::new(snapshot(1, true, 10)));
    let here: Vec<bool> = (0..=3).map(|day| cache.get(1, key(day)).is_some()).collect();
    assert_eq!(here, [true, true, false, true]);
    assert_eq!(cache.bytes(), (3 * one) as u64);
    assert!(cache.get(2, key(1)).is_none(), "the same round of another site");

    for visitors in 2..5 {
        cache.put(1, key(3), Arc::new(snapshot(visitors, true, 10)));
        assert_eq!(cache.get(1, key(3)).unwrap().round, round(visitors, true));
    }
    assert_eq!(cache.bytes(), (3 * one) as u64);
    assert!(cache.get(1, key(1)).is_some(), "a round that is put again replaces itself and evicts no other");
}
