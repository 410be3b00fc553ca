//! The spool: what was accepted, on local disk, until every reader is done with it.
//!
//! In come payloads, grouped into commits; out go the same payloads, in order, each with its position. This crate
//! knows bytes only: no event, no clock time, no network.
//!
//! ```text
//! frame     one payload with its checksums <-> bytes
//! header    the first 64 bytes of a segment <-> bytes
//! scan      bytes of a segment -> whole commits, a torn tail, or corruption (pure)
//! lock      one holder per directory
//! segment   files: names, zeroes, publishing, cutting
//! recover   a directory as a crash left it -> segments that may be read
//! shared    what the writer, the readers and the trimmer agree on
//! writer    frame, commit, end_segment
//! reader    frames, up to the synced position
//! ```
//!
//! **Positions** are `u64`, in bytes of frames since the spool's first byte ever. They are dense (a frame begins where
//! the one before it ended, also over segment borders), survive trimming and restarts, and are never reused for
//! anything a reader may have seen. A segment's file name is the position of its first frame.
//!
//! **A commit is atomic**: one `pwrite`, one `fdatasync`, and after any crash either all its frames are there or none.
//! A failed commit is never there beside a later one: the next commit goes to a new segment, whose header says where
//! the old one was good.
//!
//! **Durability cannot be tested from within.** The page cache answers a read whether or not `fdatasync` was called,
//! so no in-process test, and no `kill -9`, can show that bytes reached the platter, let alone that the drive does not
//! lie. It is guarded by other means: there is one function that writes and syncs ([`Writer::commit`] calls it and
//! nothing else moves the synced position), a test watches its system calls from outside (`tests/it/inject.rs`: the
//! acknowledgement comes after the `fdatasync` of the same file, and a failed one is never acknowledged), and a
//! reviewer's eye. A file system that persists `unlink`s of one directory out of order may show a gap after a power
//! cut during [`Handle::trim`], which opening reports as corruption; ext4, xfs and btrfs do not.

mod error;
mod frame;
mod header;
mod scan;
mod lock;
mod segment;
mod shared;
mod place;
mod recover;
mod writer;
mod reader;

use std::path::Path;
use std::time::Duration;

pub use error::Error;
pub use frame::{COMMIT_BYTES_MAX, PAYLOAD_BYTES_MAX, frame_bytes};
pub use place::replace;
pub use reader::{Frame, Reader};
pub use recover::Recovery;
pub use shared::Handle;
pub use writer::{Committed, Writer};

/// How large segments are, how long one is written to, and how much disk all of them may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Length of a segment's file, zeroed ahead; a commit larger than this gets a longer one of its own.
    pub segment_bytes: u64,
    /// A commit this long after a segment's first commit begins a new segment, if there is room for one.
    pub segment_age: Duration,
    /// Bound of all files together, zeroes ahead included; at least two segments. (While one segment follows another
    /// early, the old one's zeroes are there a moment longer.)
    pub bytes_max: u64,
}

impl Options {
    /// 64 MiB segments, ended after an hour, within `bytes_max`.
    pub fn with_bytes_max(bytes_max: u64) -> Options {
        Options { segment_bytes: 64 << 20, segment_age: Duration::from_secs(3600), bytes_max }
    }

    fn check(&self) -> Result<(), Error> {
        if self.segment_bytes <= header::BYTES as u64 || self.segment_bytes > frame::COMMIT_BYTES_MAX as u64 {
            return Err(Error::Options("segment_bytes must be above 64 bytes and at most 1 GiB"));
        }
        if self.bytes_max / 2 < self.segment_bytes {
            return Err(Error::Options("bytes_max must be at least two segments"));
        }
        Ok(())
    }
}

/// Locks and recovers the spool in `dir` (made if missing, mode 0700) and begins a new segment.
///
/// `committed` is the position up to which a reader has committed what it read: if less than that is left, something
/// acknowledged and used is gone, and that is corruption. A directory without any segment is not: positions go on
/// from `committed`, and [`Recovery::restarted`] says so.
///
/// A full disk or bound does not keep a spool from opening: readers must be able to go on, so that it can be trimmed.
pub fn open(dir: &Path, options: Options, committed: u64) -> Result<(Writer, Handle, Recovery), Error> {
    options.check()?;
    let (shared, recovery) = recover::recover(dir, options.bytes_max, committed)?;
    let writer = Writer::begin(shared.clone(), options);
    Ok((writer, Handle::new(shared), recovery))
}
