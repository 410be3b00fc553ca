//! The SQL that makes the tables.
//!
//! The live tables follow from the declaration of cubes: `live` makes one, `added_columns` brings one that an earlier
//! version made up to date. `../clickhouse/live_tables.sql` shows them as they are made, for people; a test compares
//! it. All other tables are made by numbered files, applied in order, each once, never edited after a release.
//!
//! The SQL is written for tables that one server keeps. `replicated` turns a statement into one for tables whose blocks
//! and tokens a Keeper knows, and that other servers may hold copies of. Such a statement names no path: the server's
//! `default_replica_path` and `default_replica_name` do, with its macros. (ClickHouse's own default contains `{uuid}`,
//! which it accepts only in a database of the engine `Replicated`; `deploy/clickhouse/config.xml` sets another.)

use crate::cubes::Cube;

/// (number, name, SQL). A `;` at the end of a line separates statements.
pub const MIGRATIONS: &[(u32, &str, &str)] = &[(1, "live", include_str!("../clickhouse/0001_shards.sql"))];

/// The table that says which migrations were applied.
pub const HISTORY: &str = "CREATE TABLE migrations (number UInt32, name String, applied_at DateTime('UTC')) \
    ENGINE = MergeTree ORDER BY number SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

/// Makes a cube's live table.
///
/// Plain MergeTree, summed when it is read: measured, the rows hardly collapse, and merges were half of the server's
/// CPU. Partitions are dropped as a whole, so each (day, round, shard, generation) is one.
pub fn live(cube: Cube) -> String {
    let columns: Vec<String> = cube.columns().iter().map(|(name, of)| format!("    {name} {of}")).collect();
    format!(
        "CREATE TABLE {} (\n{}\n) ENGINE = MergeTree PARTITION BY (day, round, shard, generation) ORDER BY (site, {})\n\
         SETTINGS non_replicated_deduplication_window = 100000,\n    \
         fsync_after_insert = 1, fsync_part_directory = 1, merge_selector_base = 20",
        cube.label(),
        columns.join(",\n"),
        cube.order(),
    )
}

/// Adds the columns that a cube's table lacks because an earlier version made it: one statement, whatever it lacks.
/// Rows that are there have 0 or an empty name in them.
pub fn added_columns(cube: Cube) -> String {
    let columns = cube.columns();
    let after = columns.iter().zip(&columns[1..]);
    let added = after.map(|((before, _), (name, of))| format!("ADD COLUMN IF NOT EXISTS {name} {of} AFTER {before}"));
    format!("ALTER TABLE {} {}", cube.label(), added.collect::<Vec<_>>().join(", "))
}

/// The statements of one migration.
pub fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
}

/// The statements that make all tables, each once.
pub fn all() -> impl Iterator<Item = String> {
    let numbered = MIGRATIONS.iter().flat_map(|(.., sql)| statements(sql)).map(str::to_owned);
    std::iter::once(HISTORY.to_owned()).chain(Cube::ALL.iter().map(|cube| live(*cube))).chain(numbered)
}

/// The names of all tables.
pub fn names() -> impl Iterator<Item = &'static str> {
    let numbered = MIGRATIONS.iter().flat_map(|(.., sql)| statements(sql)).chain([HISTORY]);
    let numbered = numbered.filter_map(|statement| statement.split_once("CREATE TABLE ")?.1.split([' ', '(']).next());
    Cube::ALL.iter().map(|cube| cube.label()).chain(numbered)
}

/// How many blocks a replicated table remembers, and for how long: as many as one server's table does, and four times
/// longer than an intent relies on it.
const WINDOW: &str = "replicated_deduplication_window = 100000, replicated_deduplication_window_seconds = 86400";

/// The same table, replicated.
///
/// Tables whose inserts carry no tokens get the window too, so ClickHouse recognises their blocks by content: each row
/// of these tables is a fact that may be written twice and means the same, so one copy is as good as two.
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

    /// To make the file anew after a change of a cube: `UPDATE_SQL=1 cargo test -p schema`.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a developer asks the test, by a variable, to write the file")]
    fn the_file_that_shows_the_live_tables_is_as_they_are_made() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/clickhouse/live_tables.sql");
        let head = "-- The live tables as `schema/src/cubes.rs` declares them, for people to \
                    read; this file is not run.\n-- Sums of the days not yet sealed: no tag, no address, no user agent, no time finer \
                    than a quarter hour.\n-- A row counts only if its generation is the one that `shards` names for its \
                    shard, or `settled` for its round.\n";
        let made = Cube::ALL.iter().map(|cube| format!("\n{};\n", live(*cube)));
        let made = format!("{head}{}", made.collect::<String>());
        if std::env::var_os("UPDATE_SQL").is_some() {
            std::fs::write(path, &made).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), made, "see the comment of this test");
    }

    #[test]
    fn a_table_of_an_earlier_version_gets_every_column_at_its_place() {
        for cube in Cube::ALL {
            let sql = added_columns(*cube);
            let columns = cube.columns();
            for pair in columns.windows(2) {
                let added = format!("ADD COLUMN IF NOT EXISTS {} {} AFTER {}", pair[1].0, pair[1].1, pair[0].0);
                assert!(sql.contains(&added), "{added} is not in {sql}");
            }
        }
    }

    #[test]
    fn every_table_has_a_name_of_its_own() {
        let names: Vec<&str> = names().collect();
        assert_eq!(names.len(), all().count(), "{names:?}");
        assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), names.len());
        for name in ["live_visits", "live_fates", "shards", "closed", "settled", "imports", "migrations"] {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
    }

    #[test]
    fn a_replicated_table_differs_only_in_its_engine_and_its_window() {
        for statement in all() {
            let made = replicated(&statement);
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
