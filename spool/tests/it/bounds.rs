//! Limits: bytes of the spool, age of a segment, lengths of payloads.

use std::fs;
use std::time::Duration;

use spool::{Error, Options};

use crate::{commit, dir, open, options, read, segments};

#[test]
fn a_full_spool_refuses_a_whole_commit_and_accepts_the_next_once_trimmed() {
    let dir = dir();
    let options = Options { bytes_max: 2048, ..options() };
    let (mut writer, handle, _) = spool::open(dir.path(), options, 0).unwrap();
    let mut stored = 0;
    let full = loop {
        writer.frame(&[stored as u8; 100]);
        match writer.commit() {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(handle.bytes() <= options.bytes_max);
        assert!(stored < 100);
    };
    assert!(matches!(full, Error::Full { needed: 512, bytes_max: 2048, .. }), "{full}");
    assert_eq!(stored, 3 * 4, "the whole allowed disk space was used");
    assert_eq!(writer.pending_bytes(), 0);
    let synced = handle.synced();
    assert_eq!(writer.commit().unwrap().position, synced, "the refused frames are not committed later");
    assert!(matches!(writer.end_segment(), Err(Error::Full { .. })));
    // A commit that still fits into the last segment is accepted.
    commit(&mut writer, &[b"small"]);

    let second = read(&handle, 0).unwrap()[3].0;
    handle.trim(second).unwrap();
    assert_eq!(handle.start(), second);
    writer.frame(&[7; 100]);
    assert_eq!(writer.commit().unwrap().frames, 1);
    assert!(handle.bytes() <= options.bytes_max);
    assert_eq!(read(&handle, second).unwrap().len(), stored - 3 + 2);
}

#[test]
fn a_spool_above_its_bound_opens_can_be_read_and_accepts_commits_once_trimmed() {
    let dir = dir();
    let (held, ends) = crate::written(dir.path());
    let small = Options { bytes_max: 1024, ..options() };
    let (mut writer, handle, _) = spool::open(dir.path(), small, 0).unwrap();
    assert_eq!(read(&handle, 0).unwrap(), held);
    writer.frame(b"refused");
    assert!(matches!(writer.commit(), Err(Error::Full { .. })));
    assert_eq!(handle.synced(), ends[14]);
    handle.trim(ends[14]).unwrap();
    assert_eq!(handle.segments(), 1, "the newest segment stays: its name records the position");
    let end = commit(&mut writer, &[b"taken"]);
    assert_eq!(read(&handle, ends[14]).unwrap(), [(ends[14], b"taken".to_vec())]);
    handle.trim(end).unwrap();
    assert_eq!(handle.start(), ends[14]);
}

#[test]
fn a_segment_ends_after_its_age_or_on_request_and_an_empty_one_does_not_end() {
    let dir = dir();
    let aged = Options { segment_age: Duration::ZERO, ..options() };
    let (mut writer, handle, _) = spool::open(dir.path(), aged, 0).unwrap();
    let ends: Vec<u64> = (0..3).map(|_| commit(&mut writer, &[b"x"])).collect();
    assert_eq!(handle.segments(), 3);
    writer.end_segment().unwrap();
    writer.end_segment().unwrap();
    assert_eq!(handle.segments(), 4);
    let lengths: Vec<u64> = segments(dir.path()).iter().map(|path| path.metadata().unwrap().len()).collect();
    assert_eq!(lengths, [64 + ends[0], 64 + ends[0], 64 + ends[0], 512], "ended segments are cut");
    // After the segment was ended, everything before can be trimmed.
    handle.trim(handle.synced()).unwrap();
    assert_eq!((handle.segments(), handle.start(), handle.bytes()), (1, ends[2], 512));
    drop((writer, handle));
    let (_, handle, recovery) = open(dir.path()).unwrap();
    assert_eq!((recovery.position, recovery.start, handle.synced()), (ends[2], ends[2], ends[2]));
}

#[test]
fn an_old_segment_continues_if_the_commit_fits_and_the_bound_allows_no_other_segment() {
    let dir = dir();
    let options = Options { segment_age: Duration::ZERO, bytes_max: 1024, ..options() };
    let (mut writer, handle, _) = spool::open(dir.path(), options, 0).unwrap();
    let taken = (0..20).filter(|_| {
        writer.frame(&[1; 40]);
        writer.commit().is_ok()
    });
    let taken = taken.count();
    assert!(taken > 10, "{taken}");
    assert_eq!(read(&handle, 0).unwrap().len(), taken);
    assert!(handle.bytes() <= 1024);
}

#[test]
fn a_segment_continues_until_it_is_full_if_no_other_can_be_made() {
    let dir = dir();
    let aged = Options { segment_age: Duration::ZERO, ..options() };
    let (mut writer, handle, _) = spool::open(dir.path(), aged, 0).unwrap();
    // Directories with the scratch names make every new segment fail.
    fs::create_dir(dir.path().join("segment.new")).unwrap();
    fs::create_dir(dir.path().join("spare.new")).unwrap();
    let taken = (0..20u8).filter(|number| {
        writer.frame(&[*number; 40]);
        assert!(matches!(writer.end_segment(), Ok(()) | Err(Error::Io { .. })));
        match writer.commit() {
            Ok(_) => true,
            Err(Error::Io { .. }) => false,
            Err(other) => panic!("{other}"),
        }
    });
    let taken = taken.count();
    assert_eq!((taken, handle.segments(), handle.bytes()), (448 / 60, 1, 512));
    fs::remove_dir(dir.path().join("segment.new")).unwrap();
    commit(&mut writer, &[b"in another"]);
    assert_eq!((handle.segments(), read(&handle, 0).unwrap().len()), (2, taken + 1));
}

#[test]
fn options_that_cannot_work_are_refused() {
    let dir = dir();
    for wrong in [
        Options { segment_bytes: 64, ..options() },
        Options { segment_bytes: (1 << 30) + 1, bytes_max: 1 << 40, ..options() },
        Options { bytes_max: 1023, ..options() },
    ] {
        assert!(matches!(spool::open(dir.path(), wrong, 0), Err(Error::Options(_))));
    }
    assert_eq!(Options::with_bytes_max(1 << 30).segment_bytes, 64 << 20);
}

#[test]
#[should_panic(expected = "a payload of 16777217 bytes")]
fn a_payload_above_the_limit_is_the_callers_bug() {
    let dir = dir();
    let (mut writer, _, _) = open(dir.path()).unwrap();
    writer.frame(&vec![0; spool::PAYLOAD_BYTES_MAX + 1]);
}
