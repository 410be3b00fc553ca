//! The rows of rounds, summed per cell.

use schema::cubes::Cube;
use schema::dimensions::Dimension;
use warehouse::CellFilter;

use crate::{DAY, Database, SITE};

const AT: (u32, u32, u32) = (0, 0, 1);

#[tokio::test]
async fn cells_of_every_cube_have_their_names_and_sums_in_the_order_of_the_cube() {
    let Some(database) = Database::new("cells").await else { return };
    database.run("INSERT INTO shards VALUES (0, 1, 0)").await;
    // Two equal inserts without a token would land once.
    for n in [4, 6] {
        for &cube in Cube::ALL {
            database.row(cube, AT, &|label| format!("a {label}"), n).await;
        }
    }
    let filters: Vec<CellFilter<'_>> = Cube::ALL.iter().map(|&cube| cube.into()).collect();
    let mut found = Vec::new();
    let each = |key, cube: Cube, hour, names: &[&str], sums: &[i64]| {
        assert_eq!((key, hour), ((DAY, 0), if cube.is_timed() { 1_728_000_000 } else { 0 }), "{cube:?}");
        let want: Vec<String> = cube.dimensions().iter().map(|d| format!("a {}", d.label())).collect();
        assert_eq!(names, want);
        for (measure, &sum) in cube.measures().iter().zip(sums) {
            let is_zero = matches!(measure.label(), "seconds" | "exits" | "exit_visitors");
            assert_eq!(sum, if is_zero { 0 } else { 10 }, "{measure:?}");
        }
        assert_eq!(sums.len(), cube.measures().len());
        found.push(cube);
    };
    database.warehouse.cells(SITE, &[(DAY, 0)], &filters, each).await.unwrap();
    assert_eq!(found, Cube::ALL, "two rows of one cell are one");
    database.drop().await;
}

#[tokio::test]
async fn a_filter_reads_only_rows_with_its_names_and_only_the_rounds_asked_for() {
    let Some(database) = Database::new("filter").await else { return };
    database.run("INSERT INTO shards VALUES (0, 1, 0)").await;
    let event = |kind: &'static str, property: &'static str| {
        move |label: &str| match label {
            "kind" => kind.to_owned(),
            "property" => property.to_owned(),
            label => format!("a {label}"),
        }
    };
    database.row(Cube::Events, AT, &event("custom", ""), 1).await;
    database.row(Cube::Events, AT, &event("custom", "plan"), 2).await;
    database.row(Cube::Events, AT, &event("error", ""), 4).await;
    database.row(Cube::Events, (1, 0, 1), &event("custom", ""), 8).await;
    let names = [(Dimension::Kind, "custom"), (Dimension::Property, "")];
    let mut sums = Vec::new();
    let each = |_, _, _, _: &[&str], of: &[i64]| sums.push(of[0]);
    let filter = CellFilter { cube: Cube::Events, names: &names };
    database.warehouse.cells(SITE, &[(DAY, 0)], &[filter], each).await.unwrap();
    assert_eq!(sums, [1]);
    database.warehouse.cells(SITE, &[], &[filter], |_, _, _, _, _| panic!("no round was asked for")).await.unwrap();
    database.drop().await;
}
