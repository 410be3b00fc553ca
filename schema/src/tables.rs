//! The SQL that makes the tables, numbered; applied in order, each once, never edited after a release.
//!
//! It is written for tables that one server keeps. `replicated` turns a statement into one for tables whose blocks and
//! tokens a Keeper knows, and that other servers may hold copies of. Such a statement names no path: the server's
//! `default_replica_path` and `default_replica_name` do, with its macros. (ClickHouse's own default has `{uuid}` in it,
//! which it takes only in a database of the engine `Replicated`; `deploy/clickhouse/config.xml` sets another.)

/// (number, name, SQL). `;` at a line's end parts statements.
pub const MIGRATIONS: &[(u32, &str, &str)] = &[(1, "live", include_str!("../clickhouse/0001_live.sql"))];

/// The table that says which of them were applied.
pub const HISTORY: &str = "CREATE TABLE migrations (number UInt32, name String, applied_at DateTime('UTC')) \
    ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

/// The statements of one migration.
pub fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

/// The names of all tables.
pub fn names() -> impl Iterator<Item = &'static str> {
    let made = MIGRATIONS.iter().flat_map(|(.., sql)| statements(sql)).chain([HISTORY]);
    made.filter_map(|statement| statement.split_once("CREATE TABLE ")?.1.split([' ', '(']).next())
}

/// How many blocks a replicated table remembers, and for how long: as many as one server's table does, and four times
/// longer than an intent counts on it.
const WINDOW: &str = "replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 86400";

/// The same table, replicated.
///
/// Tables that have no tokens get the window too, and so ClickHouse knows their blocks by what is in them: every row of
/// them is a fact that may be written twice and means the same, so that one copy is as good.
pub fn replicated(statement: &str) -> String {
    const WINDOW_OF_ONE: &str = "non_replicated_deduplication_window = 100000";
    let made = statement.replace("ENGINE = MergeTree ", "ENGINE = ReplicatedMergeTree ");
    match made.contains(WINDOW_OF_ONE) {
        true => made.replace(WINDOW_OF_ONE, WINDOW),
        false => made.replace("SETTINGS ", &format!("SETTINGS {WINDOW}, ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cubes::Cube;

    #[test]
    fn every_cube_has_a_table_with_its_columns_in_order() {
        for cube in Cube::ALL {
            let head = format!("CREATE TABLE {} (", cube.label());
            let table = statements(MIGRATIONS[0].2).find_map(|s| s.split_once(&head)).map(|(_, rest)| rest);
            let table = table.unwrap_or_else(|| panic!("no table {}", cube.label()));
            let columns: Vec<&str> = table
                .lines()
                .take_while(|line| !line.starts_with(')'))
                .filter_map(|line| line.split_whitespace().next())
                .collect();
            let time: &[&str] = if cube.is_timed() { &["bucket", "hour"] } else { &[] };
            let want: Vec<&str> = ["site", "day", "round", "shard", "generation"]
                .iter()
                .chain(time)
                .copied()
                .chain(cube.dimensions().iter().map(|d| d.label()))
                .chain(cube.measures().iter().map(|m| m.label()))
                .collect();
            assert_eq!(columns, want, "{}", cube.label());
        }
    }

    #[test]
    fn every_table_has_a_name_and_it_is_told() {
        let names: Vec<&str> = names().collect();
        let all: Vec<&str> = MIGRATIONS.iter().flat_map(|(.., sql)| statements(sql)).chain([HISTORY]).collect();
        assert_eq!(names.len(), all.len(), "{names:?}");
        for name in ["live_visits", "live_fates", "shards", "closed", "settled", "imports", "migrations"] {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
    }

    #[test]
    fn a_replicated_table_differs_only_in_its_engine_and_its_window() {
        for statement in MIGRATIONS.iter().flat_map(|(.., sql)| statements(sql)).chain([HISTORY]) {
            let made = replicated(statement);
            let once = |words: &str| assert_eq!(made.matches(words).count(), 1, "{words:?} in {made}");
            once("ENGINE = ReplicatedMergeTree ");
            once("SETTINGS ");
            once(" replicated_deduplication_window = 100000,");
            once(" replicated_deduplication_window_seconds = 86400,");
            assert!(!made.contains("non_replicated"), "{made}");
            let window = "replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 86400";
            let of_one = "non_replicated_deduplication_window = 100000";
            let back = match statement.contains(of_one) {
                true => made.replace(window, of_one),
                false => made.replace(&format!("{window}, "), ""),
            };
            assert_eq!(back.replace("ReplicatedMergeTree", "MergeTree"), statement);
        }
    }
}
