//! The spool from outside: crashes, bad disks, full disks, a second process.
#![expect(clippy::unwrap_used, reason = "tests")]

mod model;
mod readers;
mod bounds;
mod directory;
mod cuts;
mod flips;
mod fixture;
mod child;
mod kill;
mod inject;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use spool::{Error, Handle, Options, Recovery, Writer};
use tempfile::TempDir;

/// Small segments, so that a few commits make many.
pub(crate) fn options() -> Options {
    Options { segment_bytes: 512, segment_age: Duration::from_secs(3600), bytes_max: 1 << 20 }
}

/// A directory in memory if possible: the tests open thousands of spools and do not depend on a disk.
pub(crate) fn dir() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn open(dir: &Path) -> Result<(Writer, Handle, Recovery), Error> {
    spool::open(dir, options(), 0)
}

/// Commits `payloads` as one commit and returns the position after it.
pub(crate) fn commit(writer: &mut Writer, payloads: &[&[u8]]) -> u64 {
    payloads.iter().for_each(|payload| writer.frame(payload));
    writer.commit().unwrap().position
}

/// All frames from `from` to the synced position: (position, payload).
pub(crate) fn read(handle: &Handle, from: u64) -> Result<Vec<(u64, Vec<u8>)>, Error> {
    let mut reader = handle.reader(from)?;
    let mut read = Vec::new();
    while let Some(frame) = reader.next()? {
        read.push((frame.position, frame.payload.to_vec()));
    }
    assert_eq!(reader.position(), handle.synced());
    Ok(read)
}

/// The segments in `dir`, oldest first.
pub(crate) fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "segment"));
    paths.sort();
    paths
}

/// Writes a spool of several segments and leaves it as a kill would: the last segment has zeroes behind its commits.
/// Returns the frames, and the end of each commit.
pub(crate) fn written(dir: &Path) -> (Vec<(u64, Vec<u8>)>, Vec<u64>) {
    let (mut writer, handle, _) = open(dir).unwrap();
    let ends = (0..15u8).map(|n| commit(&mut writer, &[&[n; 9], &[], &[n; 40]])).collect();
    assert_eq!((handle.segments(), segments(dir).len()), (4, 4));
    (read(&handle, 0).unwrap(), ends)
}

/// Overwrites a file with `bytes`.
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
}
