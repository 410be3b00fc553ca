//! The rows of rounds, summed per cell: one row for each hour and combination of names.

use clickhouse::Row;
use schema::cubes::Cube;
use schema::day::Day;
use schema::dimensions::Dimension;
use schema::round::RoundKey;
use serde::Deserialize;

use crate::counted::COUNTED;
use crate::rounds::date_range;
use crate::{Result, Warehouse};

/// Which rows of a cube to read: those that have these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellFilter<'a> {
    /// The cube.
    pub cube: Cube,
    /// For each listed dimension the only name that is read. Empty: all rows of the cube.
    pub names: &'a [(Dimension, &'a str)],
}

impl From<Cube> for CellFilter<'_> {
    /// All rows of the cube.
    fn from(cube: Cube) -> Self {
        CellFilter { cube, names: &[] }
    }
}

#[derive(Row, Deserialize)]
struct CellRow<'a> {
    day: u16,
    round: u32,
    hour: u32,
    #[serde(borrow)]
    names: Vec<&'a str>,
    sums: Vec<i64>,
}

impl Warehouse {
    /// Streams the rows of a site's rounds that pass the filters, one query per filter, summed per cell.
    ///
    /// `each` gets the round, the cube, the UTC second at which the local hour began (0 if the cube is not timed), the
    /// names in the order of `cube.dimensions()` and the sums in the order of `cube.measures()`.
    pub async fn cells(
        &self,
        site: u32,
        rounds: &[RoundKey],
        filters: &[CellFilter<'_>],
        mut each: impl FnMut(RoundKey, Cube, u32, &[&str], &[i64]),
    ) -> Result<()> {
        let days = || rounds.iter().map(|(day, _)| *day);
        let (Some(first), Some(last)) = (days().min(), days().max()) else { return Ok(()) };
        let Some((first, last)) = date_range(first, last) else { return Ok(()) };
        let keys: Vec<(u16, u32)> =
            rounds.iter().filter_map(|(day, round)| Some((day.clickhouse()?, *round))).collect();
        for filter in filters {
            let query = self.client.query(&cells_sql(filter)).bind(site).bind(first).bind(last).bind(&keys);
            let query = filter.names.iter().fold(query, |query, (_, name)| query.bind(name));
            let mut rows = query.fetch::<CellRow<'_>>()?;
            while let Some(row) = rows.next().await? {
                each((Day(i32::from(row.day)), row.round), filter.cube, row.hour, &row.names, &row.sums);
            }
        }
        Ok(())
    }
}

fn cells_sql(filter: &CellFilter<'_>) -> String {
    let cube = filter.cube;
    let hour = if cube.is_timed() { "hour" } else { "toUInt32(0) AS hour" };
    let names: Vec<&str> = cube.dimensions().iter().map(|d| d.label()).collect();
    let sums: Vec<String> = cube.measures().iter().map(|m| format!("sum({})", m.label())).collect();
    let only: String = filter.names.iter().map(|(dimension, _)| format!(" AND {} = ?", dimension.label())).collect();
    format!(
        "SELECT day, round, {hour}, [{names}] AS names, [{sums}] AS sums FROM {table} \
         WHERE site = ? AND day BETWEEN toDate(?) AND toDate(?) AND (toUInt16(day), round) IN ?{only} AND {COUNTED} \
         GROUP BY day, round, hour, {names}",
        names = names.join(", "),
        sums = sums.join(", "),
        table = cube.label(),
    )
}
