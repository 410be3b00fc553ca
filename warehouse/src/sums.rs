//! Control sums: what the rows of one round add up to, every measure of every cube. The fold's own sums are written to
//! the table `closed`; a round is settled if the sums of its live rows are equal to them.

use std::collections::BTreeMap;

use clickhouse::Row;
use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use schema::round::RoundKey;
use serde::{Deserialize, Serialize};

use crate::client::date;
use crate::{Result, Rows, Warehouse};

/// Every sum of one (day, round).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSums {
    by_cube: Vec<Vec<i64>>,
}

impl Default for ControlSums {
    /// All zero.
    fn default() -> ControlSums {
        ControlSums { by_cube: Cube::ALL.iter().map(|cube| vec![0; cube.measures().len()]).collect() }
    }
}

impl ControlSums {
    /// Adds what rows hold.
    pub fn add(&mut self, rows: &Rows) {
        for (total, column) in self.of_mut(rows.cube).iter_mut().zip(&rows.sums) {
            *total += column.iter().sum::<i64>();
        }
    }

    /// Sets a cube's sums, in the order of `cube.measures()`.
    pub fn set(&mut self, cube: Cube, values: Vec<i64>) {
        *self.of_mut(cube) = values;
    }

    /// One sum; 0 if the cube has no such measure.
    pub fn get(&self, cube: Cube, measure: Measure) -> i64 {
        self.iter().find(|(c, m, _)| (*c, *m) == (cube, measure)).map_or(0, |(.., sum)| sum)
    }

    /// Whether nothing was counted.
    pub fn is_zero(&self) -> bool {
        self.by_cube.iter().flatten().all(|&sum| sum == 0)
    }

    /// All sums.
    pub fn iter(&self) -> impl Iterator<Item = (Cube, Measure, i64)> {
        Cube::ALL.iter().zip(&self.by_cube).flat_map(|(&cube, sums)| {
            cube.measures().iter().zip(sums).map(move |(&measure, &sum)| (cube, measure, sum))
        })
    }

    fn of_mut(&mut self, cube: Cube) -> &mut Vec<i64> {
        let at = Cube::ALL.iter().position(|&c| c == cube).expect("Cube::ALL lists every cube");
        &mut self.by_cube[at]
    }
}

#[derive(Row, Serialize, Deserialize)]
struct ClosedRow<'a> {
    closed_to: u16,
    shard: u32,
    generation: u32,
    day: u16,
    round: u32,
    cube: &'a str,
    measure: &'a str,
    sum: i64,
}

#[derive(Row, Deserialize)]
struct SumsRow {
    day: u16,
    round: u32,
    sums: Vec<i64>,
}

impl Warehouse {
    /// The sums of a shard's live rows of one generation, by round. A round whose sums are all zero is not included.
    pub async fn live_sums(&self, shard: u32, generation: u32) -> Result<BTreeMap<RoundKey, ControlSums>> {
        let mut found: BTreeMap<RoundKey, ControlSums> = BTreeMap::new();
        for &cube in Cube::ALL {
            let sums: Vec<String> = cube.measures().iter().map(|m| format!("sum({})", m.label())).collect();
            let sql = format!(
                "SELECT day, round, [{}] AS sums FROM {} WHERE shard = ? AND generation = ? GROUP BY day, round",
                sums.join(", "),
                cube.label()
            );
            for row in self.client.query(&sql).bind(shard).bind(generation).fetch_all::<SumsRow>().await? {
                found.entry((Day(i32::from(row.day)), row.round)).or_default().set(cube, row.sums);
            }
        }
        found.retain(|_, sums| !sums.is_zero());
        Ok(found)
    }

    /// Writes the control sums of a shard that has folded the close of `closed_to`: one row that states only that, and
    /// one row per sum that is not zero.
    pub async fn write_control_sums(
        &self,
        closed_to: Day,
        shard: u32,
        generation: u32,
        rounds: &BTreeMap<RoundKey, ControlSums>,
    ) -> Result<()> {
        let closed_to = date(closed_to);
        let mut insert = self.client.insert::<ClosedRow<'_>>("closed").await?;
        let head = ClosedRow { closed_to, shard, generation, day: closed_to, round: 0, cube: "", measure: "", sum: 0 };
        insert.write(&head).await?;
        for (&(day, round), sums) in rounds {
            for (cube, measure, sum) in sums.iter().filter(|(.., sum)| *sum != 0) {
                let (day, cube, measure) = (date(day), cube.label(), measure.label());
                insert.write(&ClosedRow { closed_to, shard, generation, day, round, cube, measure, sum }).await?;
            }
        }
        insert.end().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_of_every_cube_is_held() {
        let mut sums = ControlSums::default();
        assert!(sums.is_zero());
        for &cube in Cube::ALL {
            sums.set(cube, (1..=cube.measures().len() as i64).collect());
        }
        assert_eq!(sums.get(Cube::Visits, Measure::Visits), 1);
        assert_eq!(sums.get(Cube::Pages, Measure::ExitVisitors), 6);
        assert_eq!(sums.iter().count(), 10 + 8 + 4 + 1 + 8 + 4);
        assert!(!sums.is_zero());
    }
}
