//! Control sums: what the rows of one round add up to, every measure of every cube.

use schema::cubes::Cube;
use schema::measures::Measure;

use crate::rows::Rows;

/// Every sum of one (day, round).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums {
    by_cube: Vec<Vec<i64>>,
}

impl Default for Sums {
    /// All zero.
    fn default() -> Sums {
        Sums { by_cube: Cube::ALL.iter().map(|cube| vec![0; cube.measures().len()]).collect() }
    }
}

impl Sums {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_of_every_cube_is_held() {
        let mut sums = Sums::default();
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
