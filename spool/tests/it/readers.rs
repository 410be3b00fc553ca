//! Readers: several at once, on any thread, never past the synced position.

use std::thread;

use spool::Error;

use crate::{commit, dir, open, read};

#[test]
fn readers_on_other_threads_see_every_frame_once_and_never_pass_the_synced_position() {
    let dir = dir();
    let (mut writer, handle, _) = open(dir.path()).unwrap();
    let last = 3000u32;
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut reader = handle.reader(0).unwrap();
                let mut next = 0;
                while next < last {
                    if let Some(frame) = reader.next().unwrap() {
                        assert_eq!(frame.payload, next.to_le_bytes());
                        assert!(frame.end <= handle.synced());
                        next += 1;
                    } else {
                        thread::yield_now();
                    }
                }
            });
        }
        for first in (0..last).step_by(3) {
            (first..first + 3).for_each(|number| writer.frame(&number.to_le_bytes()));
            writer.commit().unwrap();
        }
    });
}

#[test]
fn a_reader_continues_where_it_stopped_once_more_is_committed() {
    let dir = dir();
    let (mut writer, handle, _) = open(dir.path()).unwrap();
    let mut reader = handle.reader(0).unwrap();
    for n in 0..100u8 {
        assert!(reader.next().unwrap().is_none());
        writer.frame(&[n; 30]);
        assert!(reader.next().unwrap().is_none(), "a pending frame was read");
        let committed = writer.commit().unwrap();
        assert_eq!((committed.frames, committed.bytes), (1, spool::frame_bytes(30) as u64));
        let frame = reader.next().unwrap().unwrap();
        assert_eq!((frame.payload, frame.end), (&[n; 30][..], committed.position));
        assert_eq!(reader.position(), committed.position);
    }
}

#[test]
fn a_frame_longer_than_a_segment_or_a_read_is_returned_whole() {
    let dir = dir();
    let (mut writer, handle, _) =
        spool::open(dir.path(), spool::Options { bytes_max: 64 << 20, ..crate::options() }, 0).unwrap();
    let long: Vec<u8> = (0..3_000_000u32).map(|n| n as u8).collect();
    commit(&mut writer, &[b"short", &long, b"short"]);
    commit(&mut writer, &[b"", &long[..700_000]]);
    let payloads: Vec<usize> = read(&handle, 0).unwrap().iter().map(|(_, payload)| payload.len()).collect();
    assert_eq!(payloads, [5, 3_000_000, 5, 0, 700_000]);
    assert_eq!(read(&handle, 0).unwrap()[1].1, long);
}

#[test]
fn a_reader_in_a_trimmed_segment_reads_it_to_its_end_and_then_gets_an_error() {
    let dir = dir();
    let (mut writer, handle, _) = open(dir.path()).unwrap();
    let mut reader = handle.reader(0).unwrap();
    for _ in 0..3 {
        commit(&mut writer, &[b"in the first segment"]);
    }
    reader.next().unwrap();
    for _ in 0..3 {
        writer.end_segment().unwrap();
        commit(&mut writer, &[b"in another"]);
    }
    handle.trim(handle.synced()).unwrap();
    assert_eq!(handle.segments(), 1);
    assert!(reader.next().unwrap().is_some());
    assert!(reader.next().unwrap().is_some());
    let start = handle.start();
    assert!(matches!(reader.next(), Err(Error::Trimmed { start: first, .. }) if first == start));
    assert!(matches!(handle.reader(0), Err(Error::Trimmed { position: 0, .. })));
    assert_eq!(read(&handle, start).unwrap().len(), 1);
}

#[test]
fn a_reader_beyond_the_synced_position_or_between_frames_is_refused() {
    let dir = dir();
    let (mut writer, handle, _) = open(dir.path()).unwrap();
    let end = commit(&mut writer, &[b"frame"]);
    assert!(matches!(handle.reader(end + 1), Err(Error::Beyond { .. })));
    let mut between = handle.reader(3).unwrap();
    for _ in 0..2 {
        assert!(matches!(between.next(), Err(Error::Corrupt { position: 3, .. })));
    }
}
