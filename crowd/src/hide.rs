//! Rule 1: of the values that lie side by side, which may be named.

use std::sync::Arc;

use crate::people::People;
use crate::{K, OTHER};

/// A value and its rows.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// The value it lies in.
    pub(crate) parent: Option<Arc<str>>,
    /// Groups of one class lie side by side, and what their class holds together may be known.
    pub(crate) class: usize,
    /// Row numbers, rising.
    pub(crate) rows: Vec<u32>,
    /// Before: whether it has a name that may be told at all. After: whether it may be named.
    pub(crate) shown: bool,
}

/// Leaves those shown that are a crowd; what is hidden is then no one, or a crowd too: until it is, the smallest shown
/// value joins it. Groups are in the order of their names.
pub(crate) fn hide(groups: &mut [Group], k: K, people: &People<'_>) {
    let mut smallest: Vec<(i64, usize)> = vec![];
    for (at, group) in groups.iter_mut().enumerate() {
        let size = if group.shown { people.count(&group.rows) } else { 0 };
        group.shown = size >= k.get() && !group.name.ends_with(OTHER);
        if group.shown {
            smallest.push((size, at));
        }
    }
    smallest.sort_unstable();
    let mut rest = rows_of(groups.iter().filter(|group| !group.shown));
    for (_, at) in smallest {
        if k.none_or_crowd(people.count(&rest)) {
            break;
        }
        groups[at].shown = false;
        rest = rows_of(groups.iter().filter(|group| !group.shown));
    }
}

/// The rows of several groups, rising.
pub(crate) fn rows_of<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<u32> {
    let mut rows: Vec<u32> = groups.flat_map(|group| group.rows.iter().copied()).collect();
    rows.sort_unstable();
    rows
}
