//! The rounds of a site: which there are, whether they are final, what their visits add up to, and how many rows each
//! cube has of them.

use clickhouse::Row;
use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use schema::round::RoundKey;
use serde::Deserialize;

use crate::counted::{COUNTED, is_final};
use crate::{Result, Warehouse};

/// A (day, round) of a site that has any row that counts, of whichever cube: a round may consist of refusals only, or
/// of beacon loads only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// The site's local date.
    pub day: Day,
    /// 0 for the day's own events, more for late ones.
    pub round: u32,
    /// Whether all its rows, of all cubes, are final.
    pub settled: bool,
    visit_sums: Vec<i64>,
    row_counts: Vec<u64>,
}

impl Round {
    /// Its key among the site's rounds.
    pub fn key(&self) -> RoundKey {
        (self.day, self.round)
    }

    /// What the rows of `live_visits` add up to; 0 if the cube has no such measure.
    pub fn visit_sum(&self, measure: Measure) -> i64 {
        self.visit_sums().find(|(m, _)| *m == measure).map_or(0, |(_, sum)| sum)
    }

    /// What the rows of `live_visits` add up to, every measure of the cube.
    pub fn visit_sums(&self) -> impl Iterator<Item = (Measure, i64)> {
        Cube::Visits.measures().iter().copied().zip(self.visit_sums.iter().copied())
    }

    /// How many rows a cube has. The number changes with every insert into that cube.
    pub fn row_count(&self, cube: Cube) -> u64 {
        self.row_counts().find(|(c, _)| *c == cube).map_or(0, |(_, rows)| rows)
    }

    /// How many rows each cube has.
    pub fn row_counts(&self) -> impl Iterator<Item = (Cube, u64)> {
        Cube::ALL.iter().copied().zip(self.row_counts.iter().copied())
    }
}

#[derive(Row, Deserialize)]
struct RoundRow {
    day: u16,
    round: u32,
    settled: u8,
    visit_sums: Vec<i64>,
    row_counts: Vec<u64>,
}

impl Warehouse {
    /// All rounds of a site in the days from `first` to `last`, in order.
    pub async fn rounds(&self, site: u32, first: Day, last: Day) -> Result<Vec<Round>> {
        let Some((first, last)) = date_range(first, last) else { return Ok(vec![]) };
        let query = Cube::ALL
            .iter()
            .fold(self.client.query(&rounds_sql()), |query, _cube| query.bind(site).bind(first).bind(last));
        let round = |RoundRow { day, round, settled, visit_sums, row_counts }| Round {
            day: Day(i32::from(day)),
            round,
            settled: settled == 1,
            visit_sums,
            row_counts,
        };
        Ok(query.fetch_all::<RoundRow>().await?.into_iter().map(round).collect())
    }

    /// The first day on which the site had a visit.
    pub async fn first_day(&self, site: u32) -> Result<Option<Day>> {
        let table = Cube::Visits.label();
        let sql = format!("SELECT toUInt16(min(day)), count() FROM {table} WHERE site = ? AND {COUNTED}");
        let (day, rows) = self.client.query(&sql).bind(site).fetch_one::<(u16, u64)>().await?;
        Ok((rows > 0).then_some(Day(i32::from(day))))
    }
}

/// One subquery per cube, each with its own (site, first, last) to bind; then the subqueries are added up per round.
fn rounds_sql() -> String {
    let subqueries: Vec<String> = Cube::ALL.iter().map(|&cube| cube_sql(cube)).collect();
    format!(
        "SELECT day, round, min(is_final) AS settled, sumForEach(sums) AS visit_sums, sumForEach(counts) AS row_counts \
         FROM ({}) GROUP BY day, round ORDER BY day, round",
        subqueries.join(" UNION ALL ")
    )
}

/// The rounds that one cube has rows of: sums of visits (zeroes unless the cube is `Visits`) and row counts by cube
/// (zero but for this cube).
fn cube_sql(cube: Cube) -> String {
    let sum = |measure: &Measure| match cube == Cube::Visits {
        true => format!("sum({})", measure.label()),
        false => "toInt64(0)".to_owned(),
    };
    let sums: Vec<String> = Cube::Visits.measures().iter().map(sum).collect();
    let counts = Cube::ALL.iter().map(|of| if *of == cube { "count()" } else { "toUInt64(0)" });
    format!(
        "SELECT day, round, toUInt8(min({})) AS is_final, [{}] AS sums, [{}] AS counts FROM {} \
         WHERE site = ? AND day BETWEEN toDate(?) AND toDate(?) AND {COUNTED} GROUP BY day, round",
        is_final(),
        sums.join(", "),
        counts.collect::<Vec<_>>().join(", "),
        cube.label()
    )
}

/// Days as ClickHouse stores them, limited to those that a `Date` can hold.
pub(crate) fn date_range(first: Day, last: Day) -> Option<(u16, u16)> {
    let (first, last) = (first.max(Day(0)), last.min(Day(i32::from(u16::MAX))));
    Some((first.clickhouse()?, last.clickhouse()?))
}
