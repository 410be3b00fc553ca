//! Bounces and seconds. They are told of a cell only if the visits that bounced and the visits that stayed are each
//! none or a crowd, in the cell and in all untold cells of its class together.

use std::collections::BTreeMap;

use schema::measures::Measure as M;

use crate::cut::{Cut, ORPHANS};
use crate::hide::Group;
use crate::table::Rows;
use crate::{K, OTHER};

/// Visits that bounced and visits that stayed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stay {
    pub(crate) bounced: i64,
    pub(crate) stayed: i64,
}

impl Stay {
    pub(crate) fn of(rows: &Rows, of: &[u32]) -> Stay {
        let bounced = rows.sum(M::Bounces, of);
        Stay { bounced, stayed: rows.sum(M::Visits, of) - bounced }
    }

    pub(crate) fn may_be_told(self, k: K) -> bool {
        k.none_or_crowd(self.bounced) && k.none_or_crowd(self.stayed)
    }
}

/// Which of some cells may be told, where the sum over all of them is known. The smallest cells stay untold until all
/// untold cells together may be known. The label breaks ties.
pub(crate) fn told(cells: &[(Stay, String)], k: K) -> Vec<bool> {
    let mut told: Vec<bool> = cells.iter().map(|(stay, _)| stay.may_be_told(k)).collect();
    let mut smallest: Vec<usize> = (0..cells.len()).filter(|at| told[*at]).collect();
    smallest.sort_by_key(|at| {
        let (stay, label) = &cells[*at];
        (stay.bounced + stay.stayed, label.as_str())
    });
    for at in smallest {
        let untold = cells.iter().zip(&told).filter(|(_, told)| !**told).map(|((stay, _), _)| *stay);
        let rest = untold.fold(Stay::default(), |sum, stay| Stay {
            bounced: sum.bounced + stay.bounced,
            stayed: sum.stayed + stay.stayed,
        });
        if rest.may_be_told(k) {
            break;
        }
        told[at] = false;
    }
    told
}

/// Where bounces and seconds of one dimension are told.
#[derive(Debug)]
pub(crate) struct Stays {
    /// Of each group of the cut.
    pub(crate) groups: Vec<bool>,
    /// Of what each class hides.
    pub(crate) others: BTreeMap<usize, bool>,
}

impl Stays {
    /// Class by class, because the sum of a class may be known from its parent's view. If the parent is untold, its
    /// children are untold too.
    pub(crate) fn of(cut: &Cut, rows: &Rows, k: K, parents: Option<&Stays>) -> Stays {
        let mut stays = Stays { groups: vec![], others: BTreeMap::new() };
        for class in cut.0.chunk_by(|a, b| a.class == b.class) {
            stays.class(class, rows, k, parents);
        }
        stays
    }

    fn class(&mut self, class: &[Group], rows: &Rows, k: K, parents: Option<&Stays>) {
        let label = |group: &Group| group.parent.as_deref().map_or_else(|| OTHER.into(), |p| format!("{p} {OTHER}"));
        let mut cells: Vec<(Stay, String)> = vec![];
        for group in class.iter().filter(|group| group.shown) {
            cells.push((Stay::of(rows, &group.rows), group.name.to_string()));
        }
        let rest = crate::hide::rows_of(class.iter().filter(|group| !group.shown));
        if !rest.is_empty() {
            cells.push((Stay::of(rows, &rest), label(&class[0])));
        }
        let name = class[0].class;
        let known = parents.is_none_or(|parents| match name {
            ORPHANS => parents.others.values().all(|told| *told),
            at => parents.groups[at],
        });
        let told = if known { told(&cells, k) } else { vec![false; cells.len()] };
        let mut next = told.iter().copied();
        for group in class {
            self.groups.push(group.shown && next.next().unwrap_or(false));
        }
        if !rest.is_empty() {
            self.others.insert(name, next.next().unwrap_or(false));
        }
    }
}
