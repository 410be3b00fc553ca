//! Cells to rows: the sums of all sites of one (day, round), as columns of names.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use schema::day::Day;

use super::cells::Cells;
use super::keys::Key;
use super::names::Name;
use super::site::Site;
use crate::rows::{Column, Rows};

const NOT_YET: u32 = u32::MAX;

/// Empties the cells of all sites into rows, one block per cube that has any.
pub(super) fn drain(day: Day, round: u32, sites: &mut BTreeMap<u32, Site>) -> Vec<Rows> {
    sites.values_mut().for_each(Site::settle_all);
    let mut blocks = vec![
        block(day, round, sites, |site| &site.visits),
        block(day, round, sites, |site| &site.pages),
        block(day, round, sites, |site| &site.events),
        block(day, round, sites, |site| &site.fates),
    ];
    sites.values_mut().for_each(Site::clear);
    blocks.retain(|rows| !rows.is_empty());
    blocks
}

fn block<K: Key, const N: usize>(
    day: Day,
    round: u32,
    sites: &BTreeMap<u32, Site>,
    cells: impl Fn(&Site) -> &Cells<K, N>,
) -> Rows {
    let len = sites.values().map(|site| cells(site).len()).sum();
    let mut rows = Rows {
        cube: K::CUBE,
        day,
        round,
        site: Vec::with_capacity(len),
        bucket: Vec::with_capacity(if K::CUBE.is_timed() { len } else { 0 }),
        hour: Vec::with_capacity(if K::CUBE.is_timed() { len } else { 0 }),
        dimensions: Vec::new(),
        sums: (0..N).map(|_| Vec::with_capacity(len)).collect(),
    };
    let mut columns: Vec<Words> = K::CUBE.dimensions().iter().map(|_| Words::new(len)).collect();
    for (&number, site) in sites {
        let texts = site.names.texts();
        if cells(site).len() > 0 {
            columns.iter_mut().for_each(|column| column.begin_site(texts.len()));
        }
        for (key, sums) in cells(site).rows() {
            rows.site.push(number);
            if let Some(when) = key.when() {
                rows.bucket.push(when.bucket);
                rows.hour.push(when.hour);
            }
            for (column, &name) in columns.iter_mut().zip(key.names(&site.profiles).as_ref()) {
                column.push(name, texts);
            }
            for (column, &sum) in rows.sums.iter_mut().zip(sums) {
                column.push(sum);
            }
        }
    }
    rows.dimensions = columns.into_iter().map(|words| words.column).collect();
    rows
}

/// A column in the making.
struct Words {
    column: Column,
    ids: HashMap<Arc<str>, u32, FixedState>,
    /// By this site's number of a name: its place in the dictionary.
    of_site: Vec<u32>,
}

impl Words {
    fn new(len: usize) -> Words {
        let empty: Arc<str> = "".into();
        let column = Column { dictionary: vec![empty.clone()], ids: Vec::with_capacity(len) };
        Words { column, ids: HashMap::from_iter([(empty, 0)]), of_site: Vec::new() }
    }

    fn begin_site(&mut self, names: usize) {
        self.of_site.clear();
        self.of_site.resize(names, NOT_YET);
    }

    fn push(&mut self, name: Name, texts: &[Arc<str>]) {
        let id = &mut self.of_site[name as usize];
        if *id == NOT_YET {
            let (text, dictionary) = (&texts[name as usize], &mut self.column.dictionary);
            *id = *self.ids.entry_ref(text).or_insert_with(|| {
                dictionary.push(text.clone());
                u32::try_from(dictionary.len() - 1).expect("a batch has fewer than 2^32 names")
            });
        }
        self.column.ids.push(*id);
    }
}
