//! Cells to rows: the sums of all sites in one (day, round), as columns.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use schema::day::Day;
use warehouse::{Column, Rows};

use super::cells::{Cells, SumType};
use super::keys::Key;
use super::names::{Name, Names};
use super::site::Site;

const NOT_YET: u32 = u32::MAX;

/// Rows are written column by column, in chunks of this size: two dozen columns at once would evict each other from the
/// cache.
const ROWS_AT_ONCE: usize = 128;

/// Moves the cells of all sites into rows: one block for each cube that has rows.
pub(super) fn drain(day: Day, round: u32, sites: &mut BTreeMap<u32, Site>) -> Vec<Rows> {
    sites.values_mut().for_each(Site::flush);
    let mut blocks = vec![
        block(day, round, sites, |site| &site.visits),
        block(day, round, sites, |site| &site.pages),
        block(day, round, sites, |site| &site.events),
        block(day, round, sites, |site| &site.fates),
        block(day, round, sites, |site| &site.marketing.campaigns),
        block(day, round, sites, |site| &site.marketing.items),
    ];
    sites.values_mut().for_each(Site::clear);
    blocks.retain(|rows| !rows.is_empty());
    blocks
}

fn block<K: Key, S: SumType, const N: usize>(
    day: Day,
    round: u32,
    sites: &BTreeMap<u32, Site>,
    cells: impl Fn(&Site) -> &Cells<K, S, N>,
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
    let mut columns: Vec<ColumnBuilder> = K::CUBE.dimensions().iter().map(|_| ColumnBuilder::new(len)).collect();
    let mut live = Vec::with_capacity(ROWS_AT_ONCE);
    for (&number, site) in sites {
        if cells(site).len() > 0 {
            columns.iter_mut().for_each(|column| column.begin_site(site.names.len()));
        }
        for chunk in cells(site).rows().chunks(ROWS_AT_ONCE) {
            let has_any = |(_, sums): &&(K, [S; N])| sums.iter().any(|&sum| sum != S::default());
            live.clear();
            live.extend(chunk.iter().filter(has_any).map(|(key, sums)| (key.names(&site.profiles), key.when(), sums)));
            rows.site.extend(std::iter::repeat_n(number, live.len()));
            rows.bucket.extend(live.iter().filter_map(|(_, when, _)| when.map(|when| when.bucket)));
            rows.hour.extend(live.iter().filter_map(|(_, when, _)| when.map(|when| when.hour)));
            for (at, column) in columns.iter_mut().enumerate() {
                column.extend(live.iter().map(|(names, ..)| names.as_ref()[at]), &site.names);
            }
            for (at, column) in rows.sums.iter_mut().enumerate() {
                column.extend(live.iter().map(|(.., sums)| -> i64 { sums[at].into() }));
            }
        }
    }
    rows.dimensions = columns.into_iter().map(|builder| builder.column).collect();
    rows
}

/// Builds a column.
struct ColumnBuilder {
    column: Column,
    /// By text: the index in the dictionary.
    numbers: HashMap<Arc<str>, u32, FixedState>,
    /// By the number of the name in the current site: the index in the dictionary.
    of_site: Vec<u32>,
}

impl ColumnBuilder {
    fn new(len: usize) -> ColumnBuilder {
        let empty: Arc<str> = "".into();
        let column = Column { dictionary: vec![empty.clone()], ids: Vec::with_capacity(len) };
        ColumnBuilder { column, numbers: HashMap::from_iter([(empty, 0)]), of_site: Vec::new() }
    }

    fn begin_site(&mut self, names: usize) {
        self.of_site.clear();
        self.of_site.resize(names, NOT_YET);
    }

    fn extend(&mut self, names: impl Iterator<Item = Name>, texts: &Names) {
        let ColumnBuilder { column: Column { dictionary, ids }, numbers, of_site } = self;
        ids.extend(names.map(|name| {
            let id = &mut of_site[name as usize];
            if *id == NOT_YET {
                let text = texts.text(name);
                *id = numbers.get(text).copied().unwrap_or_else(|| {
                    let (text, id) = (Arc::<str>::from(text), dictionary.len() as u32);
                    dictionary.push(text.clone());
                    numbers.insert(text, id);
                    id
                });
            }
            *id
        }));
    }
}
