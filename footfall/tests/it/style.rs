//! Rules of style that no linter checks: the width of comment lines, and the layout of module files.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Columns of a comment line, its indentation included.
const COMMENT_COLUMNS_MAX: usize = 120;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file of the repository that git does not ignore, by its path from the root.
pub(crate) fn source_files() -> Vec<String> {
    let listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(listed).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let files: Vec<String> =
        names.split_terminator('\0').filter(|file| root().join(file).is_file()).map(str::to_owned).collect();
    assert!(files.len() > 100, "only {} files were found", files.len());
    files
}

/// How a comment line begins in a file of this name. Empty: the file is not checked.
fn comment_marks(file: &str) -> &'static [&'static str] {
    let name = file.rsplit('/').next().unwrap_or(file);
    match name.rsplit_once('.') {
        Some((_, "rs")) => &["//"],
        Some((_, "ts" | "mjs" | "css" | "svelte")) => &["//", "/*", "*", "<!--"],
        Some((_, "py" | "sh" | "toml" | "yml")) => &["#"],
        Some((_, "sql")) => &["--"],
        None if ["check", "start", ".ci/run"].contains(&file) => &["#"],
        _ => &[],
    }
}

/// The numbers of comment lines that are too wide. Rows of a Markdown table cannot be broken, so they may be wider.
fn wide_comments(text: &str, marks: &[&str]) -> Vec<usize> {
    let is_table_row = |line: &str| line.trim_start_matches(['/', '!', '*', '#', '-', ' ']).starts_with('|');
    let is_comment = |line: &str| marks.iter().any(|mark| line.trim_start().starts_with(mark)) && !is_table_row(line);
    let lines = (1..).zip(text.lines());
    lines
        .filter(|(_, line)| is_comment(line) && line.chars().count() > COMMENT_COLUMNS_MAX)
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn no_comment_line_is_wider_than_120_columns() {
    let (mut wide, mut checked) = (Vec::new(), 0);
    for file in source_files() {
        let marks = comment_marks(&file);
        if marks.is_empty() {
            continue;
        }
        checked += 1;
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        wide.extend(wide_comments(&text, marks).into_iter().map(|line| format!("{file}:{line}")));
    }
    assert!(checked > 100, "only {checked} files were checked");
    assert!(wide.is_empty(), "comment lines wider than {COMMENT_COLUMNS_MAX} columns:\n{}", wide.join("\n"));
}

#[test]
fn no_module_file_is_named_mod_rs() {
    let found: Vec<String> = source_files().into_iter().filter(|file| file.ends_with("/mod.rs")).collect();
    assert!(found.is_empty(), "a module `foo` is `foo.rs` with its parts in `foo/`:\n{}", found.join("\n"));
}

#[test]
fn a_wide_comment_is_found_with_its_line() {
    let wide = "x".repeat(COMMENT_COLUMNS_MAX);
    let text = format!("let a = \"{wide}\";\n    // {wide}\n// narrow\n#{wide}\n//! | {wide} |\n");
    assert_eq!(wide_comments(&text, comment_marks("a/b.rs")), [2]);
    assert_eq!(wide_comments(&text, comment_marks("deploy/setup.sh")), [4]);
    assert!(comment_marks("README.md").is_empty() && comment_marks("Cargo.lock").is_empty());
}
