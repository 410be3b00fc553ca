//! Which rows count, and which of them are final.

use schema::cubes::Cube;

use crate::{DAY, Database, SITE, summaries};

#[tokio::test]
async fn a_row_counts_by_settled_or_by_the_generation_that_is_named() {
    let Some(database) = Database::new("counted").await else { return };
    let warehouse = database.warehouse.clone();
    let rounds = async || summaries(&warehouse.rounds(SITE, DAY.plus(-1), DAY).await.unwrap());

    database.visitors((0, 0, 1), "one", 10).await;
    database.visitors((1000, 1000, 1), "import", 20).await;
    assert_eq!(rounds().await, [], "no shard is named yet");
    assert_eq!(warehouse.first_day(SITE).await.unwrap(), None);

    database.run("INSERT INTO shards VALUES (0, 1, 0)").await;
    assert_eq!(rounds().await, [(0, false, 10)]);
    database.run("INSERT INTO shards VALUES (1000, 1, 0)").await;
    assert_eq!(rounds().await, [(0, false, 10), (1000, true, 20)], "an import is settled once it is named");

    database.visitors((0, 0, 2), "two", 11).await;
    database.visitors((2, 0, 2), "late", 6).await;
    assert_eq!(rounds().await, [(0, false, 10), (1000, true, 20)], "generation 2 is not named");
    database.run("INSERT INTO shards VALUES (0, 2, 0)").await;
    assert_eq!(rounds().await, [(0, false, 11), (2, false, 6), (1000, true, 20)]);

    database.closed(0, DAY).await;
    database.run(&format!("INSERT INTO settled VALUES ({}, 0, 0, 2, 0)", DAY.0)).await;
    database.visitors((0, 0, 3), "three", 12).await;
    database.visitors((2, 0, 3), "late", 7).await;
    database.run("INSERT INTO shards VALUES (0, 3, 0)").await;
    assert_eq!(rounds().await, [(0, true, 11), (2, false, 7), (1000, true, 20)], "what is settled stays");

    assert_eq!(warehouse.first_day(SITE).await.unwrap(), Some(DAY));
    assert_eq!(warehouse.first_day(8).await.unwrap(), None, "another site");
    assert_eq!(summaries(&warehouse.rounds(8, DAY, DAY).await.unwrap()), []);
    assert_eq!(summaries(&warehouse.rounds(SITE, DAY.plus(1), DAY.plus(9)).await.unwrap()), []);

    let mut rows = Vec::new();
    let keys = [(DAY, 0), (DAY, 2)];
    let filters = [Cube::Visits.into(), Cube::Pages.into()];
    let each = |(_, round), cube, _, _: &[&str], _: &[i64]| rows.push((cube, round));
    warehouse.cells(SITE, &keys, &filters, each).await.unwrap();
    rows.sort();
    assert_eq!(rows, [(Cube::Visits, 0), (Cube::Visits, 2), (Cube::Pages, 0), (Cube::Pages, 2)]);
    database.drop().await;
}

#[tokio::test]
async fn a_round_is_final_only_when_every_shard_has_closed_it() {
    let Some(database) = Database::new("all_shards").await else { return };
    let warehouse = database.warehouse.clone();
    let rounds = async || summaries(&warehouse.rounds(SITE, DAY, DAY).await.unwrap());
    database.visitors((0, 0, 1), "one", 10).await;
    database.visitors((0, 1, 1), "other", 5).await;
    database.run("INSERT INTO shards VALUES (0, 1, 0), (1, 1, 0), (2, 1, 0)").await;
    for shard in [0, 1] {
        database.closed(shard, DAY).await;
        database.run(&format!("INSERT INTO settled VALUES ({}, 0, {shard}, 1, 0)", DAY.0)).await;
    }
    assert_eq!(rounds().await, [(0, false, 15)], "shard 2 may still have rows of that day");
    database.closed(2, DAY.plus(-1)).await;
    assert_eq!(rounds().await, [(0, false, 15)]);
    database.closed(2, DAY).await;
    assert_eq!(rounds().await, [(0, true, 15)]);
    database.drop().await;
}
