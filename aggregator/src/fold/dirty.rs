//! Dirty visits: those that began or changed since the last drain.
//!
//! Bounce, exit and duration of a visit can change with every event. They are not added to cells at each event. Once
//! per drain the difference to what earlier drains emitted is added, so that corrections cancel before they become
//! rows.

use super::keys::VisitSums;
use super::visitor::{Exit, NONE, Visit};

/// A visit that began or changed since the last drain.
#[derive(Clone, Copy)]
pub(super) struct DirtyVisit {
    /// The row of its visitor.
    pub(super) visitor: u32,
    pub(super) emitted: Emitted,
    pub(super) firsts: StartFirsts,
    /// Page views since the last drain.
    pub(super) pageviews: u32,
    /// Events since the last drain.
    pub(super) events: u32,
    /// The row of the page on which the visit ends now, if that page view came since the last drain.
    pub(super) exit_row: u32,
}

/// What earlier drains emitted of the values of a visit that can still change.
#[derive(Clone, Copy, Default)]
pub(super) struct Emitted {
    pub(super) seconds: u32,
    pub(super) exit: Option<Exit>,
    pub(super) bounced: bool,
}

/// Of what the start of a visit is a first. All false if the visit did not begin since the last drain.
#[derive(Clone, Copy, Default)]
pub(super) struct StartFirsts {
    pub(super) visit: bool,
    pub(super) today: bool,
    pub(super) in_hour: bool,
    pub(super) by_source: bool,
    pub(super) by_channel: bool,
    pub(super) by_entry: bool,
}

impl DirtyVisit {
    pub(super) fn new(visitor: u32, emitted: Emitted, firsts: StartFirsts) -> DirtyVisit {
        DirtyVisit { visitor, emitted, firsts, pageviews: 0, events: 0, exit_row: NONE }
    }

    /// What must be added to the cells so that they agree with the visit as it is now.
    pub(super) fn sums(&self, visit: &Visit) -> VisitSums {
        let count = |n: u32| i32::try_from(n).expect("a batch is too small for a sum beyond 31 bits");
        VisitSums {
            visits: self.firsts.visit.into(),
            bounces: i32::from(visit.bounced) - i32::from(self.emitted.bounced),
            pageviews: count(self.pageviews),
            events: count(self.events),
            seconds: count(visit.seconds() - self.emitted.seconds),
            visitors: self.firsts.today.into(),
            visitors_hour: self.firsts.in_hour.into(),
            visitors_source: self.firsts.by_source.into(),
            visitors_channel: self.firsts.by_channel.into(),
            visitors_entry_page: self.firsts.by_entry.into(),
        }
    }
}

impl Emitted {
    /// For a visit of which all values were emitted.
    pub(super) fn all_of(visit: &Visit) -> Emitted {
        Emitted { seconds: visit.seconds(), exit: visit.exit(), bounced: visit.bounced }
    }
}
