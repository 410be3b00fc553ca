//! The directory lock: one process per spool.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, io as at};

/// Held while any part of this process may write, read or trim. When the process ends, the system releases the lock.
#[derive(Debug)]
pub(crate) struct DirLock(File);

impl DirLock {
    pub(crate) fn acquire(dir: &Path) -> Result<DirLock, Error> {
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(at("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => Err(at("lock", &path)(error)),
        }
    }
}

impl Drop for DirLock {
    /// Closing the file is not enough: a child process that this process is starting inherits all open files until its
    /// `exec`, and would hold the lock.
    fn drop(&mut self) {
        // Best effort: the lock ends with the process at the latest.
        let _ = self.0.unlock();
    }
}
