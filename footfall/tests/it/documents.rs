//! The paths that README.md, ARCHITECTURE.md, CONTRIBUTING.md and docs/*.md name exist.

use std::collections::BTreeSet;
use std::path::Path;

use crate::style::{root, source_files};

/// README.md and ARCHITECTURE.md must exist; the others may.
fn documents() -> Vec<String> {
    let is_document = |file: &String| {
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"].contains(&file.as_str())
            || (file.starts_with("docs/") && file.ends_with(".md"))
    };
    source_files().into_iter().filter(is_document).collect()
}

/// A path that stands for many (`ingest/src/accept/<format>.rs`, `docs/*.md`, `schema/src/NAME.rs`).
fn is_placeholder(path: &str) -> bool {
    let is_capitals = |part: &str| part.len() > 1 && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    path.contains(['<', '>', '*', '…', '$']) || path.split(['/', '.']).any(is_capitals)
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn with_braces_expanded(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => names.split(',').map(|name| format!("{before}{name}{after}")).collect(),
        None => vec![path.to_owned()],
    }
}

/// The words of a document that are paths: in backticks, or in the columns of a drawing.
fn named_paths<'a>(text: &'a str, folders: &BTreeSet<String>) -> Vec<&'a str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let words = text.split_whitespace();
    let is_path = |word: &&str| word.split_once('/').is_some_and(|(folder, _)| folders.contains(folder));
    let trimmed = quoted.chain(words).map(|word| word.trim_matches([',', '.', ';', ')', '(', ':', '`', '/']));
    trimmed.filter(is_path).filter(|path| !path.contains(char::is_whitespace) && !is_placeholder(path)).collect()
}

#[test]
fn every_path_that_a_document_names_exists() {
    let folders: BTreeSet<String> =
        source_files().iter().filter_map(|file| Some(file.split_once('/')?.0.to_owned())).collect();
    let exists = |path: &str| root().join(path).exists() || root().join(format!("{path}.rs")).exists();
    let (mut missing, mut checked) = (Vec::new(), 0);
    let documents = documents();
    assert!(documents.len() >= 2, "{documents:?}");
    for document in documents {
        let text = std::fs::read_to_string(root().join(&document)).unwrap();
        for path in named_paths(&text, &folders).into_iter().flat_map(with_braces_expanded) {
            checked += 1;
            if !exists(&path) {
                missing.push(format!("{document} names {path}"));
            }
        }
    }
    assert!(missing.is_empty(), "these paths do not exist:\n{}", missing.join("\n"));
    assert!(checked > 20, "only {checked} paths were found in the documents");
}

#[test]
fn every_link_between_documents_leads_to_a_file() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(root().join(&document)).unwrap();
        let folder = Path::new(&document).parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") && !root().join(folder).join(file).exists() {
                missing.push(format!("{document} links to {file}"));
            }
        }
    }
    assert!(missing.is_empty(), "these files do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_test_file_is_a_module_of_this_program() {
    let main = include_str!("main.rs");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") && name != "main";
        assert!(!is_module || main.contains(&format!("\nmod {name};\n")), "main.rs does not declare {name}");
    }
}

#[test]
fn placeholders_are_no_paths_and_braces_name_several() {
    for placeholder in ["docs/*.md", "ingest/src/accept/<format>.rs", "schema/src/NAME.rs", "data/$X"] {
        assert!(is_placeholder(placeholder), "{placeholder}");
    }
    assert!(!is_placeholder("deploy/Dockerfile") && !is_placeholder("footfall/tests/it/p2.rs"));
    assert_eq!(with_braces_expanded("a/{b,c}.rs"), ["a/b.rs", "a/c.rs"]);
}
