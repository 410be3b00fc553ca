//! Reads the rows that the crowd rule judges.

use std::collections::HashMap;

use crowd::Cubes;
use schema::cubes::Cube;
use schema::dimensions::Dimension;
use schema::event::Kind;
use schema::round::RoundKey;
use warehouse::{CellFilter, Warehouse};

/// The rows of these rounds, by round.
pub(super) async fn cubes(
    warehouse: &Warehouse,
    site: u32,
    rounds: &[RoundKey],
) -> warehouse::Result<HashMap<RoundKey, Cubes>> {
    let mut read: HashMap<RoundKey, Cubes> = rounds.iter().map(|key| (*key, Cubes::default())).collect();
    // Of events, the custom ones are judged. Rows with a property would count them again.
    let custom = [(Dimension::Kind, Kind::Custom.label()), (Dimension::Property, "")];
    let filter = |cube| match cube {
        Cube::Events => CellFilter { cube, names: &custom },
        Cube::Visits | Cube::Pages | Cube::Fates | Cube::Campaigns | Cube::Items => cube.into(),
    };
    let filters: Vec<CellFilter<'_>> = crowd::cubes().map(filter).collect();
    let add = |key: RoundKey, cube, hour, names: &[&str], sums: &[i64]| {
        if let Some(cubes) = read.get_mut(&key) {
            cubes.table_mut(cube).add(hour, names, sums);
        }
    };
    warehouse.cells(site, rounds, &filters, add).await?;
    Ok(read)
}
