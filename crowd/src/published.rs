//! What one (site, day, round) publishes: totals, views, groups of hours. All fields are private: other crates read
//! what is here, and cannot make any of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use schema::cubes::Cube;
use schema::dimensions::Dimension as D;
use schema::event::Kind;
use schema::measures::Measure as M;
use schema::views::{Part, VIEWS, View};

use crate::custom::Custom;
use crate::judge::{Judge, Judged};
use crate::numbers::Numbers;
use crate::people::People;
use crate::table::{Cubes, Rows};
use crate::{K, hours, totals};

/// A value that is published under its name, and its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub(crate) name: Arc<str>,
    pub(crate) parent: Option<Arc<str>>,
    pub(crate) numbers: Numbers,
}

impl Cell {
    /// The value.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The value of the parent view in which it lies; none: all values of the view lie side by side.
    pub fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// Its numbers.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}

/// What is published of one view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublishedView {
    pub(crate) cells: Vec<Cell>,
    pub(crate) other: Option<Numbers>,
}

impl PublishedView {
    /// The values that are named, by name.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// All other values together; none: there are no others.
    pub fn other(&self) -> Option<&Numbers> {
        self.other.as_ref()
    }
}

/// Neighbouring hours, merged until they are a crowd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourGroup {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) numbers: Numbers,
}

impl HourGroup {
    /// The UTC second at which its first hour began.
    pub fn first(&self) -> u32 {
        self.first
    }

    /// The UTC second at which its last hour began.
    pub fn last(&self) -> u32 {
        self.last
    }

    /// Its numbers.
    pub fn numbers(&self) -> &Numbers {
        &self.numbers
    }
}

/// Everything that one (site, day, round) publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    totals: Numbers,
    hours: Vec<HourGroup>,
    views: BTreeMap<&'static str, PublishedView>,
}

impl Published {
    /// Applies the rule.
    pub fn of(cubes: Cubes, k: K) -> Published {
        publish(cubes, k)
    }

    /// The bare totals of the rows that were judged.
    pub fn totals(&self) -> &Numbers {
        &self.totals
    }

    /// By hour; empty where the whole day is no crowd: then nothing is published about when visitors came.
    pub fn hours(&self) -> &[HourGroup] {
        &self.hours
    }

    /// One view; none: the rule of today does not judge it.
    pub fn view(&self, view: &View) -> Option<&PublishedView> {
        self.views.get(view.name)
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        // A shared name has two counters before it, and an allocator's overhead.
        let cell = |cell: &Cell| size_of::<Cell>() + cell.name.len() + 32 + cell.numbers.bytes();
        let view = |view: &PublishedView| {
            let other = view.other.as_ref().map_or(0, Numbers::bytes);
            size_of::<PublishedView>() + other + view.cells.iter().map(cell).sum::<usize>()
        };
        let hour = |group: &HourGroup| size_of::<HourGroup>() + group.numbers.bytes();
        let views = self.views.values().map(view).sum::<usize>();
        size_of::<Published>() + self.totals.bytes() + self.hours.iter().map(hour).sum::<usize>() + views
    }
}

/// Whether the rule of today judges a view; others are neither read nor published.
///
/// It judges single views of visits, of page views and of events by name, all columns of which are there. Of events
/// only custom ones are judged.
pub fn is_judged(view: &View) -> bool {
    let part = matches!(view.part, Part::Visits | Part::Pages | Part::Events);
    part && view.b.is_none() && view.missing_columns().is_empty()
}

/// The measures that are published of a view, where its cells are crowds.
pub fn measures(view: &View) -> Vec<M> {
    if !is_judged(view) {
        return vec![];
    }
    let mut measures = view.measures.to_vec();
    if view.visitors.is_some() {
        measures.push(M::Visitors);
    }
    if has_custom_events(view) {
        measures.push(M::Events);
    }
    if view.part == Part::Visits {
        measures.extend([M::Bounces, M::Seconds]);
    }
    measures
}

/// Whether the view tells custom events too: if the cube of events has its dimension.
pub(crate) fn has_custom_events(view: &View) -> bool {
    matches!(view.part, Part::Visits | Part::Pages) && Cube::Events.has_dimension(view.a)
}

/// The cubes that the rule needs. Of each cube, only the rows that have `names` are needed.
pub fn cubes() -> impl Iterator<Item = Cube> {
    let judged = |cube: &&Cube| VIEWS.iter().any(|view| is_judged(view) && view.cube() == **cube);
    Cube::ALL.iter().filter(judged).copied()
}

/// The names that the needed rows of a cube have. Of events, only custom ones are judged; their rows with a property
/// would count them again.
pub fn names(cube: Cube) -> Vec<(D, &'static str)> {
    match cube {
        Cube::Events => vec![(D::Kind, Kind::Custom.label()), (D::Property, "")],
        Cube::Visits | Cube::Pages | Cube::Fates | Cube::Campaigns | Cube::Items => vec![],
    }
}

/// The spine: each view passes its own crowd, in the order of the table, because a view needs what its parent and the
/// view that decides about its names published.
fn publish(mut cubes: Cubes, k: K) -> Published {
    let visits = cubes.take(Cube::Visits).into_rows(None);
    let pages = cubes.take(Cube::Pages).into_rows(None);
    let events = cubes.take(Cube::Events).into_rows(Some((D::Kind, Kind::Custom.label())));
    let by_visits = People::of(Part::Visits, &visits);
    let by_pages = People::of(Part::Pages, &pages);
    let by_events = People::of(Part::Events, &events);
    let custom = Custom::new(&events, &by_events, k);
    let part = |part| -> Option<(&Rows, &People<'_>)> {
        match part {
            Part::Visits => Some((&visits, &by_visits)),
            Part::Pages => Some((&pages, &by_pages)),
            Part::Events => Some((&events, &by_events)),
            Part::Exits
            | Part::Engaged
            | Part::Properties
            | Part::Goals
            | Part::Steps
            | Part::Campaigns
            | Part::Won
            | Part::Orders
            | Part::Items
            | Part::Opens
            | Part::Fates => None,
        }
    };
    let mut judged: BTreeMap<&'static str, Judged> = BTreeMap::new();
    for view in VIEWS.iter().filter(|view| is_judged(view)) {
        let Some((rows, people)) = part(view.part) else { continue };
        let judge = Judge { rows, people, custom: &custom, before: &judged, k };
        judged.insert(view.name, judge.view(view));
    }
    let spans = hours::merge(&visits, &pages, k, &by_visits);
    Published {
        totals: totals::of(&visits, custom.total, k),
        hours: hours::publish((&visits, &pages), &by_visits, &spans, &custom.by_hours(&spans), k),
        views: judged.into_iter().map(|(name, judged)| (name, judged.published)).collect(),
    }
}
