//! Custom events by another dimension, or by hour. Only some of a cell's people cause them, so each such view has a
//! crowd of its own. Where the view names a value, the custom events of that value are told; hidden ones may be
//! anywhere.
//!
//! Each kind of event is judged by itself. No answer adds kinds up, so the events of other kinds cannot be subtracted
//! out, and a kind that few caused (an error on one page) need not hide the names of custom events. A view that told
//! all kinds together would have to hide the smallest shown one, as `hide` does.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;

use crate::K;
use crate::cut::Cut;
use crate::hide::Group;
use crate::hours::Span;
use crate::numbers::Told;
use crate::people::People;
use crate::table::Rows;

/// The custom events of the day.
pub(crate) struct Custom<'a> {
    rows: &'a Rows,
    people: &'a People<'a>,
    k: K,
    /// How many there are; none: they are of too few visitors to be told.
    pub(crate) total: Option<i64>,
}

/// Custom events of the values that may be named, by parent and name, and of all others together.
#[derive(Debug)]
pub(crate) struct By {
    named: HashMap<(Arc<str>, Arc<str>), i64>,
    rest: Option<i64>,
}

impl<'a> Custom<'a> {
    pub(crate) fn new(rows: &'a Rows, people: &'a People<'a>, k: K) -> Custom<'a> {
        let all = rows.all();
        let total = k.none_or_crowd(people.count(&all)).then(|| rows.sum(M::Events, &all));
        Custom { rows, people, k, total }
    }

    /// By a dimension without a parent. `deciding` is the cut that decides which names may appear.
    pub(crate) fn cut(&self, d: D, deciding: &Cut) -> Cut {
        let named = deciding.named();
        Cut::flat(self.rows, d, self.k, self.people, |name| named.contains(&("", name)))
    }

    /// By a dimension within its parent. `parents` is the cut of the parent's own custom events.
    pub(crate) fn cut_within(&self, parents: &Cut, (parent, child): (D, D), deciding: &Cut) -> Cut {
        let named = deciding.named();
        let may = |parent: &str, name: &str| named.contains(&(parent, name));
        Cut::within(parents, self.rows, (parent, child), self.k, self.people, may)
    }

    /// By the groups of hours: of each group, by the hour it begins.
    pub(crate) fn by_hours(&self, spans: &[Span]) -> By {
        let mut groups: BTreeMap<Option<usize>, Vec<u32>> = BTreeMap::new();
        for (row, hour) in self.rows.hour.iter().enumerate() {
            let within = spans.iter().position(|span| (span.first..=span.last).contains(hour));
            groups.entry(within).or_default().push(row as u32);
        }
        let group = |(within, rows): (Option<usize>, Vec<u32>)| Group {
            name: within.map_or_else(|| "".into(), |at| hour_name(spans[at].first)),
            parent: None,
            class: 0,
            rows,
            shown: within.is_some(),
        };
        self.told(&Cut::of(groups.into_iter().map(group).collect(), self.k, self.people))
    }

    /// The sums of a cut.
    pub(crate) fn told(&self, cut: &Cut) -> By {
        let named = cut.shown().map(|group| {
            let parent = group.parent.clone().unwrap_or_else(|| "".into());
            ((parent, group.name.clone()), self.rows.sum(M::Events, &group.rows))
        });
        let named: HashMap<_, i64> = named.collect();
        let rest = self.total.map(|total| total - named.values().sum::<i64>());
        By { named, rest }
    }
}

/// How a group of hours is called among names: in the order of time.
pub(crate) fn hour_name(first: u32) -> Arc<str> {
    format!("{first:010}").into()
}

impl By {
    /// Page views and custom events of a value. Where the value is not named here, some may be missing: unless none
    /// are.
    pub(crate) fn events(&self, parent: Option<&str>, name: &str, pageviews: i64) -> Told {
        let key = (parent.unwrap_or("").into(), name.into());
        match (self.named.get(&key), self.rest) {
            (Some(custom), _) => Told::Exactly(pageviews + custom),
            (None, Some(0)) => Told::Exactly(pageviews),
            (None, Some(_) | None) => Told::AtLeast(pageviews),
        }
    }

    /// Page views and custom events of all values that `cells` does not name: exact where each of those is told.
    pub(crate) fn other<'b>(&self, cells: impl Iterator<Item = &'b Group>, pageviews: i64) -> Told {
        let mut all_told = true;
        for group in cells {
            let parent = group.parent.clone().unwrap_or_else(|| "".into());
            all_told &= self.named.contains_key(&(parent, group.name.clone()));
        }
        match self.rest {
            Some(rest) if all_told || rest == 0 => Told::Exactly(pageviews + rest),
            Some(_) | None => Told::AtLeast(pageviews),
        }
    }
}
