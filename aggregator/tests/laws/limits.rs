//! Beyond the limits hits are still counted, but no more firsts.

use aggregator::fold::{Checkpoint, Fold, Limits};
use proptest::prelude::*;
use schema::cubes::Cube;
use schema::event::{Event, Kind};
use schema::measures::Measure as M;

use crate::naive;
use crate::stream::{cuts, ordered_once, run, stream};

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn beyond_the_limits_hits_are_counted_and_firsts_are_not(
        records in stream(150), cuts in cuts(150), tags in 0usize..6, strings in 0usize..12, facts in 0u32..6,
    ) {
        // Beyond the limit of facts, hits and orders that are sent again are counted again.
        let records = ordered_once(records);
        let small = Limits { tags_per_site_day: tags, strings_per_site_day: strings, facts_per_tag: facts };
        let (mut capped, mut free) = (Fold::new(Checkpoint::default(), small), Fold::new(Checkpoint::default(), Limits::default()));
        run(&mut capped, &records, &cuts);
        run(&mut free, &records, &cuts);
        prop_assert_eq!(free.saturated(), 0);

        let accepted = naive::accept(&records);
        let of_kind = |kind| accepted.events.iter().filter(|(_, event)| event.kind == kind).count() as i64;
        let rows = |event: &Event<'_>| if event.kind.is_named() { 1 + event.extra.properties().count() as i64 } else { 0 };
        let rows: i64 = accepted.events.iter().map(|(_, event)| rows(event)).sum();
        let total = |fold: &Fold, cube, measure| fold.sums().values().map(|sums| sums.get(cube, measure)).sum::<i64>();
        prop_assert_eq!(total(&capped, Cube::Pages, M::Pageviews), of_kind(Kind::Pageview));
        prop_assert_eq!(total(&capped, Cube::Visits, M::Pageviews), of_kind(Kind::Pageview));
        prop_assert_eq!(total(&capped, Cube::Events, M::Events), rows);
        prop_assert_eq!(total(&capped, Cube::Campaigns, M::Opens), of_kind(Kind::Open));
        prop_assert_eq!(total(&capped, Cube::Pages, M::EngagedS), total(&free, Cube::Pages, M::EngagedS));
        prop_assert_eq!(total(&capped, Cube::Fates, M::Hits), total(&free, Cube::Fates, M::Hits));

        for (cube, firsts) in [
            (Cube::Visits, &[M::Visitors, M::VisitorsHour, M::VisitorsSource, M::VisitorsChannel, M::VisitorsEntryPage][..]),
            (Cube::Pages, &[M::Visitors, M::Visits, M::ExitVisitors]),
            (Cube::Events, &[M::Visitors, M::Visits]),
            (Cube::Campaigns, &[M::Visitors, M::Buyers, M::Conversions]),
            (Cube::Items, &[M::Visitors]),
        ] {
            for &first in firsts {
                let (capped, free) = (total(&capped, cube, first), total(&free, cube, first));
                prop_assert!((0..=free).contains(&capped), "{:?} of {:?}: {} of {}", first, cube, capped, free);
            }
        }
    }

    /// Each limit by itself, far below what the stream has.
    #[test]
    fn every_limit_is_kept_and_reported(records in stream(150), which in 0usize..3) {
        let none = Limits::default();
        let limits = match which {
            0 => Limits { tags_per_site_day: 1, ..none },
            1 => Limits { strings_per_site_day: 1, ..none },
            _ => Limits { facts_per_tag: 1, ..none },
        };
        let mut fold = Fold::new(Checkpoint::default(), limits);
        let drained = run(&mut fold, &records, &[]);
        let accepted = naive::accept(&records);
        let days = naive::tag_days(&accepted);
        let is_full = match which {
            0 => {
                let sites = days.iter().map(|day| (day.first.site, day.first.day, day.round)).collect::<std::collections::BTreeSet<_>>();
                let open = sites.iter().filter(|(_, day, round)| fold.checkpoint().last_close.is_none_or(|last| day.0 + *round as i32 > last));
                prop_assert_eq!(fold.visitors(), open.count());
                days.len() > sites.len()
            }
            1 => {
                let words = drained.iter().flat_map(|d| &d.rows).flat_map(|rows| &rows.dimensions).flat_map(|column| &column.dictionary);
                // Empty engagement, and consent on the audience lane, make no row and so no name.
                let mut free = Fold::new(Checkpoint::default(), Limits::default());
                let of_tags = run(&mut free, &records, &[])
                    .iter()
                    .flat_map(|drained| &drained.rows)
                    .any(|rows| matches!(rows.cube, Cube::Visits | Cube::Pages | Cube::Events));
                prop_assert!(!of_tags || words.clone().any(|word| &**word == "(many)"));
                of_tags
            }
            _ => days.iter().any(|day| {
                let seen = day.visits.iter().flatten().filter(|e| e.kind == Kind::Pageview).map(|e| e.page);
                seen.collect::<std::collections::BTreeSet<_>>().len() > 1
            }),
        };
        prop_assert!(!is_full || fold.saturated() > 0);
    }
}
