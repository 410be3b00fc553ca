//! The maps in README.md and ARCHITECTURE.md name what is there.

use std::path::Path;

#[test]
fn every_path_that_the_maps_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut checked = 0;
    for map in ["README.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root.join(map)).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        let columns = text.lines().flat_map(|line| line.split_whitespace());
        let rooms = [
            "schema",
            "spool",
            "kafka",
            "testbed",
            "ingest",
            "aggregator",
            "crowd",
            "dashboard",
            "footfall",
            "load-tests",
            "tracker",
            "deploy",
        ];
        let is_path =
            |word: &&str| rooms.iter().any(|room| word.strip_prefix(room).is_some_and(|rest| rest.starts_with('/')));
        for path in
            quoted.chain(columns).map(|word| word.trim_matches([',', '.', ';', ')', '(', ':', '`'])).filter(is_path)
        {
            let path = path.trim_end_matches('/');
            let there = root.join(path).exists() || root.join(format!("{path}.rs")).exists();
            assert!(there, "{map} names {path}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} paths were found in the maps");
}

#[test]
fn every_file_of_tests_beside_this_one_is_run() {
    let main = include_str!("main.rs");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") && name != "main";
        assert!(!is_module || main.contains(&format!("\nmod {name};\n")), "{name}.rs is in no binary");
    }
}
