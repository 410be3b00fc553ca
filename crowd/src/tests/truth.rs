//! Every published number against brute force over the raw events.

use std::collections::{BTreeSet, HashSet};

use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;
use schema::views::{VIEWS, View};

use super::world::{Event, Visit, World};
use crate::judge::nesting;
use crate::{Numbers, Published, PublishedView, Told, is_judged};

const OF_VISITS: [D; 10] =
    [D::Channel, D::Source, D::Country, D::Region, D::Device, D::Browser, D::Os, D::Language, D::Screen, D::EntryPage];

/// What is true of some visits, page views and custom events.
#[derive(Debug)]
struct Truth {
    visits: i64,
    visitors: i64,
    pageviews: i64,
    events: i64,
    bounces: i64,
    seconds: i64,
}

fn tags<'a>(tags: impl Iterator<Item = &'a u32>) -> i64 {
    tags.collect::<HashSet<_>>().len() as i64
}

fn of_visits<'a>(visits: impl Iterator<Item = &'a Visit>) -> Truth {
    let visits: Vec<&Visit> = visits.collect();
    Truth {
        visits: visits.len() as i64,
        visitors: tags(visits.iter().map(|v| &v.tag)),
        pageviews: visits.iter().map(|v| v.views().count() as i64).sum(),
        events: 0,
        bounces: visits.iter().filter(|v| v.bounced()).count() as i64,
        seconds: visits.iter().map(|v| v.seconds()).sum(),
    }
}

/// Visits and visitors that have an event of these.
fn of_events(world: &World, like: impl Fn(&Event) -> bool) -> (i64, i64, i64) {
    let visits: Vec<&Visit> = world.visits.iter().filter(|v| v.events.iter().any(&like)).collect();
    let events = world.visits.iter().flat_map(|v| &v.events).filter(|e| like(e)).count();
    (visits.len() as i64, tags(visits.iter().map(|v| &v.tag)), events as i64)
}

struct Count(usize);

impl Count {
    fn told(&mut self, told: Told, truth: i64, what: &dyn Fn() -> String) {
        match told {
            Told::Exactly(n) => assert_eq!(n, truth, "{}", what()),
            Told::AtLeast(n) => assert!((0..=truth).contains(&n), "{n} of {truth}: {}", what()),
            Told::Withheld => return,
        }
        self.0 += 1;
    }

    fn numbers(&mut self, got: &Numbers, truth: &Truth, what: &dyn Fn(&str) -> String) {
        let pairs = [
            (M::Visits, truth.visits),
            (M::Visitors, truth.visitors),
            (M::Pageviews, truth.pageviews),
            (M::Events, truth.events),
            (M::Bounces, truth.bounces),
            (M::Seconds, truth.seconds),
        ];
        for (measure, truth) in pairs {
            let told = got.get(measure);
            let can_be_bounded = !matches!(measure, M::Bounces | M::Seconds);
            assert!(can_be_bounded || !matches!(told, Told::AtLeast(_)), "{}", what(measure.label()));
            self.told(told, truth, &|| what(measure.label()));
        }
    }
}

/// Asserts that everything published is true, and says how many numbers that were.
pub(super) fn check(world: &World, published: &Published) -> usize {
    let mut count = Count(0);
    let customs = |like: &dyn Fn(&Event) -> bool| world.customs().filter(|e| like(e)).count() as i64;

    let mut truth = of_visits(world.visits.iter());
    truth.events = truth.pageviews + customs(&|_| true);
    count.numbers(published.totals(), &truth, &|m| format!("total {m}"));
    assert!(published.totals().get(M::Bounces) != Told::Withheld, "a day's bounces are exempt");

    for d in OF_VISITS {
        let (view, super_of) = (view(published, d), parent(d));
        let of = |like: &dyn Fn(Option<&str>, &str) -> bool| {
            let parent = |e: &Event| super_of.map(|p| e.at(p));
            let mut truth = of_visits(world.visits.iter().filter(|v| like(super_of.map(|p| v.at(p)), v.at(d))));
            if d != D::EntryPage {
                truth.events = truth.pageviews + customs(&|e| like(parent(e), e.at(d)));
            }
            truth
        };
        for cell in &view.cells {
            let truth = of(&|parent, name| parent == cell.parent.as_deref() && *name == *cell.name);
            count.numbers(&cell.numbers, &truth, &|m| format!("{m} of {d:?} {}", cell.name));
        }
        let named = names(view);
        let truth = of(&|parent, name| !named.contains(&(parent.unwrap_or(""), name)));
        others(&mut count, view, &truth, d);
    }
    for d in [D::Page, D::Name] {
        let view = view(published, d);
        let of = |like: &dyn Fn(&str) -> bool| {
            let kind = |e: &Event| (e.at(D::Kind) == "pageview") == (d == D::Page);
            let (visits, visitors, n) = of_events(world, |e| kind(e) && like(e.at(d)));
            let custom = if d == D::Page { customs(&|e| like(e.page)) } else { 0 };
            Truth { visits, visitors, pageviews: n, events: n + custom, bounces: 0, seconds: 0 }
        };
        for cell in &view.cells {
            let truth = of(&|name| *name == *cell.name);
            count.numbers(&cell.numbers, &truth, &|m| format!("{m} of {d:?} {}", cell.name));
        }
        let named = names(view);
        let truth = of(&|name| !named.contains(&("", name)));
        others(&mut count, view, &truth, d);
    }
    for group in published.hours() {
        let within = |hour: u32| (group.first..=group.last).contains(&hour);
        let mut truth = of_visits(world.visits.iter().filter(|v| within(v.first().hour())));
        truth.pageviews = world.views().filter(|e| within(e.hour())).count() as i64;
        truth.events = truth.pageviews + customs(&|e| within(e.hour()));
        count.numbers(&group.numbers, &truth, &|m| format!("{m} of hours {}..={}", group.first, group.last));
    }
    count.0
}

fn others(count: &mut Count, view: &PublishedView, truth: &Truth, d: D) {
    match &view.other {
        Some(other) => count.numbers(other, truth, &|m| format!("{m} of other {d:?}")),
        None => assert_eq!((truth.visits, truth.pageviews), (0, 0), "{d:?} has others"),
    }
}

/// The single view by a dimension.
fn by(d: D) -> &'static View {
    let mut views = VIEWS.iter().filter(|view| is_judged(view) && view.a == d);
    views.next().unwrap_or_else(|| panic!("no view by {d:?} is judged"))
}

/// The dimension within whose values those of `d` are hidden.
pub(super) fn parent(d: D) -> Option<D> {
    nesting(by(d)).map(|view| view.a)
}

pub(super) fn view(published: &Published, d: D) -> &PublishedView {
    published.view(by(d)).unwrap_or_else(|| panic!("nothing is published by {d:?}"))
}

pub(super) fn names(view: &PublishedView) -> BTreeSet<(&str, &str)> {
    view.cells.iter().map(|cell| (cell.parent.as_deref().unwrap_or(""), &*cell.name)).collect()
}
