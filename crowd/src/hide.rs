//! Which of the values that lie side by side may be named. All values that may not are published together.

use std::sync::Arc;

use crate::people::People;
use crate::{K, OTHER};

/// A value and its rows.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: Arc<str>,
    /// The value of the parent view in which it lies.
    pub(crate) parent: Option<Arc<str>>,
    /// Groups of one class lie side by side. The sum over a class may be known from elsewhere.
    pub(crate) class: usize,
    /// Row numbers, in rising order.
    pub(crate) rows: Vec<u32>,
    /// Before `hide`: whether its name may appear at all. After `hide`: whether the value is named.
    pub(crate) shown: bool,
}

/// Names the groups that are crowds. All hidden groups together must be nobody or a crowd too: until they are, the
/// smallest named group is hidden as well. Groups come in the order of their names.
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

/// The rows of several groups, in rising order.
pub(crate) fn rows_of<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<u32> {
    let mut rows: Vec<u32> = groups.flat_map(|group| group.rows.iter().copied()).collect();
    rows.sort_unstable();
    rows
}
