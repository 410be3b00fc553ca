//! The values of one dimension, side by side or each within its parent, and which of them may be named.

use std::collections::{HashMap, HashSet};

use schema::dimensions::Dimension;

use crate::K;
use crate::hide::{Group, hide, rows_of};
use crate::people::People;
use crate::table::Rows;

/// The class of values whose parent is not named. None of them is named either.
pub(crate) const ORPHANS: usize = usize::MAX;

/// All values of one dimension, class by class, in the order of names within a class.
#[derive(Debug)]
pub(crate) struct Cut(pub(crate) Vec<Group>);

impl Cut {
    /// Values side by side. `may` decides which names may appear at all.
    pub(crate) fn flat(rows: &Rows, d: Dimension, k: K, people: &People<'_>, may: impl Fn(&str) -> bool) -> Cut {
        let names = rows.names(d);
        let mut by_id: Vec<Vec<u32>> = vec![vec![]; names.len()];
        for (row, id) in rows.ids(d).iter().enumerate() {
            by_id[*id as usize].push(row as u32);
        }
        let values = names.iter().zip(by_id).filter(|(_, rows)| !rows.is_empty());
        let groups = values.map(|(name, rows)| {
            let shown = may(name);
            Group { name: name.clone(), parent: None, class: 0, rows, shown }
        });
        Cut::of(groups.collect(), k, people)
    }

    /// Values within their parents: the same name in two parents is two values.
    pub(crate) fn within(
        parents: &Cut,
        rows: &Rows,
        (parent, child): (Dimension, Dimension),
        k: K,
        people: &People<'_>,
        may: impl Fn(&str, &str) -> bool,
    ) -> Cut {
        let mut by_ids: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
        for (row, ids) in rows.ids(parent).iter().zip(rows.ids(child)).enumerate() {
            by_ids.entry((*ids.0, *ids.1)).or_default().push(row as u32);
        }
        let groups = by_ids.into_iter().map(|((parent_id, id), of)| {
            let (parent, name) = (&rows.names(parent)[parent_id as usize], &rows.names(child)[id as usize]);
            let class = parents.0.binary_search_by(|group| group.name.cmp(parent)).ok();
            let class = class.filter(|at| parents.0[*at].shown).unwrap_or(ORPHANS);
            let shown = class != ORPHANS && may(parent, name);
            Group { name: name.clone(), parent: Some(parent.clone()), class, rows: of, shown }
        });
        Cut::of(groups.collect(), k, people)
    }

    /// Hides class by class.
    pub(crate) fn of(mut groups: Vec<Group>, k: K, people: &People<'_>) -> Cut {
        let order = |group: &Group| (group.class, group.name.clone(), group.parent.clone());
        groups.sort_by_cached_key(order);
        for class in groups.chunk_by_mut(|a, b| a.class == b.class) {
            hide(class, k, people);
        }
        Cut(groups)
    }

    /// The values that are named.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &Group> {
        self.0.iter().filter(|group| group.shown)
    }

    /// The rows of all values that are not named, in rising order.
    pub(crate) fn rest(&self) -> Vec<u32> {
        rows_of(self.0.iter().filter(|group| !group.shown))
    }

    /// The values that are named, each with its parent ("" if there is none).
    pub(crate) fn named(&self) -> HashSet<(&str, &str)> {
        self.shown().map(|group| (group.parent.as_deref().unwrap_or(""), &*group.name)).collect()
    }
}
