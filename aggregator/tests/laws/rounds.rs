//! Record numbers, closes, and the shape of the rows that a drain emits.

use std::collections::BTreeSet;

use aggregator::fold::{Checkpoint, Fold, Limits};
use proptest::prelude::*;
use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use schema::wire::{Body, Record};
use warehouse::ControlSums;

use crate::naive;
use crate::stream::{DAYS, FIRST_DAY, cells, cuts, run, sent_once, stream};

fn close(day: i32) -> Record<'static> {
    Record { partition: 0, epoch: 0, number: 0, body: Body::Close(Day(day)) }
}

proptest! {
    #[test]
    fn repeats_are_dropped_and_gaps_counted(records in stream(150)) {
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        run(&mut fold, &records, &[]);
        let accepted = naive::accept(&records);
        prop_assert_eq!((fold.repeats(), fold.gaps()), (accepted.repeats, accepted.gaps));
        let twice: Vec<_> = records.iter().filter(|(_, record)| !matches!(record.body, Body::Close(_))).cloned().collect();
        let again = run(&mut fold, &twice, &[]);
        prop_assert!(cells(&again).is_empty(), "all of it again is all repeats");
        prop_assert_eq!(fold.gaps(), accepted.gaps);
    }

    #[test]
    fn rows_are_in_order_none_is_zero_and_sums_are_those_of_the_rows(records in stream(150), cuts in cuts(150)) {
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        let mut totals = std::collections::BTreeMap::<_, ControlSums>::new();
        for drained in run(&mut fold, &records, &cuts) {
            let order: Vec<_> = drained.rows.iter().map(|rows| (rows.day, rows.round, rows.cube)).collect();
            prop_assert!(order.is_sorted() && order.iter().collect::<BTreeSet<_>>().len() == order.len());
            for rows in &drained.rows {
                totals.entry((rows.day, rows.round)).or_default().add(rows);
                prop_assert!(!rows.is_empty());
                prop_assert_eq!(rows.dimensions.len(), rows.cube.dimensions().len());
                prop_assert_eq!(rows.sums.len(), rows.cube.measures().len());
                let timed = if rows.cube.is_timed() { rows.len() } else { 0 };
                prop_assert_eq!((rows.bucket.len(), rows.hour.len()), (timed, timed));
                for at in 0..rows.len() {
                    prop_assert!(rows.sums.iter().any(|column| column[at] != 0));
                }
                for column in &rows.dimensions {
                    prop_assert_eq!((column.ids.len(), &*column.dictionary[0]), (rows.len(), ""));
                    prop_assert_eq!(column.dictionary.iter().collect::<BTreeSet<_>>().len(), column.dictionary.len());
                    prop_assert!(column.ids.iter().all(|&id| (id as usize) < column.dictionary.len()));
                }
            }
        }
        prop_assert!(fold.sums().keys().eq(fold.round_starts().keys()));
        for (key, sums) in fold.sums() {
            prop_assert_eq!(sums, &totals.remove(key).unwrap_or_default());
        }
        prop_assert!(totals.is_empty());
    }

    #[test]
    fn pending_rows_are_no_fewer_than_a_drain_gives_and_none_after_it(records in stream(150), cuts in cuts(150)) {
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        for (at, (position, record)) in records.iter().enumerate() {
            fold.apply(*position, record);
            if cuts.contains(&at) {
                let pending = fold.pending_rows();
                let rows: usize = fold.drain().rows.iter().map(warehouse::Rows::len).sum();
                prop_assert!(rows <= pending && pending <= 4 * rows + 12, "{} rows, {} pending", rows, pending);
                prop_assert_eq!(fold.pending_rows(), 0);
            }
        }
    }

    #[test]
    fn a_close_drops_state_and_keeps_sums_until_they_are_forgotten(records in stream(150)) {
        let records = sent_once(records); // a hit that was sent again in another round would be dropped when all are in one round
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        let drained = run(&mut fold, &records, &[]);
        let (firsts, tags) = (fold.round_starts().clone(), naive::tag_days(&naive::accept(&records)));
        let is_open = |day: Day, round| fold.checkpoint().last_close.is_none_or(|last| day.0 + round > last);
        let open = tags.iter().filter(|tag| is_open(tag.first.day, tag.round as i32)).count();
        prop_assert_eq!(fold.visitors(), open);

        let last_close = FIRST_DAY + 2 * DAYS;
        fold.apply(0, &close(last_close));
        prop_assert_eq!(fold.visitors(), 0, "every round is closed");
        prop_assert_eq!(fold.round_starts(), &firsts);
        fold.apply(0, &close(last_close - 1));
        let last = fold.drain();
        prop_assert_eq!(&last.closes, &vec![Day(last_close)], "a close that closes nothing is not emitted");
        prop_assert!(cells(&[last]).is_empty(), "nothing came after the drain");

        let accepted = naive::accept(&records);
        for (_, event) in &accepted.events {
            fold.apply_event(fold.checkpoint().last_close.unwrap() as u32 - event.day.0 as u32 + 1, event);
        }
        let (early, late) = (cells(&drained), cells(&[fold.drain()]));
        let of = |cells: &crate::stream::Cells, at: usize| -> i64 { cells.iter().filter(|((c, ..), _)| *c == Cube::Pages).map(|(_, sums)| sums[at]).sum() };
        prop_assert_eq!(of(&early, 0), of(&late, 0), "late page views count again");
        prop_assert!(late.keys().all(|(_, day, round, ..)| *round as i32 == last_close - day.0 + 1));

        for &(day, round) in firsts.keys() {
            fold.forget(day, round);
            prop_assert!(!fold.sums().contains_key(&(day, round)) && !fold.round_starts().contains_key(&(day, round)));
        }
    }
}

/// The same tag before and after the close of its day: one visitor and one visit in each of two rounds.
#[test]
fn a_late_event_is_a_visitor_of_a_later_round() {
    let event = schema::event::Event {
        site: 1,
        day: Day(FIRST_DAY),
        time_s: FIRST_DAY as u32 * 86_400 + 40_000,
        offset_quarters: 4,
        lane: schema::event::Lane::Audience,
        tag: schema::event::VisitorTag(7),
        kind: schema::event::Kind::Pageview,
        interactive: true,
        name: "",
        page: "/",
        source: "Direct",
        channel: schema::event::Channel::Direct,
        country: "FR",
        region: "unknown",
        device: schema::event::Device::Mobile,
        browser: "B 1",
        os: "O",
        language: "fr",
        screen: "s",
        extra: schema::extra::Extra::NONE,
    };
    let view = |number| Record { partition: 0, epoch: 9, number, body: Body::Event(event) };
    let mut fold = Fold::new(Checkpoint::default(), Limits::default());
    fold.apply(10, &view(1));
    fold.apply(20, &close(FIRST_DAY + 1));
    assert_eq!(fold.visitors(), 0);
    fold.apply(30, &view(2));
    fold.apply(40, &close(FIRST_DAY + 1));
    fold.apply(50, &view(3));
    let drained = fold.drain();
    assert_eq!(drained.closes, [Day(FIRST_DAY + 1)]);
    for (round, views, bounces) in [(0, 1, 1), (2, 2, 0)] {
        let sums = &fold.sums()[&(Day(FIRST_DAY), round)];
        assert_eq!(sums.get(Cube::Visits, Measure::Visitors), 1);
        assert_eq!(sums.get(Cube::Visits, Measure::Visits), 1);
        assert_eq!(sums.get(Cube::Visits, Measure::Bounces), bounces);
        assert_eq!(sums.get(Cube::Pages, Measure::Pageviews), views);
    }
    let first = &fold.round_starts()[&(Day(FIRST_DAY), 2)];
    assert_eq!((first.position, first.checkpoint.last_close), (30, Some(FIRST_DAY + 1)));
    assert_eq!(first.checkpoint.last_numbers, [(9, 1)].into());
}
