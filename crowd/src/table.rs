//! The rows of one (site, day, round): names, hours and sums, each cell once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use schema::cubes::Cube;
use schema::dimensions::Dimension;
use schema::measures::Measure;

/// The rows of one (site, day, round), by cube.
#[derive(Debug, Default)]
pub struct Cubes(BTreeMap<Cube, Table>);

impl Cubes {
    /// The rows of a cube, to add to.
    pub fn table_mut(&mut self, cube: Cube) -> &mut Table {
        self.0.entry(cube).or_insert_with(|| Table::new(cube))
    }

    /// Whether visits and pages have the same page views. They differ while a batch has landed in one of them only.
    pub fn is_whole(&self) -> bool {
        let pageviews = |cube| self.0.get(&cube).map_or(0, |table| table.total(Measure::Pageviews));
        pageviews(Cube::Visits) == pageviews(Cube::Pages)
    }

    /// Takes out the rows of a cube; there may be none.
    pub(crate) fn take(&mut self, cube: Cube) -> Table {
        self.0.remove(&cube).unwrap_or_else(|| Table::new(cube))
    }

    #[cfg(test)]
    pub(crate) fn len(&self, cube: Cube) -> usize {
        self.0.get(&cube).map_or(0, |table| table.row_of.len())
    }
}

/// Rows as they are read: added one by one, summed per cell.
#[derive(Debug)]
pub struct Table {
    cube: Cube,
    names: Vec<Dictionary>,
    row_of: HashMap<Box<[u32]>, usize>,
    /// One row after the other: hour, then the dimensions in the cube's order.
    keys: Vec<u32>,
    /// One row after the other: the measures in the cube's order.
    sums: Vec<i64>,
}

/// The distinct names of one column, numbered.
#[derive(Debug, Default)]
struct Dictionary {
    ids: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Dictionary {
    fn id(&mut self, name: &str) -> u32 {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = u32::try_from(self.names.len()).expect("a day's distinct names are capped far below 2^32");
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.ids.insert(name, id);
        id
    }
}

impl Table {
    fn new(cube: Cube) -> Table {
        let names = cube.dimensions().iter().map(|_| Dictionary::default()).collect();
        Table { cube, names, row_of: HashMap::new(), keys: vec![], sums: vec![] }
    }

    /// Adds to the cell of this hour (the UTC second at which it began) and these names. Names and sums are in the
    /// order of the cube's columns. Rows of a cube without times have the hour 0.
    ///
    /// # Panics
    /// If a list is not as long as the cube is wide.
    pub fn add(&mut self, hour: u32, names: &[&str], sums: &[i64]) {
        assert_eq!(
            (names.len(), sums.len()),
            (self.names.len(), self.cube.measures().len()),
            "columns of {:?}",
            self.cube
        );
        let ids = self.names.iter_mut().zip(names).map(|(dictionary, name)| dictionary.id(name));
        let key: Box<[u32]> = std::iter::once(hour).chain(ids).collect();
        let width = sums.len();
        if let Some(&row) = self.row_of.get(&key) {
            for (sum, more) in self.sums[row * width..].iter_mut().zip(sums) {
                *sum += more;
            }
            return;
        }
        self.keys.extend_from_slice(&key);
        self.sums.extend_from_slice(sums);
        self.row_of.insert(key, self.row_of.len());
    }

    fn total(&self, m: Measure) -> i64 {
        let measures = self.cube.measures();
        let at = measures.iter().position(|x| *x == m).expect("a measure of this cube");
        self.sums.iter().skip(at).step_by(measures.len()).sum()
    }

    /// The table by column: rows whose sums are all zero are left out, rows of one frozen profile stand next to each
    /// other. With `only`: the rows of that one value.
    pub(crate) fn into_rows(self, only: Option<(Dimension, &str)>) -> Rows {
        let dimensions = self.cube.dimensions();
        let (wide, width) = (dimensions.len() + 1, self.cube.measures().len());
        let only = only.map(|(d, name)| {
            let at = dimensions.iter().position(|x| *x == d).expect("a dimension of this cube");
            (at, self.names[at].ids.get(name).copied())
        });
        let kept = |row: usize| only.is_none_or(|(at, id)| Some(self.keys[row * wide + 1 + at]) == id);
        let frozen: Vec<usize> =
            dimensions.iter().enumerate().filter(|(_, d)| d.is_frozen()).map(|(at, _)| at + 1).collect();
        let mut profiles: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut order: Vec<(u32, usize)> = vec![];
        for row in 0..self.row_of.len() {
            if self.sums[row * width..(row + 1) * width].iter().all(|sum| *sum == 0) || !kept(row) {
                continue;
            }
            let profile: Vec<u32> = frozen.iter().map(|at| self.keys[row * wide + at]).collect();
            let next = u32::try_from(profiles.len()).expect("no more profiles than rows");
            order.push((*profiles.entry(profile).or_insert(next), row));
        }
        order.sort_unstable();
        let key = |at: usize| order.iter().map(|(_, row)| self.keys[row * wide + at]).collect::<Vec<u32>>();
        Rows {
            cube: self.cube,
            profile: order.iter().map(|(profile, _)| *profile).collect(),
            hour: key(0),
            ids: (0..dimensions.len()).map(|at| key(at + 1)).collect(),
            sums: (0..width).map(|at| order.iter().map(|(_, row)| self.sums[row * width + at]).collect()).collect(),
            names: self.names.into_iter().map(|dictionary| dictionary.names).collect(),
        }
    }
}

/// Rows as they are judged: by column, in the order of their frozen profiles.
pub(crate) struct Rows {
    pub(crate) cube: Cube,
    /// Number of the row's frozen profile: all frozen dimensions of the cube. A tag has one profile for the whole day.
    pub(crate) profile: Vec<u32>,
    /// The UTC second at which the row's local hour began.
    pub(crate) hour: Vec<u32>,
    ids: Vec<Vec<u32>>,
    sums: Vec<Vec<i64>>,
    names: Vec<Vec<Arc<str>>>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.profile.len()
    }

    /// All row numbers.
    pub(crate) fn all(&self) -> Vec<u32> {
        (0..u32::try_from(self.len()).expect("fewer than 2^32 rows")).collect()
    }

    /// The column's ids, one per row.
    pub(crate) fn ids(&self, d: Dimension) -> &[u32] {
        &self.ids[self.at(d)]
    }

    /// What the column's ids stand for.
    pub(crate) fn names(&self, d: Dimension) -> &[Arc<str>] {
        &self.names[self.at(d)]
    }

    /// The sums of one measure, one per row.
    pub(crate) fn sums(&self, m: Measure) -> &[i64] {
        let at = self.cube.measures().iter().position(|x| *x == m).expect("a measure of this cube");
        &self.sums[at]
    }

    /// One measure over some rows.
    pub(crate) fn sum(&self, m: Measure, rows: &[u32]) -> i64 {
        let sums = self.sums(m);
        rows.iter().map(|row| sums[*row as usize]).sum()
    }

    fn at(&self, d: Dimension) -> usize {
        self.cube.dimensions().iter().position(|x| *x == d).expect("a dimension of this cube")
    }
}
