//! One holder per directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{Error, io as at};

/// Held for as long as anyone may write, read or trim; the system releases it when the process ends in any way.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Lock, Error> {
        let path = dir.join("lock");
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(at("open", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => Err(at("lock", &path)(error)),
        }
    }
}

impl Drop for Lock {
    /// Closing would do, but for a child that this process is just starting: until its `exec` it holds all files open.
    fn drop(&mut self) {
        // Best effort: the lock ends with the process at the latest.
        let _ = self.0.unlock();
    }
}
