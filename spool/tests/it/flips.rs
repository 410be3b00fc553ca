//! A flipped bit at any offset of any file.

use std::cell::Cell;
use std::fs;

use spool::{Error, Recovery};

use crate::{dir, open, put, read, segments, written};

thread_local! {
    static WARNINGS: Cell<u32> = const { Cell::new(0) };
}

/// Counts each thread's warnings: a spool that loses bytes must log it.
struct Warnings;

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        WARNINGS.set(WARNINGS.get() + 1);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_flip_of_any_bit_in_any_file_is_found() {
    let dir = dir();
    let (frames, ends) = written(dir.path());
    let (last_commit, end) = (ends[13], ends[14]);
    let files = segments(dir.path());
    tracing::subscriber::set_global_default(Warnings).unwrap();
    for file in &files {
        let base: u64 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let held = fs::read(file).unwrap();
        for bit in 0..held.len() * 8 {
            let mut flipped = held.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            put(file, &flipped);
            let at = (bit as u64 / 8).checked_sub(64).map(|offset| base + offset);
            WARNINGS.set(0);
            let opened = open(dir.path());
            let warned = WARNINGS.get();
            match (at, opened) {
                // In a header, or before the last commit of the last segment: `open` finds it.
                (None, Err(Error::Corrupt { file: named, .. })) => assert_eq!(&named, file),
                (Some(at), Err(Error::Corrupt { file: named, position, .. })) => {
                    assert!(
                        file == &files[3] && &named == file && at < last_commit && position <= at,
                        "{file:?} bit {bit}"
                    );
                }
                // In an ended segment: a reader finds it, at the damaged frame.
                (Some(at), Ok((_, handle, recovery))) if file != &files[3] => {
                    assert_eq!(recovery.position, end);
                    let Err(Error::Corrupt { file: named, position, .. }) = read(&handle, 0) else {
                        panic!("{file:?}: the flip of bit {bit} was not found");
                    };
                    let in_frame = frames.iter().rfind(|(position, _)| *position <= at).unwrap().0;
                    assert_eq!((&named, position), (file, in_frame), "bit {bit}");
                }
                // In the last commit: `open` cuts the commit, counts it and logs a warning.
                (Some(at), Ok((_, handle, recovery))) if at < end => {
                    let want = Recovery {
                        position: last_commit,
                        torn_tails: 1,
                        torn_bytes: end - last_commit,
                        ..Recovery::default()
                    };
                    assert_eq!((recovery, warned), (want, 1), "bit {bit}");
                    let left = frames.iter().filter(|(position, _)| *position < last_commit);
                    assert!(read(&handle, 0).unwrap().iter().eq(left), "bit {bit}");
                }
                // In the zeroes after the end: it looks like the first bytes of a torn commit. No committed frame is
                // lost; the torn tail is still counted and logged.
                (Some(at), Ok((_, handle, recovery))) => {
                    let want =
                        Recovery { position: end, torn_tails: 1, torn_bytes: at + 1 - end, ..Recovery::default() };
                    assert_eq!((recovery, warned), (want, 1), "bit {bit}");
                    assert_eq!(read(&handle, 0).unwrap(), frames);
                }
                (at, opened) => panic!("{file:?} bit {bit} at {at:?}: {:?}", opened.map(|opened| opened.2)),
            }
            put(file, &held);
            for later in segments(dir.path()).iter().filter(|file| !files.contains(file)) {
                fs::remove_file(later).unwrap();
            }
        }
    }
}

#[test]
fn a_corruption_error_names_the_file_the_position_and_the_remedy() {
    let dir = dir();
    let (_, _) = written(dir.path());
    let file = segments(dir.path()).pop().unwrap();
    let mut held = fs::read(&file).unwrap();
    held[70] ^= 1;
    put(&file, &held);
    let message = open(dir.path()).unwrap_err().to_string();
    let base = file.file_stem().unwrap().to_str().unwrap().trim_start_matches('0');
    for part in [file.to_str().unwrap(), &format!("position {base}"), "later commit", "restore this file"] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
}

#[test]
fn an_unknown_version_is_reported_as_a_version_and_not_as_damage() {
    let dir = dir();
    written(dir.path());
    let file = segments(dir.path()).pop().unwrap();
    let mut held = fs::read(&file).unwrap();
    held[8] = 2;
    let crc = crc32c::crc32c(&held[..60]).to_le_bytes();
    held[60..64].copy_from_slice(&crc);
    put(&file, &held);
    assert!(matches!(open(dir.path()), Err(Error::Version { version: 2, .. })));
}
