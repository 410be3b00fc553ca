//! The rounds of a site.

use schema::cubes::Cube;
use schema::measures::Measure;

use crate::{DAY, Database, SITE, summaries};

const AT: (u32, u32, u32) = (0, 0, 1);

#[tokio::test]
async fn a_round_of_refusals_only_or_of_beacon_loads_only_is_a_round() {
    let Some(database) = Database::new("no_visits").await else { return };
    let name = |label: &str| format!("a {label}");
    database.run("INSERT INTO shards VALUES (0, 1, 0)").await;
    database.row(Cube::Fates, AT, &name, 3).await;
    database.row(Cube::Campaigns, (2, 0, 1), &name, 4).await;

    let rounds = database.warehouse.rounds(SITE, DAY, DAY).await.unwrap();
    assert_eq!(summaries(&rounds), [(0, false, 0), (2, false, 0)]);
    for (round, of) in rounds.iter().zip([Cube::Fates, Cube::Campaigns]) {
        assert!(round.row_counts().all(|(cube, rows)| rows == u64::from(cube == of)), "{round:?}");
        assert!(round.visit_sums().all(|(_, sum)| sum == 0), "{round:?}");
    }
    assert_eq!(database.warehouse.first_day(SITE).await.unwrap(), None, "there was no visit");
    database.drop().await;
}

#[tokio::test]
async fn a_round_has_every_sum_of_its_visits_and_the_row_count_of_every_cube() {
    let Some(database) = Database::new("sums").await else { return };
    database.run("INSERT INTO shards VALUES (0, 1, 0)").await;
    for n in 1..=2 {
        for &cube in Cube::ALL {
            database.row(cube, AT, &|label| format!("a {label}"), n).await;
        }
    }
    let rounds = database.warehouse.rounds(SITE, DAY, DAY).await.unwrap();
    assert_eq!(rounds.len(), 1);
    for (measure, sum) in rounds[0].visit_sums() {
        assert_eq!(sum, if measure == Measure::Seconds { 0 } else { 3 }, "{measure:?}");
    }
    assert!(rounds[0].row_counts().all(|(_, rows)| rows == 2), "{rounds:?}");
    assert_eq!(rounds[0].row_counts().count(), Cube::ALL.len());
    assert_eq!(rounds[0].visit_sum(Measure::Hits), 0, "visits have no such measure");
    database.drop().await;
}

#[tokio::test]
async fn a_round_is_final_only_when_its_rows_of_every_cube_are() {
    let Some(database) = Database::new("final").await else { return };
    database.run("INSERT INTO shards VALUES (0, 1, 0), (1, 1, 0)").await;
    database.visitors((0, 0, 1), "one", 10).await;
    database.row(Cube::Fates, (0, 1, 1), &|label| format!("a {label}"), 3).await;
    for shard in [0, 1] {
        database.closed(shard, DAY).await;
    }
    let rounds = async || summaries(&database.warehouse.rounds(SITE, DAY, DAY).await.unwrap());
    database.run(&format!("INSERT INTO settled VALUES ({}, 0, 0, 1, 0)", DAY.0)).await;
    assert_eq!(rounds().await, [(0, false, 10)], "shard 1 has not settled its refusals");
    database.run(&format!("INSERT INTO settled VALUES ({}, 0, 1, 1, 0)", DAY.0)).await;
    assert_eq!(rounds().await, [(0, true, 10)]);
    database.drop().await;
}
