//! Reads the rows that the crowd rule judges.

use std::collections::HashMap;

use crowd::Cubes;
use schema::round::RoundKey;
use warehouse::{CellFilter, Warehouse};

/// The rows of these rounds, by round.
pub(super) async fn cubes(
    warehouse: &Warehouse,
    site: u32,
    rounds: &[RoundKey],
) -> warehouse::Result<HashMap<RoundKey, Cubes>> {
    let mut read: HashMap<RoundKey, Cubes> = rounds.iter().map(|key| (*key, Cubes::default())).collect();
    let needed: Vec<_> = crowd::cubes().map(|cube| (cube, crowd::names(cube))).collect();
    let filters: Vec<CellFilter<'_>> = needed.iter().map(|(cube, names)| CellFilter { cube: *cube, names }).collect();
    let add = |key: RoundKey, cube, hour, names: &[&str], sums: &[i64]| {
        if let Some(cubes) = read.get_mut(&key) {
            cubes.table_mut(cube).add(hour, names, sums);
        }
    };
    warehouse.cells(site, rounds, &filters, add).await?;
    Ok(read)
}
