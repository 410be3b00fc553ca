//! How far logs were imported.

use warehouse::ImportedLog;

use crate::{Database, SITE};

#[tokio::test]
async fn an_imported_log_counts_once_its_shard_is_named() {
    let Some(database) = Database::new("imports").await else { return };
    let warehouse = &database.warehouse;
    let log = |bytes_done| ImportedLog { head_bytes: 3, head_hash: "abc".to_owned(), bytes_done };
    for (shard, bytes) in [(1000, 20), (1001, 10)] {
        warehouse.write_imported_logs(SITE, shard, &[log(bytes)], 0).await.unwrap();
        assert_eq!(warehouse.highest_shard().await.unwrap(), shard, "the number of an import that failed stays taken");
    }
    assert_eq!(warehouse.imported_logs(SITE).await.unwrap(), []);
    warehouse.name_generation(1001, 1, 0).await.unwrap();
    assert_eq!(warehouse.imported_logs(SITE).await.unwrap(), [log(10)]);
    warehouse.name_generation(1000, 1, 0).await.unwrap();
    assert_eq!(warehouse.imported_logs(SITE).await.unwrap(), [log(20)], "the most bytes that any import read");
    assert_eq!(warehouse.imported_logs(SITE + 1).await.unwrap(), [], "another site");
    database.drop().await;
}
