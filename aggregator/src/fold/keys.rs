//! What tells the rows of each cube apart, and what is summed in them.

use std::hash::Hash;

use schema::cubes::Cube;
use schema::day::{bucket_of, hour_of};
use schema::event::{Channel, Kind};

use super::names::{Name, of_channel, of_kind};
use super::profile::Profiles;

/// The finest time that leaves the fold.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct When {
    pub(super) bucket: u32,
    pub(super) hour: u32,
}

impl When {
    pub(super) fn of(time_s: u32, offset_quarters: i8) -> When {
        When { bucket: bucket_of(time_s), hour: hour_of(time_s, offset_quarters) }
    }
}

/// What tells the rows of one cube apart.
pub(super) trait Key: Eq + Hash + Clone {
    /// The cube.
    const CUBE: Cube;
    /// An array, one name per dimension.
    type Names: AsRef<[Name]>;
    /// In the order of `CUBE.dimensions()`.
    fn names(&self, profiles: &Profiles) -> Self::Names;
    /// Nothing if the cube is not timed.
    fn when(&self) -> Option<When>;
}

/// A key of `live_visits`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct VisitKey {
    pub(super) when: When,
    pub(super) entry: Name,
    pub(super) source: Name,
    pub(super) channel: Channel,
    pub(super) profile: u32,
}

impl Key for VisitKey {
    const CUBE: Cube = Cube::Visits;
    type Names = [Name; 10];

    fn names(&self, profiles: &Profiles) -> [Name; 10] {
        let p = profiles.get(self.profile);
        let channel = of_channel(self.channel);
        [self.entry, self.source, channel, p.country, p.region, p.device, p.browser, p.os, p.language, p.screen]
    }

    fn when(&self) -> Option<When> {
        Some(self.when)
    }
}

/// The sums of `live_visits`, in the cube's order.
#[derive(Clone, Copy, Default)]
pub(super) struct VisitSums {
    pub(super) visits: i32,
    pub(super) bounces: i32,
    pub(super) pageviews: i32,
    pub(super) events: i32,
    pub(super) seconds: i32,
    pub(super) visitors: i32,
    pub(super) visitors_hour: i32,
    pub(super) visitors_source: i32,
    pub(super) visitors_channel: i32,
    pub(super) visitors_entry_page: i32,
}

impl From<VisitSums> for [i32; 10] {
    fn from(s: VisitSums) -> [i32; 10] {
        [
            s.visits,
            s.bounces,
            s.pageviews,
            s.events,
            s.seconds,
            s.visitors,
            s.visitors_hour,
            s.visitors_source,
            s.visitors_channel,
            s.visitors_entry_page,
        ]
    }
}

/// A key of `live_pages`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct PageKey {
    pub(super) when: When,
    pub(super) page: Name,
    pub(super) source: Name,
    pub(super) channel: Channel,
    pub(super) profile: u32,
}

impl Key for PageKey {
    const CUBE: Cube = Cube::Pages;
    type Names = [Name; 8];

    fn names(&self, profiles: &Profiles) -> [Name; 8] {
        let p = profiles.get(self.profile);
        [self.page, self.source, of_channel(self.channel), p.country, p.device, p.browser, p.os, p.language]
    }

    fn when(&self) -> Option<When> {
        Some(self.when)
    }
}

/// The sums of `live_pages`, in the cube's order.
#[derive(Clone, Copy, Default)]
pub(super) struct PageSums {
    pub(super) pageviews: i32,
    pub(super) visitors: i32,
    pub(super) visits: i32,
    pub(super) entries: i32,
    pub(super) exits: i32,
    pub(super) exit_visitors: i32,
    pub(super) engaged_s: i32,
    pub(super) scroll: i32,
}

impl From<PageSums> for [i32; 8] {
    fn from(s: PageSums) -> [i32; 8] {
        [s.pageviews, s.visitors, s.visits, s.entries, s.exits, s.exit_visitors, s.engaged_s, s.scroll]
    }
}

/// A key of `live_events`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct EventKey {
    pub(super) when: When,
    pub(super) kind: Kind,
    pub(super) name: Name,
    /// Empty on the event's own row, which alone counts for totals.
    pub(super) property: Name,
    pub(super) value: Name,
    pub(super) page: Name,
    pub(super) source: Name,
    pub(super) channel: Channel,
    pub(super) country: Name,
    pub(super) device: Name,
}

impl Key for EventKey {
    const CUBE: Cube = Cube::Events;
    type Names = [Name; 9];

    fn names(&self, _: &Profiles) -> [Name; 9] {
        let (kind, channel) = (of_kind(self.kind), of_channel(self.channel));
        let EventKey { name, property, value, page, source, country, device, .. } = *self;
        [kind, name, property, value, page, source, channel, country, device]
    }

    fn when(&self) -> Option<When> {
        Some(self.when)
    }
}

/// The sums of `live_events`, in the cube's order.
#[derive(Clone, Copy, Default)]
pub(super) struct EventSums {
    pub(super) events: i64,
    pub(super) visitors: i64,
    pub(super) visits: i64,
    pub(super) amount: i64,
}

impl From<EventSums> for [i64; 4] {
    fn from(s: EventSums) -> [i64; 4] {
        [s.events, s.visitors, s.visits, s.amount]
    }
}

/// A key of `live_fates`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct FateKey {
    pub(super) reason: Name,
    pub(super) crawler: Name,
}

impl Key for FateKey {
    const CUBE: Cube = Cube::Fates;
    type Names = [Name; 2];

    fn names(&self, _: &Profiles) -> [Name; 2] {
        [self.reason, self.crawler]
    }

    fn when(&self) -> Option<When> {
        None
    }
}
