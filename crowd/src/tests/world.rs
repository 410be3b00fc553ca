//! Small worlds: raw events, the visits they make, and a fold of them that is independent of the real one.

use std::collections::{BTreeMap, HashSet};

use schema::cubes::Cube;
use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;

use crate::Cubes;

/// What someone did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    View,
    Custom(&'static str),
    Error(&'static str),
}

/// A raw event, with the true tag the rule never sees.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event {
    pub(super) tag: u32,
    pub(super) t: u32,
    pub(super) did: Did,
    pub(super) page: &'static str,
    pub(super) source: &'static str,
    pub(super) channel: &'static str,
    pub(super) who: Who,
}

/// Frozen attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) country: &'static str,
    pub(super) region: &'static str,
    pub(super) device: &'static str,
    pub(super) browser: &'static str,
    pub(super) os: &'static str,
    pub(super) language: &'static str,
    pub(super) screen: &'static str,
}

/// A visit: source and channel are those of its first event.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) tag: u32,
    pub(super) events: Vec<Event>,
}

impl Visit {
    pub(super) fn first(&self) -> &Event {
        &self.events[0]
    }

    pub(super) fn views(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|e| e.did == Did::View)
    }

    pub(super) fn bounced(&self) -> bool {
        self.events.len() == 1 && self.events[0].did == Did::View
    }

    pub(super) fn seconds(&self) -> i64 {
        i64::from(self.events[self.events.len() - 1].t - self.events[0].t)
    }

    /// What the visit is in this dimension.
    pub(super) fn at(&self, d: D) -> &'static str {
        if d == D::EntryPage { self.first().page } else { self.first().at(d) }
    }
}

impl Event {
    pub(super) fn hour(&self) -> u32 {
        self.t - self.t % 3600
    }

    pub(super) fn name(&self) -> &'static str {
        match self.did {
            Did::View => "",
            Did::Custom(name) | Did::Error(name) => name,
        }
    }

    /// What the event is in this dimension.
    pub(super) fn at(&self, d: D) -> &'static str {
        match d {
            D::Page => self.page,
            D::Source => self.source,
            D::Channel => self.channel,
            D::Country => self.who.country,
            D::Region => self.who.region,
            D::Device => self.who.device,
            D::Browser => self.who.browser,
            D::Os => self.who.os,
            D::Language => self.who.language,
            D::Screen => self.who.screen,
            D::Name => self.name(),
            D::Kind => match self.did {
                Did::View => "pageview",
                Did::Custom(_) => "custom",
                Did::Error(_) => "error",
            },
            D::Property | D::Value => "", // the event's own row
            other => unreachable!("{other:?} is nothing an event has"),
        }
    }
}

/// A day: its visits, and its errors, which belong to none.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) visits: Vec<Visit>,
    pub(super) errors: Vec<Event>,
}

impl World {
    pub(super) fn of(events: &[Event]) -> World {
        let mut by_tag: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
        for event in events {
            by_tag.entry(event.tag).or_default().push(*event);
        }
        let mut world = World { visits: vec![], errors: vec![] };
        for (tag, mut events) in by_tag {
            events.sort_by_key(|e| e.t);
            let who = events[0].who;
            let mut visit: Vec<Event> = vec![];
            for event in events {
                let event = Event { who, ..event };
                if matches!(event.did, Did::Error(_)) {
                    world.errors.push(event);
                    continue;
                }
                if visit.last().is_some_and(|last| event.t - last.t > 1800) {
                    world.visits.push(Visit { tag, events: std::mem::take(&mut visit) });
                }
                let came = *visit.first().unwrap_or(&event);
                visit.push(Event { source: came.source, channel: came.channel, ..event });
            }
            if !visit.is_empty() {
                world.visits.push(Visit { tag, events: visit });
            }
        }
        world
    }

    pub(super) fn views(&self) -> impl Iterator<Item = &Event> {
        self.visits.iter().flat_map(Visit::views)
    }

    pub(super) fn customs(&self) -> impl Iterator<Item = &Event> {
        self.visits.iter().flat_map(|v| &v.events).filter(|e| matches!(e.did, Did::Custom(_)))
    }

    /// The fold: what the rule is given.
    pub(super) fn cubes(&self) -> Cubes {
        let mut cubes = Cubes::default();
        let mut seen: HashSet<(u32, &'static str, String)> = HashSet::new();
        let mut first = |tag: u32, fact: &'static str, what: &str| i64::from(seen.insert((tag, fact, what.to_owned())));
        let names = |cube: Cube, at: &dyn Fn(D) -> &'static str| -> Vec<&'static str> {
            cube.dimensions().iter().map(|d| at(*d)).collect()
        };
        for visit in &self.visits {
            let (came, tag) = (visit.first(), visit.tag);
            let customs = visit.events.len() - visit.views().count();
            let sums = Cube::Visits.measures().iter().map(|m| match m {
                M::Visits => 1,
                M::Bounces => i64::from(visit.bounced()),
                M::Pageviews => visit.views().count() as i64,
                M::Events => (visit.views().count() + customs) as i64,
                M::Seconds => visit.seconds(),
                M::Visitors => first(tag, "today", ""),
                M::VisitorsHour => first(tag, "hour", &came.hour().to_string()),
                M::VisitorsSource => first(tag, "source", came.source),
                M::VisitorsChannel => first(tag, "channel", came.channel),
                M::VisitorsEntryPage => first(tag, "entry", came.page),
                other => unreachable!("{other:?}"),
            });
            let sums: Vec<i64> = sums.collect();
            cubes.table_mut(Cube::Visits).add(came.hour(), &names(Cube::Visits, &|d| visit.at(d)), &sums);
            let last = visit.views().last().map(|e| e.t);
            for (n, view) in visit.views().enumerate() {
                let again = visit.views().take(n).any(|before| before.page == view.page);
                let exits = i64::from(Some(view.t) == last && n + 1 == visit.views().count());
                let sums: Vec<i64> = Cube::Pages
                    .measures()
                    .iter()
                    .map(|m| match m {
                        M::Pageviews => 1,
                        M::Visitors => first(tag, "page", view.page),
                        M::Visits => i64::from(!again),
                        M::Entries => i64::from(view.t == came.t && n == 0),
                        M::Exits => exits,
                        M::ExitVisitors => exits * first(tag, "exit", view.page),
                        M::EngagedS | M::Scroll => 0,
                        other => unreachable!("{other:?}"),
                    })
                    .collect();
                cubes.table_mut(Cube::Pages).add(view.hour(), &names(Cube::Pages, &|d| view.at(d)), &sums);
            }
            for (n, event) in visit.events.iter().enumerate().filter(|(_, e)| e.did != Did::View) {
                let again = visit.events[..n].iter().any(|before| before.did == event.did);
                let fresh = first(tag, "custom", event.name());
                cubes.table_mut(Cube::Events).add(
                    event.hour(),
                    &names(Cube::Events, &|d| event.at(d)),
                    &[1, fresh, i64::from(!again), 0],
                );
            }
        }
        for event in &self.errors {
            let fresh = first(event.tag, "error", event.name());
            cubes.table_mut(Cube::Events).add(
                event.hour(),
                &names(Cube::Events, &|d| event.at(d)),
                &[1, fresh, fresh, 0],
            );
        }
        cubes
    }
}
