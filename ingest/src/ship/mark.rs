//! The shipper's low-water mark on disk: a position, as text. If the mark is too old, records are only sent again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file `shipped`.
#[derive(Debug, Clone)]
pub struct MarkFile {
    path: PathBuf,
}

impl MarkFile {
    /// The file in this folder.
    pub fn new(dir: &Path) -> MarkFile {
        MarkFile { path: dir.join("shipped") }
    }

    /// The position that was written last; 0 if there is no file.
    pub fn read(&self) -> io::Result<u64> {
        match fs::read_to_string(&self.path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let path = self.path.display();
                let reason = format!("{path} is not a position; delete the file to send the whole spool again");
                io::Error::new(io::ErrorKind::InvalidData, reason)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Replaces the position durably. When this returns, the spool may be trimmed.
    pub fn write(&self, position: u64) -> io::Result<()> {
        spool::replace(&self.path, format!("{position}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_a_broken_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mark = MarkFile::new(dir.path());
        assert_eq!(mark.read().unwrap(), 0);
        mark.write(77).unwrap();
        mark.write(u64::MAX).unwrap();
        assert_eq!(mark.read().unwrap(), u64::MAX);
        for broken in ["", "-1", "12 34"] {
            fs::write(dir.path().join("shipped"), broken).unwrap();
            assert!(mark.read().unwrap_err().to_string().contains("delete the file"), "{broken}");
        }
    }
}
