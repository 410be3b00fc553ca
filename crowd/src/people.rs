//! A lower bound of how many visitor tags are behind some rows.
//!
//! A sum of firsts counts a tag at most once within one value of its dimension, and a tag has one frozen profile for
//! the whole day. So the largest such sum of a profile is a lower bound, and the bounds of different profiles add up.
//! The sums are taken per value before any recoding: summed over "(other)", a tag would count once per value. Rows
//! without a first were caused by at least one tag.

use schema::dimensions::Dimension as D;
use schema::measures::Measure as M;
use schema::views::{self, Part, View};

use crate::table::Rows;

/// Counts people behind rows of one table.
pub(crate) struct People<'a> {
    profile: &'a [u32],
    firsts: Vec<First<'a>>,
    /// The bound of each row by itself: most profiles have one row in most groups.
    alone: Vec<i64>,
}

/// Sums that count a tag (or a visit) once within each value; without values: once at all.
struct First<'a> {
    sums: &'a [i64],
    within: Option<&'a [u32]>,
}

impl<'a> People<'a> {
    /// By the firsts that the single views of a part publish as visitors, and by those of the hours. Of events: rows of
    /// one kind, because names are first within their kind.
    pub(crate) fn of(part: Part, rows: &'a Rows) -> People<'a> {
        let mut columns: Vec<(M, Option<D>)> = vec![];
        for view in View::of_part(part).filter(|view| view.b.is_none()) {
            let Some(views::First::Column(measure)) = view.visitors else { continue };
            // A tag has one value of a frozen dimension all day: the sum counts it once under any of them.
            let column = (measure, (!view.a.is_frozen()).then_some(view.a));
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let first = |(measure, within): (M, Option<D>)| First {
            sums: rows.sums(measure),
            within: within.map(|dimension| rows.ids(dimension)),
        };
        let mut firsts: Vec<First<'_>> = columns.into_iter().map(first).collect();
        if rows.cube.has_measure(M::VisitorsHour) {
            firsts.push(First { sums: rows.sums(M::VisitorsHour), within: Some(&rows.hour) });
        }
        People::by(rows, firsts)
    }

    /// At least so many visits: each is counted once per value of `within`.
    pub(crate) fn visits(rows: &'a Rows, within: D) -> People<'a> {
        People::by(rows, vec![First { sums: rows.sums(M::Visits), within: Some(rows.ids(within)) }])
    }

    fn by(rows: &'a Rows, firsts: Vec<First<'a>>) -> People<'a> {
        let alone =
            (0..rows.len()).map(|row| firsts.iter().map(|first| first.sums[row]).max().unwrap_or(0).max(1)).collect();
        People { profile: &rows.profile, firsts, alone }
    }

    /// The lower bound. Rows are numbered in the order of their profiles, and given in that order.
    pub(crate) fn count(&self, rows: &[u32]) -> i64 {
        debug_assert!(rows.is_sorted());
        let mut scratch = vec![];
        let runs = rows.chunk_by(|a, b| self.profile[*a as usize] == self.profile[*b as usize]);
        runs.map(|run| if let [row] = run { self.alone[*row as usize] } else { self.profiled(run, &mut scratch) }).sum()
    }

    /// The bound for rows of one profile.
    fn profiled(&self, run: &[u32], scratch: &mut Vec<(u32, i64)>) -> i64 {
        let largest = |first: &First<'_>| match first.within {
            None => run.iter().map(|row| first.sums[*row as usize]).sum(),
            Some(within) => {
                scratch.clear();
                scratch.extend(run.iter().map(|row| (within[*row as usize], first.sums[*row as usize])));
                scratch.sort_unstable();
                let values = scratch.chunk_by(|a, b| a.0 == b.0);
                values.map(|value| value.iter().map(|(_, sum)| sum).sum()).max().unwrap_or(0)
            }
        };
        self.firsts.iter().map(largest).max().unwrap_or(0).max(1)
    }
}
