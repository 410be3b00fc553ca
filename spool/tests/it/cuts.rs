//! A segment file that is cut at any byte.

use std::fs;

use spool::Error;

use crate::{commit, dir, open, options, put, read, segments, written};

#[test]
fn a_cut_of_the_last_segment_at_any_byte_recovers_exactly_the_whole_commits_before_it() {
    let dir = dir();
    let (frames, ends) = written(dir.path());
    let files = segments(dir.path());
    let last = files.last().unwrap();
    let base: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let held = fs::read(last).unwrap();
    assert!(ends.iter().filter(|end| **end > base).count() >= 2, "the last segment has commits to cut");
    for cut in 0..=held.len() {
        put(last, &held[..cut]);
        let reached = base + (cut as u64).saturating_sub(64);
        let whole = *ends.iter().rfind(|end| **end <= reached).unwrap();
        let (mut writer, handle, recovery) = open(dir.path()).unwrap();
        assert_eq!(recovery.position, whole, "cut at {cut}");
        let torn = cut < 64 || (reached > whole && reached <= ends[14]);
        assert_eq!(recovery.torn_tails, u32::from(torn), "cut at {cut}");
        assert_eq!(recovery.torn_bytes > 0, torn && cut > 0, "cut at {cut}");
        let left: Vec<_> = frames.iter().filter(|(position, _)| *position < whole).cloned().collect();
        assert_eq!(read(&handle, 0).unwrap(), left, "cut at {cut}");

        // Commits continue from there. The next start finds no torn tail.
        commit(&mut writer, &[b"after"]);
        drop((writer, handle));
        let (writer, handle, recovery) = open(dir.path()).unwrap();
        assert_eq!(recovery.torn_tails, 0, "cut at {cut}");
        assert_eq!(read(&handle, whole).unwrap(), [(whole, b"after".to_vec())], "cut at {cut}");
        drop((writer, handle));
        for later in segments(dir.path()).iter().filter(|file| !files.contains(file)) {
            fs::remove_file(later).unwrap();
        }
        put(last, &held);
    }
}

#[test]
fn a_cut_below_what_a_reader_has_committed_is_corruption_at_any_byte() {
    let dir = dir();
    let (_, ends) = written(dir.path());
    let last = segments(dir.path()).pop().unwrap();
    let base: u64 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let held = fs::read(&last).unwrap();
    for cut in 0..(64 + ends[14] - base) {
        put(&last, &held[..cut as usize]);
        let error = spool::open(dir.path(), options(), ends[14]).unwrap_err();
        let Error::Corrupt { file, position, .. } = &error else { panic!("cut at {cut}: {error}") };
        assert!(*file == last && *position < ends[14] && *position >= base, "cut at {cut}: {error}");
        put(&last, &held);
    }
    spool::open(dir.path(), options(), ends[14]).unwrap();
}
