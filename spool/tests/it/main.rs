//! The spool from outside: what a crash, a bad disk, a full one or a second process does to it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod model;

use std::path::Path;
use std::time::Duration;

use spool::{Error, Handle, Options, Recovery, Writer};

/// Small segments, so that a few commits make many.
pub(crate) fn options() -> Options {
    Options { segment_bytes: 512, segment_age: Duration::from_secs(3600), bytes_max: 1 << 20 }
}

pub(crate) fn open(dir: &Path) -> Result<(Writer, Handle, Recovery), Error> {
    spool::open(dir, options(), 0)
}

/// Commits `payloads` as one and gives the position after.
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
