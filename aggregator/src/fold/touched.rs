//! A visit that began or changed since the last drain: what it was then, and what has come since.

use super::keys::VisitSums;
use super::visitor::{Exit, NONE, Visit};

/// A visit that began or changed since the last drain.
#[derive(Clone, Copy)]
pub(super) struct Touched {
    pub(super) visitor: u32,
    /// What the last drain told of it.
    pub(super) told: Told,
    pub(super) begun: Begun,
    pub(super) pageviews: u32,
    pub(super) events: u32,
    /// The row of the page it now ends with, if that came since the last drain.
    pub(super) exit_row: u32,
}

/// What cells know of a visit that can still change.
#[derive(Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) seconds: u32,
    pub(super) exit: Option<Exit>,
    pub(super) bounced: bool,
}

/// What a visit is the first of; all false if it did not begin since the last drain.
#[derive(Clone, Copy, Default)]
pub(super) struct Begun {
    pub(super) visit: bool,
    pub(super) today: bool,
    pub(super) in_hour: bool,
    pub(super) by_source: bool,
    pub(super) by_channel: bool,
    pub(super) by_entry: bool,
}

impl Touched {
    pub(super) fn new(visitor: u32, told: Told, begun: Begun) -> Touched {
        Touched { visitor, told, begun, pageviews: 0, events: 0, exit_row: NONE }
    }

    /// What is to be told of the visit, now that it is so far.
    pub(super) fn sums(&self, visit: &Visit) -> VisitSums {
        let count = |n: u32| i32::try_from(n).expect("a batch is too small for a sum beyond 31 bits");
        VisitSums {
            visits: self.begun.visit.into(),
            bounces: i32::from(visit.bounced) - i32::from(self.told.bounced),
            pageviews: count(self.pageviews),
            events: count(self.events),
            seconds: count(visit.seconds() - self.told.seconds),
            visitors: self.begun.today.into(),
            visitors_hour: self.begun.in_hour.into(),
            visitors_source: self.begun.by_source.into(),
            visitors_channel: self.begun.by_channel.into(),
            visitors_entry_page: self.begun.by_entry.into(),
        }
    }
}

impl Told {
    /// All there is to know of a visit.
    pub(super) fn of(visit: &Visit) -> Told {
        Told { seconds: visit.seconds(), exit: visit.exit(), bounced: visit.bounced }
    }
}
