//! The rows of the fold agree with the definitions in `naive`.

use std::collections::{BTreeMap, BTreeSet};

use aggregator::fold::{Checkpoint, Fold, Limits};
use proptest::prelude::*;
use schema::cubes::Cube;
use schema::day::{Day, hour_of};
use schema::dimensions::Dimension as D;
use schema::event::{Event, Kind};
use schema::measures::Measure as M;

use crate::naive::{self, TagDay};
use crate::stream::{Cells, DAYS, FIRST_DAY, cells, cuts, run, stream};

/// Site, day and round, the names of a value, and one attribute of the tag (empty: none).
type Value = (u32, Day, u32, Vec<String>, String);

/// The sums of one measure by the dimensions of which it is a first (and by the hour, if `by_hour`) and by one
/// attribute of the tag.
fn view(cells: &Cells, cube: Cube, measure: M, own: &[D], by_hour: bool, frozen: Option<D>) -> BTreeMap<Value, i64> {
    let mut view = BTreeMap::new();
    let at = |d: &D| cube.dimensions().iter().position(|other| other == d).expect("the cube has it");
    let measure = cube.measures().iter().position(|&other| other == measure).expect("the cube has it");
    for ((_, day, round, site, _, hour, names), sums) in cells.iter().filter(|((c, ..), _)| *c == cube) {
        if cube == Cube::Events && !names[at(&D::Property)].is_empty() {
            continue; // only the event's own row counts for totals
        }
        let mut value: Vec<String> = own.iter().map(|d| names[at(d)].clone()).collect();
        value.extend(by_hour.then(|| hour.to_string()));
        let frozen = frozen.map(|d| names[at(&d)].clone()).unwrap_or_default();
        *view.entry((*site, *day, *round, value, frozen)).or_insert(0) += sums[measure];
    }
    view.retain(|_, &mut sum| sum != 0);
    view
}

fn attribute(event: &Event<'static>, frozen: Option<D>) -> String {
    let text = match frozen {
        None => "",
        Some(D::Country) => event.country,
        Some(D::Region) => event.region,
        Some(D::Device) => event.device.label(),
        Some(D::Browser) => event.browser,
        Some(D::Os) => event.os,
        Some(D::Language) => event.language,
        Some(D::Screen) => event.screen,
        Some(other) => panic!("{other:?} is not frozen"),
    };
    text.to_string()
}

/// The number of distinct tags for each value. `values` lists the values of one tag's day.
fn distinct(days: &[TagDay], frozen: Option<D>, values: impl Fn(&TagDay) -> Vec<Vec<String>>) -> BTreeMap<Value, i64> {
    let mut tags = BTreeMap::<Value, BTreeSet<_>>::new();
    for day in days {
        let (first, attribute) = (&day.first, attribute(&day.first, frozen));
        for value in values(day) {
            let value = (first.site, first.day, day.round, value, attribute.clone());
            tags.entry(value).or_default().insert(first.tag);
        }
    }
    tags.into_iter().map(|(value, tags)| (value, tags.len() as i64)).collect()
}

fn starts(day: &TagDay, value: impl Fn(&Event<'static>) -> Vec<String>) -> Vec<Vec<String>> {
    day.visits.iter().map(|visit| value(&visit[0])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    /// Compares every measure by all dimensions at once. So it is right by each dimension and each pair of them, too.
    #[test]
    fn every_cell_agrees_with_the_raw_events(records in stream(120), cuts in cuts(120)) {
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        let folded = cells(&run(&mut fold, &records, &cuts));
        let expected = naive::cells(&naive::accept(&records));
        for (key, sums) in &expected {
            prop_assert_eq!(folded.get(key), Some(sums), "{:?}", key);
        }
        prop_assert_eq!(folded.len(), expected.len());
    }

    /// A sum of firsts is the number of distinct tags, also for each attribute of the tag.
    #[test]
    fn visitors_are_distinct_tags_under_every_view(records in stream(120), cuts in cuts(120)) {
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        let cells = cells(&run(&mut fold, &records, &cuts));
        let days = naive::tag_days(&naive::accept(&records));
        let views = days.iter().flat_map(|day| &day.visits).count();
        for frozen in std::iter::once(None).chain(D::FROZEN.iter().copied().map(Some)) {
            let serves = |cube: Cube| frozen.is_none_or(|d| cube.dimensions().contains(&d));
            let by_start = [
                (M::Visitors, vec![], false, distinct(&days, frozen, |day| starts(day, |_| vec![]))),
                (M::VisitorsSource, vec![D::Source], false, distinct(&days, frozen, |day| starts(day, |e| vec![e.source.into()]))),
                (M::VisitorsChannel, vec![D::Channel], false, distinct(&days, frozen, |day| starts(day, |e| vec![e.channel.label().into()]))),
                (M::VisitorsEntryPage, vec![D::EntryPage], false, distinct(&days, frozen, |day| starts(day, |e| vec![e.page.into()]))),
                (M::VisitorsHour, vec![], true, distinct(&days, frozen, |day| {
                    starts(day, |e| vec![hour_of(e.time_s, e.offset_quarters).to_string()])
                })),
            ];
            for (measure, own, by_hour, expected) in by_start {
                let folded = view(&cells, Cube::Visits, measure, &own, by_hour, frozen);
                prop_assert_eq!(folded, expected, "{:?} of visits by {:?}", measure, frozen);
            }
            if serves(Cube::Pages) {
                let expected = distinct(&days, frozen, |day| {
                    let views = day.all.iter().filter(|(event, _)| event.kind == Kind::Pageview);
                    views.map(|(event, _)| vec![event.page.into()]).collect()
                });
                prop_assert_eq!(view(&cells, Cube::Pages, M::Visitors, &[D::Page], false, frozen), expected);
                let expected = distinct(&days, frozen, |day| {
                    day.visits.iter().filter_map(|visit| naive::exit(visit)).map(|exit| vec![exit.page.into()]).collect()
                });
                prop_assert_eq!(view(&cells, Cube::Pages, M::ExitVisitors, &[D::Page], false, frozen), expected);
            }
            if serves(Cube::Events) {
                let expected = distinct(&days, frozen, |day| {
                    let events = day.all.iter().filter(|(event, _)| event.kind.is_named());
                    events.map(|(event, _)| vec![event.kind.label().into(), event.name.into()]).collect()
                });
                let folded = view(&cells, Cube::Events, M::Visitors, &[D::Kind, D::Name], false, frozen);
                prop_assert_eq!(folded, expected);
            }
        }
        let visits = view(&cells, Cube::Visits, M::Visits, &[], false, None).values().sum::<i64>();
        prop_assert_eq!(visits, views as i64);
    }

    /// Bounces and exits can be taken back, but not more of them than were emitted.
    #[test]
    fn a_complete_day_has_no_negative_sum(records in stream(120), cuts in cuts(120), tags in 0usize..4, facts in 0u32..6) {
        let limits = Limits { tags_per_site_day: tags, strings_per_site_day: 6, facts_per_tag: facts };
        for limits in [limits, Limits::default()] {
            let mut fold = Fold::new(Checkpoint::default(), limits);
            for (key, sums) in cells(&run(&mut fold, &records, &cuts)) {
                prop_assert!(sums.iter().all(|&sum| sum >= 0), "{:?}: {:?}", key, sums);
            }
        }
    }

    /// An import names the round, has no record numbers and ends each day itself. Everything else is the same.
    #[test]
    fn an_import_folds_like_a_stream(records in stream(120)) {
        let accepted = naive::accept(&records);
        let mut fold = Fold::new(Checkpoint::default(), Limits::default());
        for (_, event) in &accepted.events {
            fold.apply_event(1000, event);
        }
        for (_, count) in &accepted.fates {
            fold.apply_fates(1000, &[*count]);
        }
        let as_one_round = naive::Accepted {
            events: accepted.events.iter().map(|(_, event)| (1000, *event)).collect(),
            fates: accepted.fates.iter().map(|(_, count)| (1000, *count)).collect(),
            ..naive::Accepted::default()
        };
        prop_assert_eq!(fold.visitors(), naive::tag_days(&as_one_round).len());
        for day in 0..DAYS {
            fold.end_round(Day(FIRST_DAY + day), 1000);
        }
        prop_assert_eq!(fold.visitors(), 0);
        prop_assert_eq!(cells(&[fold.drain()]), naive::cells(&as_one_round));
        prop_assert!(fold.round_starts().is_empty());
    }
}
