//! The numbers of each cell that may be named, and of all others together.

use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;

use crate::K;
use crate::bounces::{Stay, Stays, told};
use crate::custom::{By, hour_name};
use crate::cut::Cut;
use crate::hide::Group;
use crate::hours::Span;
use crate::people::People;
use crate::published::{Cell, HourGroup, Numbers, Told, View};
use crate::table::Rows;

/// The bare totals. Visits, visitors, page views and bounces of a day are exempt from the rule; seconds and custom events
/// are not.
pub(crate) fn totals(visits: &Rows, custom: Option<i64>, k: K) -> Numbers {
    let all = visits.all();
    let pageviews = visits.sum(M::Pageviews, &all);
    let seconds = Stay::of(visits, &all).may_be_told(k).then(|| visits.sum(M::Seconds, &all));
    Numbers {
        visits: Told::Exactly(visits.sum(M::Visits, &all)),
        visitors: Told::Exactly(visits.sum(M::Visitors, &all)),
        pageviews: Told::Exactly(pageviews),
        events: custom.map_or(Told::AtLeast(pageviews), |custom| Told::Exactly(pageviews + custom)),
        bounces: Some(visits.sum(M::Bounces, &all)),
        seconds,
    }
}

/// The sum of firsts that counts a tag once within each value of the dimension.
fn visitors_by(d: D) -> M {
    match d {
        D::Source => M::VisitorsSource,
        D::Channel => M::VisitorsChannel,
        D::EntryPage => M::VisitorsEntryPage,
        D::Country | D::Region | D::Device | D::Browser | D::Os | D::Language | D::Screen => M::Visitors,
        other => unreachable!("{other:?} is no dimension of visits"),
    }
}

/// A dimension of visits.
pub(crate) fn of_visits(
    visits: &Rows,
    people: &People<'_>,
    (d, cut): (D, &Cut),
    stays: &Stays,
    custom: Option<&By>,
) -> View {
    let numbers = |rows: &[u32], visitors: Told, stays: bool, events: Told| Numbers {
        visits: Told::Exactly(visits.sum(M::Visits, rows)),
        visitors,
        pageviews: Told::Exactly(visits.sum(M::Pageviews, rows)),
        events,
        bounces: stays.then(|| visits.sum(M::Bounces, rows)),
        seconds: stays.then(|| visits.sum(M::Seconds, rows)),
    };
    let cells = cut.0.iter().zip(&stays.groups).filter(|(group, _)| group.shown).map(|(group, stays)| {
        let pageviews = visits.sum(M::Pageviews, &group.rows);
        let events = custom.map_or(Told::Withheld, |by| by.events(group.parent.as_deref(), &group.name, pageviews));
        cell(group, numbers(&group.rows, Told::Exactly(visits.sum(visitors_by(d), &group.rows)), *stays, events))
    });
    let cells = cells.collect();
    let rest = cut.rest();
    let other = (!rest.is_empty()).then(|| {
        let pageviews = visits.sum(M::Pageviews, &rest);
        let events = custom.map_or(Told::Withheld, |by| by.other(cut.shown(), pageviews));
        // A tag has one value of a frozen dimension, so there nobody is counted twice.
        let visitors = if d.is_frozen() {
            Told::Exactly(visits.sum(M::Visitors, &rest))
        } else {
            Told::AtLeast(people.count(&rest))
        };
        numbers(&rest, visitors, stays.others.values().all(|told| *told), events)
    });
    View { cells, other }
}

/// Pages.
pub(crate) fn of_pages(pages: &Rows, people: &People<'_>, cut: &Cut, custom: &By) -> View {
    let cells = cut.shown().map(|group| {
        let pageviews = pages.sum(M::Pageviews, &group.rows);
        let numbers = Numbers {
            visits: Told::Exactly(pages.sum(M::Visits, &group.rows)),
            visitors: Told::Exactly(pages.sum(M::Visitors, &group.rows)),
            pageviews: Told::Exactly(pageviews),
            events: custom.events(None, &group.name, pageviews),
            bounces: None,
            seconds: None,
        };
        cell(group, numbers)
    });
    let cells = cells.collect();
    let rest = cut.rest();
    let other = (!rest.is_empty()).then(|| {
        let pageviews = pages.sum(M::Pageviews, &rest);
        Numbers {
            visits: Told::AtLeast(People::visits(pages, D::Page).count(&rest)),
            visitors: Told::AtLeast(people.count(&rest)),
            pageviews: Told::Exactly(pageviews),
            events: custom.other(cut.shown(), pageviews),
            bounces: None,
            seconds: None,
        }
    });
    View { cells, other }
}

/// Names of custom events.
pub(crate) fn of_names(events: &Rows, people: &People<'_>, k: K) -> View {
    let all = events.all();
    if all.is_empty() {
        return View::default();
    }
    let nothing = Numbers {
        visits: Told::Withheld,
        visitors: Told::Withheld,
        pageviews: Told::Withheld,
        events: Told::Withheld,
        bounces: None,
        seconds: None,
    };
    if people.count(&all) < k.get() {
        return View { cells: vec![], other: Some(nothing) };
    }
    let cut = Cut::flat(events, D::Name, k, people, |_| true);
    let cells = cut.shown().map(|group| {
        let told = |m| Told::Exactly(events.sum(m, &group.rows));
        cell(
            group,
            Numbers { visits: told(M::Visits), visitors: told(M::Visitors), events: told(M::Events), ..nothing },
        )
    });
    let cells = cells.collect();
    let rest = cut.rest();
    let other = (!rest.is_empty()).then(|| Numbers {
        visits: Told::AtLeast(People::visits(events, D::Name).count(&rest)),
        visitors: Told::AtLeast(people.count(&rest)),
        events: Told::Exactly(events.sum(M::Events, &rest)),
        ..nothing
    });
    View { cells, other }
}

/// Groups of hours.
pub(crate) fn of_hours(
    (visits, pages): (&Rows, &Rows),
    people: &People<'_>,
    spans: &[Span],
    custom: &By,
    k: K,
) -> Vec<HourGroup> {
    let stays = spans.iter().map(|span| (Stay::of(visits, &span.visits), hour_name(span.first).to_string()));
    let told = told(&stays.collect::<Vec<_>>(), k);
    let group = |(span, told): (&Span, bool)| {
        let pageviews = pages.sum(M::Pageviews, &span.pages);
        HourGroup {
            first: span.first,
            last: span.last,
            numbers: Numbers {
                visits: Told::Exactly(visits.sum(M::Visits, &span.visits)),
                visitors: Told::AtLeast(people.count(&span.visits)),
                pageviews: Told::Exactly(pageviews),
                events: custom.events(None, &hour_name(span.first), pageviews),
                bounces: told.then(|| visits.sum(M::Bounces, &span.visits)),
                seconds: told.then(|| visits.sum(M::Seconds, &span.visits)),
            },
        }
    };
    spans.iter().zip(told).map(group).collect()
}

fn cell(group: &Group, numbers: Numbers) -> Cell {
    Cell { name: group.name.clone(), parent: group.parent.clone(), numbers }
}
