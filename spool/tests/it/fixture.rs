//! Format version 1 as it was first written: every later version must open `fixtures/v1`. `examples/append` wrote it
//! with 14 commits, of which the 7th failed to sync; it was trimmed below 390, and its last commit is torn.

use std::fs;
use std::path::Path;

use spool::Recovery;

use crate::{commit, dir, read};

fn payloads(number: usize) -> [Vec<u8>; 3] {
    [0, 1, 2].map(|frame| format!("{number} {frame} {}", "x".repeat(number)).into_bytes())
}

#[test]
fn a_spool_of_format_version_1_opens_and_accepts_commits() {
    let dir = dir();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1")).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
    }
    let (mut writer, handle, recovery) = spool::open(dir.path(), crate::options(), 1089).unwrap();
    let found =
        Recovery { start: 390, position: 1089, torn_tails: 1, torn_bytes: 94, failed_bytes: 90, restarted: false };
    assert_eq!(recovery, found);
    let failed = fs::metadata(dir.path().join("00000000000000000390.segment")).unwrap();
    assert_eq!(failed.len(), 64 + (477 - 390), "the failed commit is still on disk");
    let held: Vec<Vec<u8>> = read(&handle, 390).unwrap().into_iter().map(|(_, payload)| payload).collect();
    assert_eq!(held, [5, 7, 8, 9, 10, 11, 12].into_iter().flat_map(payloads).collect::<Vec<_>>());
    commit(&mut writer, &[b"on"]);
    assert_eq!(read(&handle, 1089).unwrap(), [(1089, b"on".to_vec())]);
}
