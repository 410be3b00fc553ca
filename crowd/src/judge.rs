//! One view: which of its values may be named, and the numbers of each, and of all others together.

use std::collections::{BTreeMap, HashSet};

use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;
use schema::views::{First, Names, Part, View};

use crate::K;
use crate::bounces::Stays;
use crate::custom::{By, Custom};
use crate::cut::Cut;
use crate::hide::Group;
use crate::numbers::{Numbers, Told};
use crate::people::People;
use crate::published::{Cell, PublishedView, has_custom_events};
use crate::table::Rows;

/// What judging a view needs.
pub(crate) struct Judge<'a> {
    /// The rows of the view's part.
    pub(crate) rows: &'a Rows,
    /// Counts the people behind them.
    pub(crate) people: &'a People<'a>,
    pub(crate) custom: &'a Custom<'a>,
    /// The views that were judged before, by name.
    pub(crate) before: &'a BTreeMap<&'static str, Judged>,
    pub(crate) k: K,
}

/// A view that was judged, as far as later views need it.
pub(crate) struct Judged {
    cut: Cut,
    /// Where bounces and seconds are told; of visits only.
    stays: Option<Stays>,
    /// Its custom events, cut by the same names.
    custom: Option<Cut>,
    pub(crate) published: PublishedView,
}

/// The parent within which the rule of today hides the values of a view. It makes trees of sources and regions; the
/// other classes of the table it does not know, and judges their values side by side.
pub(crate) fn nesting(view: &View) -> Option<&'static View> {
    view.parent_view().filter(|parent| matches!(parent.a, D::Channel | D::Country))
}

impl Judge<'_> {
    pub(crate) fn view(&self, view: &View) -> Judged {
        let parent = nesting(view).and_then(|parent| self.before.get(parent.name).map(|judged| (parent.a, judged)));
        let cut = self.cut(view, parent);
        let custom = has_custom_events(view).then(|| match parent {
            Some((d, Judged { custom: Some(parents), .. })) => self.custom.cut_within(parents, (d, view.a), &cut),
            Some(_) | None => self.custom.cut(view.a, &cut),
        });
        let parents = parent.and_then(|(_, judged)| judged.stays.as_ref());
        let stays = (view.part == Part::Visits).then(|| Stays::of(&cut, self.rows, self.k, parents));
        let by = custom.as_ref().map(|custom| self.custom.told(custom));
        let published = self.publish(view, &cut, stays.as_ref(), by.as_ref());
        Judged { cut, stays, custom, published }
    }

    fn cut(&self, view: &View, parent: Option<(D, &Judged)>) -> Cut {
        if let Some((d, judged)) = parent {
            return Cut::within(&judged.cut, self.rows, (d, view.a), self.k, self.people, |_, _| true);
        }
        let others: Option<HashSet<(&str, &str)>> = match view.names {
            Names::Itself | Names::OfDimensions | Names::OfAThenItself => None,
            Names::Of(other) | Names::OfThenItself(other) => {
                Some(self.before.get(other).map(|judged| judged.cut.named()).unwrap_or_default())
            }
        };
        let may = |name: &str| others.as_ref().is_none_or(|named| named.contains(&("", name)));
        Cut::flat(self.rows, view.a, self.k, self.people, may)
    }

    fn publish(&self, view: &View, cut: &Cut, stays: Option<&Stays>, custom: Option<&By>) -> PublishedView {
        let all = self.rows.all();
        if view.part == Part::Events && !all.is_empty() && self.people.count(&all) < self.k.get() {
            // Too few did anything: that they did is all there is, without any number.
            return PublishedView { cells: vec![], other: Some(Numbers::new([])) };
        }
        let stays_of = |at: usize| stays.is_some_and(|stays| stays.groups[at]);
        let shown = cut.0.iter().enumerate().filter(|(_, group)| group.shown);
        let cells = shown.map(|(at, group)| {
            let events = |pageviews| custom.map(|by| by.events(group.parent.as_deref(), &group.name, pageviews));
            let numbers = self.numbers(view, &group.rows, Told::Exactly, stays_of(at), events);
            cell(group, self.with_visitors(view, numbers, &group.rows))
        });
        let cells = cells.collect();
        let rest = cut.rest();
        let other = (!rest.is_empty()).then(|| {
            // A visit that saw several pages, or did several things, counts once in each: together at least so many.
            let visits = |n| match view.part {
                Part::Visits => Told::Exactly(n),
                _ => Told::AtLeast(People::visits(self.rows, view.a).count(&rest)),
            };
            let told = stays.is_some_and(|stays| stays.others.values().all(|told| *told));
            let events = |pageviews| custom.map(|by| by.other(cut.shown(), pageviews));
            let numbers = self.numbers(view, &rest, visits, told, events);
            // A tag has one value of a frozen dimension, so there no tag is counted twice.
            let visitors = match view.visitors {
                Some(First::Column(m)) if view.a.is_frozen() => Told::Exactly(self.rows.sum(m, &rest)),
                Some(_) | None => Told::AtLeast(self.people.count(&rest)),
            };
            Numbers::new(numbers.into_iter().chain([(M::Visitors, visitors)]))
        });
        PublishedView { cells, other }
    }

    /// The numbers of some rows but for visitors. `visits` says how a sum of visits may be told.
    fn numbers(
        &self,
        view: &View,
        rows: &[u32],
        visits: impl Fn(i64) -> Told,
        stays: bool,
        events: impl Fn(i64) -> Option<Told>,
    ) -> Vec<(M, Told)> {
        let sum = |m| self.rows.sum(m, rows);
        let measure = |m: &M| (*m, if *m == M::Visits { visits(sum(*m)) } else { Told::Exactly(sum(*m)) });
        let mut numbers: Vec<(M, Told)> = view.measures.iter().map(measure).collect();
        if let Some(events) = has_custom_events(view).then(|| events(sum(M::Pageviews))).flatten() {
            numbers.push((M::Events, events));
        }
        if stays {
            numbers.extend([M::Bounces, M::Seconds].map(|m| (m, Told::Exactly(sum(m)))));
        }
        numbers
    }

    fn with_visitors(&self, view: &View, numbers: Vec<(M, Told)>, rows: &[u32]) -> Numbers {
        let visitors = match view.visitors {
            Some(First::Column(m)) => Some((M::Visitors, Told::Exactly(self.rows.sum(m, rows)))),
            Some(First::Missing) | None => None,
        };
        Numbers::new(numbers.into_iter().chain(visitors))
    }
}

fn cell(group: &Group, numbers: Numbers) -> Cell {
    Cell { name: group.name.clone(), parent: group.parent.clone(), numbers }
}
