//! What one (site, day, round) may say: totals, single views, groups of hours.

use std::sync::Arc;

use schema::dimensions::Dimension as D;
use schema::event::Kind;

use crate::bounces::Stays;
use crate::custom::{By, Custom};
use crate::cut::Cut;
use crate::people::People;
use crate::table::Cubes;
use crate::{K, hours, views};

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
    pub views: Vec<(D, View)>,
}

impl Published {
    /// Applies the rule.
    pub fn of(cubes: Cubes, k: K) -> Published {
        publish(cubes, k)
    }

    /// One dimension; none: it has no view.
    pub fn view(&self, dimension: D) -> Option<&View> {
        self.views.iter().find(|(d, _)| *d == dimension).map(|(_, view)| view)
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        // A shared name has two counters before it, and an allocator's overhead.
        let cell = |cell: &Cell| size_of::<Cell>() + cell.name.len() + 32;
        let views = self.views.iter().map(|(_, view)| size_of::<View>() + view.cells.iter().map(cell).sum::<usize>());
        size_of::<Published>() + self.hours.len() * size_of::<HourGroup>() + views.sum::<usize>()
    }
}

/// The spine: decides which names may appear, then lets every view pass its own crowd.
fn publish(cubes: Cubes, k: K) -> Published {
    let visits = cubes.visits.rows(None);
    let pages = cubes.pages.rows(None);
    let events = cubes.events.rows(Some((D::Kind, Kind::Custom.label())));
    let (people, readers, doers) = (People::of(&visits), People::of(&pages), People::of(&events));
    let custom = Custom::new(&events, &doers, k);

    let flat = |d| Cut::flat(&visits, d, k, &people, |_| true);
    let [channel, country, device] = [D::Channel, D::Country, D::Device].map(flat);
    let source = Cut::within(&channel, &visits, (D::Channel, D::Source), k, &people, |_, _| true);
    let region = Cut::within(&country, &visits, (D::Country, D::Region), k, &people, |_, _| true);
    let page = Cut::flat(&pages, D::Page, k, &readers, |_| true);
    let paged = page.named();
    let entry_page = Cut::flat(&visits, D::EntryPage, k, &people, |name| paged.contains(&("", name)));
    let spans = hours::merge(&visits, &pages, k, &people);

    let by_channel = custom.cut(D::Channel, &channel);
    let by_source = custom.cut_within(&by_channel, (D::Channel, D::Source), &source);
    let by = |d, cut: &Cut| custom.told(&custom.cut(d, cut));
    let of_visits = |d: D, cut: &Cut, parents: Option<&Stays>, custom: Option<&By>| {
        let stays = Stays::of(cut, &visits, k, parents);
        let view = views::of_visits(&visits, &people, (d, cut), &stays, custom);
        ((d, view), stays)
    };
    let (channel_view, channel_stays) = of_visits(D::Channel, &channel, None, Some(&custom.told(&by_channel)));
    let (country_view, country_stays) = of_visits(D::Country, &country, None, Some(&by(D::Country, &country)));
    let mut views = vec![
        channel_view,
        of_visits(D::Source, &source, Some(&channel_stays), Some(&custom.told(&by_source))).0,
        country_view,
        of_visits(D::Region, &region, Some(&country_stays), None).0,
        of_visits(D::Device, &device, None, Some(&by(D::Device, &device))).0,
        of_visits(D::EntryPage, &entry_page, None, None).0,
        (D::Page, views::of_pages(&pages, &readers, &page, &by(D::Page, &page))),
        (D::Name, views::of_names(&events, &doers, k)),
    ];
    for d in [D::Browser, D::Os, D::Language, D::Screen] {
        views.push(of_visits(d, &flat(d), None, None).0);
    }
    Published {
        totals: views::totals(&visits, custom.total, k),
        hours: views::of_hours((&visits, &pages), &people, &spans, &custom.by_hours(&spans), k),
        views,
    }
}
