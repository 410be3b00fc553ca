//! The SQL that makes the tables, numbered; applied in order, each once, never edited after a release.

/// (number, name, SQL). `;` at a line's end parts statements.
pub const MIGRATIONS: &[(u32, &str, &str)] = &[(1, "live", include_str!("../clickhouse/0001_live.sql"))];

/// The statements of one migration.
pub fn statements(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
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
}
