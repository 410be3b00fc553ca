//! The directory: its lock, its permissions, missing and foreign files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use spool::Error;

use crate::{commit, dir, open, options, read, segments, written};

#[test]
fn a_directory_stays_locked_until_its_last_handle_is_dropped() {
    let dir = dir();
    let (writer, handle, _) = open(dir.path()).unwrap();
    let second = open(dir.path()).unwrap_err();
    assert!(matches!(&second, Error::Locked { dir: named } if named == dir.path()));
    assert!(second.to_string().contains("in use by another process"), "{second}");
    drop(writer);
    assert!(matches!(open(dir.path()), Err(Error::Locked { .. })));
    drop(handle);
    open(dir.path()).unwrap();
}

#[test]
fn only_the_owner_of_the_process_can_read_a_spool() {
    let parent = dir();
    let dir = parent.path().join("data").join("spool");
    let (mut writer, _handle, _) = open(&dir).unwrap();
    commit(&mut writer, &[&[1; 300]]);
    for dir in [&dir, &parent.path().join("data")] {
        assert_eq!(fs::metadata(dir).unwrap().permissions().mode() & 0o777, 0o700);
    }
    for entry in fs::read_dir(&dir).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn an_emptied_directory_continues_from_the_committed_position_and_recovery_reports_it() {
    let dir = dir();
    let (mut writer, handle, recovery) = spool::open(dir.path(), options(), 12_345).unwrap();
    assert!(recovery.restarted);
    assert_eq!((recovery.position, recovery.start, handle.start(), handle.synced()), (12_345, 12_345, 12_345, 12_345));
    commit(&mut writer, &[b"on"]);
    assert_eq!(read(&handle, 12_345).unwrap(), [(12_345, b"on".to_vec())]);
    assert!(matches!(handle.reader(0), Err(Error::Trimmed { start: 12_345, .. })));
    drop((writer, handle));
    assert!(!spool::open(dir.path(), options(), 12_345).unwrap().2.restarted);
}

#[test]
fn a_trimmed_directory_opens_at_its_first_segment() {
    let dir = dir();
    let (held, ends) = written(dir.path());
    let (_, handle, _) = open(dir.path()).unwrap();
    handle.trim(ends[7]).unwrap();
    let start = handle.start();
    assert!(start > 0 && start <= ends[7]);
    drop(handle);
    let (_, handle, recovery) = open(dir.path()).unwrap();
    assert_eq!((recovery.start, handle.start()), (start, start));
    let left: Vec<_> = held.into_iter().filter(|(position, _)| *position >= start).collect();
    assert_eq!(read(&handle, start).unwrap(), left);
}

#[test]
fn a_missing_segment_between_two_others_is_corruption() {
    let dir = dir();
    written(dir.path());
    let files = segments(dir.path());
    fs::remove_file(&files[1]).unwrap();
    assert!(matches!(open(dir.path()), Err(Error::Corrupt { .. })));
    // Also if the segment before the gap is long enough to seem to cover it.
    fs::OpenOptions::new().write(true).open(&files[0]).unwrap().set_len(100_000).unwrap();
    let Err(Error::Corrupt { file, what, .. }) = open(dir.path()) else { panic!("it opened") };
    assert_eq!(file, files[2]);
    assert!(what.contains("missing"), "{what}");
}

#[test]
fn a_segment_under_the_name_of_another_is_corruption() {
    let dir = dir();
    written(dir.path());
    let files = segments(dir.path());
    fs::copy(&files[1], &files[3]).unwrap();
    assert!(matches!(open(dir.path()), Err(Error::Corrupt { file, .. }) if file == files[3]));
    files[..3].iter().for_each(|file| fs::remove_file(file).unwrap());
    assert!(matches!(open(dir.path()), Err(Error::Corrupt { what, .. }) if what.contains("was written as")));
}

#[test]
fn an_ended_segment_that_is_too_short_is_corruption() {
    let dir = dir();
    written(dir.path());
    let files = segments(dir.path());
    let held = fs::read(&files[1]).unwrap();
    for length in 0..held.len() {
        crate::put(&files[1], &held[..length]);
        assert!(matches!(open(dir.path()), Err(Error::Corrupt { file, .. }) if file == files[1]), "{length} bytes");
    }
}

#[test]
fn each_segment_has_its_own_salt() {
    let dir = dir();
    written(dir.path());
    let salts: Vec<Vec<u8>> =
        segments(dir.path()).iter().map(|file| fs::read(file).unwrap()[12..16].to_vec()).collect();
    assert!(salts.iter().all(|salt| *salt != [0; 4]) && salts.windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn scratch_files_are_deleted_and_other_files_stay() {
    let dir = dir();
    for name in ["spare.new", "segment.new", "notes.txt", "1.segment"] {
        fs::write(dir.path().join(name), b"x").unwrap();
    }
    let (_, handle, _) = open(dir.path()).unwrap();
    assert_eq!((handle.segments(), handle.synced()), (1, 0));
    let mut names: Vec<String> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["00000000000000000000.segment", "1.segment", "lock", "notes.txt"]);
}

#[test]
fn repeated_opening_without_a_commit_keeps_position_and_files() {
    let dir = dir();
    let (_, ends) = written(dir.path());
    for _ in 0..5 {
        let (writer, handle, recovery) = open(dir.path()).unwrap();
        assert_eq!((recovery.position, recovery.torn_tails, handle.segments()), (ends[14], 0, 5));
        drop(writer);
    }
}
