use schema::cubes::Cube;

use crate::Database;

#[tokio::test]
async fn a_table_of_an_earlier_version_gets_the_columns_declared_since_and_keeps_its_rows() {
    let Some(database) = Database::new("migrate").await else { return };
    let table = Cube::Events.label();
    for column in ["amount", "device", "visits"] {
        database.run(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await;
    }
    database.run(&format!("INSERT INTO {table} (site, day, name, events) VALUES (7, 20000, 'Signup', 3)")).await;
    database.warehouse.migrate(0).await.unwrap();
    database.warehouse.migrate(0).await.unwrap();
    let sql =
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = ? ORDER BY position";
    let columns: Vec<(String, String)> = database.client.query(sql).bind(table).fetch_all().await.unwrap();
    let columns: Vec<(&str, &str)> = columns.iter().map(|(name, of)| (name.as_str(), of.as_str())).collect();
    assert_eq!(columns, Cube::Events.columns());
    let sql = format!("SELECT name, device, events, amount FROM {table}");
    let row: (String, String, i32, i64) = database.client.query(&sql).fetch_one().await.unwrap();
    assert_eq!(row, ("Signup".to_owned(), String::new(), 3, 0));
    database.drop().await;
}
