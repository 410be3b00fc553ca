//! What can go wrong, and what a person does about it.

use std::io;
use std::path::{Path, PathBuf};

/// Why the spool could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused; a commit that gets this is not in the spool.
    #[error("spool: {doing} {}: {source}", path.display())]
    Io {
        /// The verb, as in "write to".
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// A commit needs more than `bytes_max` allows; its frames are dropped, nothing was written.
    #[error("spool: full: {bytes} bytes on disk, {needed} more needed, {bytes_max} allowed")]
    Full {
        /// Bytes on disk now.
        bytes: u64,
        /// Bytes a new segment would add.
        needed: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// Another process (or another `open` in this one) holds the directory.
    #[error("spool: {} is in use by another process: only one may write to it; stop that one first", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// Bytes that were synced are gone or wrong. Nothing is repaired: a person decides.
    #[error(
        "spool: {} is corrupt at position {position}: {what}. Check the disk; restore this file from a copy, or move \
         the spool's directory away as a whole (what it holds and was not yet read is then lost) and start again",
        file.display()
    )]
    Corrupt {
        /// The segment.
        file: PathBuf,
        /// Where in the spool.
        position: u64,
        /// What is wrong there.
        what: String,
    },
    /// A segment of a format this program does not know.
    #[error("spool: {} has format version {version}; this program reads version 1: run the one that wrote it", file.display())]
    Version {
        /// The segment.
        file: PathBuf,
        /// The version it names.
        version: u32,
    },
    /// A reader asked for what was trimmed.
    #[error("spool: position {position} was trimmed; the first held is {start}")]
    Trimmed {
        /// What was asked for.
        position: u64,
        /// The first position still held.
        start: u64,
    },
    /// A reader asked for what was never synced.
    #[error("spool: position {position} is beyond the synced position {synced}")]
    Beyond {
        /// What was asked for.
        position: u64,
        /// The synced position.
        synced: u64,
    },
    /// The options contradict each other.
    #[error("spool: {0}")]
    Options(&'static str),
}

/// Names the file and the act in an error of the operating system.
pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { doing, path: path.to_owned(), source }
}
