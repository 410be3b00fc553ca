//! The spool: accepted payloads on local disk, kept until every reader has finished with them.
//!
//! Input: payloads, grouped into commits. Output: the same payloads in the same order, each with its position. This
//! crate knows bytes only: no event, no clock time, no network.
//!
//! ```text
//! frame     one payload with its checksums <-> bytes
//! header    the first 64 bytes of a segment <-> bytes
//! scan      bytes of a segment -> whole commits, and a torn tail or corruption (pure)
//! lock      one process per directory
//! segment   segment files: names, zeroes, publishing, cutting
//! recover   a directory after a crash -> readable segments
//! state     the list of segments and the synced position, shared by writer, readers and trimmer
//! handle    the side of a spool that readers and the trimmer use
//! writer    frame, commit, end_segment
//! reader    frames, up to the synced position
//! replace   atomic replacement of a small file
//! ```
//!
//! **Positions** are `u64`: bytes of frames since the first byte that the spool ever held. Positions are dense (each
//! frame begins where the frame before it ends, also across segments). Positions survive trimming and restarts. A
//! position that a reader may have seen is never used again for other bytes. The file name of a segment is the position
//! of its first frame.
//!
//! **A commit is atomic**: one `pwrite`, one `fdatasync`. After any crash, either all frames of the commit are on disk
//! or none is. The spool never contains a failed commit together with a later one: after a failure the next commit goes
//! to a new segment, and the header of that segment records where the old segment was last good.
//!
//! **No test inside the process can prove durability.** The page cache answers a read whether or not `fdatasync` was
//! called, so neither an in-process test nor `kill -9` shows that bytes reached the disk (or that the drive is honest).
//! Three things guard durability instead:
//!
//! * One function writes and syncs, and only that function moves the synced position ([`Writer::commit`] calls it).
//! * A test traces the system calls from outside (`tests/it/inject.rs`): the acknowledgement comes after the
//!   `fdatasync` of the same file, and a failed `fdatasync` is never acknowledged.
//! * A reviewer reads that function.
//!
//! Limit: if a file system persists the `unlink`s of one directory out of order, a power cut during [`Handle::trim`]
//! can leave a gap between segments, and `open` reports the gap as corruption. ext4, xfs and btrfs keep the order.

mod error;
mod frame;
mod header;
mod scan;
mod lock;
mod segment;
mod state;
mod handle;
mod replace;
mod recover;
mod writer;
mod reader;

use std::path::Path;
use std::time::Duration;

pub use error::Error;
pub use frame::{COMMIT_BYTES_MAX, PAYLOAD_BYTES_MAX, frame_bytes};
pub use handle::Handle;
pub use reader::{Frame, FrameReader};
pub use recover::Recovery;
pub use replace::replace;
pub use writer::{Committed, Writer};

/// The size of segments, how long one segment takes commits, and the disk space of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Length of a segment file, zeroes included. A commit that is longer gets a longer segment of its own.
    pub segment_bytes: u64,
    /// If a segment's first commit is older than this, the next commit begins a new segment (if the bound allows one).
    pub segment_age: Duration,
    /// Upper bound for all files together, zeroes included; at least two segments. While an old segment is replaced
    /// early, its zeroes can exceed the bound for a moment.
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

/// Locks and recovers the spool in `dir` (created with mode 0700 if missing) and begins a new segment.
///
/// `committed` is the position up to which a reader has finished. If the spool ends below `committed`, acknowledged
/// data is missing: `open` returns [`Error::Corrupt`]. A directory without any segment is accepted: positions continue
/// from `committed`, and [`Recovery::restarted`] is true.
///
/// A full disk or a reached bound does not make `open` fail: readers must still run, so that the spool can be trimmed.
pub fn open(dir: &Path, options: Options, committed: u64) -> Result<(Writer, Handle, Recovery), Error> {
    options.check()?;
    let (state, recovery) = recover::recover(dir, options.bytes_max, committed)?;
    let writer = Writer::begin(state.clone(), options);
    Ok((writer, Handle::new(state), recovery))
}
