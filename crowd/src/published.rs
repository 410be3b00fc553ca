//! What one (site, day, round) may say: totals, single views, groups of hours.

use std::sync::Arc;

use schema::dimensions::Dimension;

use crate::K;
use crate::table::Cubes;

/// A number, and how much of it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// This is the number.
    Exactly(i64),
    /// The number is this or more.
    AtLeast(i64),
    /// Nothing may be told, or the cube has no such number.
    Withheld,
}

/// What is told of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Visits.
    pub visits: Told,
    /// Visitor tags.
    pub visitors: Told,
    /// Page views.
    pub pageviews: Told,
    /// Page views and custom events; of an event's name: its events.
    pub events: Told,
    /// Visits of one page view and no interactive event.
    pub bounces: Option<i64>,
    /// Seconds from a visit's first event to its last.
    pub seconds: Option<i64>,
}

/// A value that may be named, and its numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The value.
    pub name: Arc<str>,
    /// The value of the parent dimension it lies in.
    pub parent: Option<Arc<str>>,
    /// Its numbers.
    pub numbers: Numbers,
}

/// One dimension.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// The values that may be named, by name.
    pub cells: Vec<Cell>,
    /// All others together; none: there are no others.
    pub other: Option<Numbers>,
}

/// Neighbouring hours merged until they are a crowd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourGroup {
    /// The UTC second at which its first hour began.
    pub first: u32,
    /// The UTC second at which its last hour began.
    pub last: u32,
    /// Its numbers.
    pub numbers: Numbers,
}

/// Everything one (site, day, round) may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The bare totals.
    pub totals: Numbers,
    /// By hour; empty where the whole day is no crowd, and nothing is told about when it came.
    pub hours: Vec<HourGroup>,
    /// By dimension.
    pub views: Vec<(Dimension, View)>,
}

impl Published {
    /// Applies the rule.
    pub fn of(cubes: Cubes, k: K) -> Published {
        publish(cubes, k)
    }

    /// One dimension; none: it has no view.
    pub fn view(&self, dimension: Dimension) -> Option<&View> {
        self.views.iter().find(|(d, _)| *d == dimension).map(|(_, view)| view)
    }
}

fn publish(_cubes: Cubes, _k: K) -> Published {
    let nothing = Told::Withheld;
    let totals = Numbers {
        visits: nothing,
        visitors: nothing,
        pageviews: nothing,
        events: nothing,
        bounces: None,
        seconds: None,
    };
    Published { totals, hours: vec![], views: vec![] }
}
