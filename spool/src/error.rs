//! What can go wrong, and what the operator does about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why a call to the spool failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call failed. A commit that returns this error is not in the spool.
    #[error("spool: {doing} {}: {source}", path.display())]
    Io {
        /// The verb, as in "write to".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A commit needs more than `bytes_max` allows. Its frames are dropped and nothing was written.
    #[error("spool: full: {bytes} bytes on disk, {needed} more needed, {bytes_max} allowed")]
    Full {
        /// Bytes on disk now.
        bytes: u64,
        /// Bytes that a new segment would add.
        needed: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// Another process (or another `open` in this one) holds the directory lock.
    #[error("spool: {} is in use by another process: only one may write to it; stop that one first", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// Synced bytes are missing or wrong. The spool repairs nothing: the operator decides.
    #[error(
        "spool: {} is corrupt at position {position}: {what}. Check the disk; restore this file from a copy, or move \
         the whole spool directory away (frames that were not read yet are then lost) and start again",
        file.display()
    )]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// The position of the damage.
        position: u64,
        /// What is wrong there.
        what: String,
    },
    /// The segment has a format version that this program does not know.
    #[error("spool: {} has format version {version}; this program reads version 1: run the one that wrote it", file.display())]
    Version {
        /// The segment.
        file: PathBuf,
        /// The version in its header.
        version: u32,
    },
    /// A reader asked for a position that was trimmed.
    #[error("spool: position {position} was trimmed; the first position on disk is {start}")]
    Trimmed {
        /// The requested position.
        position: u64,
        /// The first position that is still on disk.
        start: u64,
    },
    /// A reader asked for a position that was never synced.
    #[error("spool: position {position} is beyond the synced position {synced}")]
    Beyond {
        /// The requested position.
        position: u64,
        /// The synced position.
        synced: u64,
    },
    /// The options contradict each other.
    #[error("spool: {0}")]
    Options(&'static str),
}

/// Adds the file and the verb to an error of the operating system.
pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { doing, path: path.to_owned(), source }
}
