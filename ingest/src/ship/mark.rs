//! The low-water mark on disk: a position, as text. An old one only means that more is sent again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The file `shipped`.
#[derive(Debug, Clone)]
pub struct Mark {
    path: PathBuf,
}

impl Mark {
    /// In this folder.
    pub fn new(dir: &Path) -> Mark {
        Mark { path: dir.join("shipped") }
    }

    /// What was written last; 0 if nothing ever was.
    pub fn read(&self) -> io::Result<u64> {
        match fs::read_to_string(&self.path) {
            Ok(text) => text.trim().parse().map_err(|_| {
                let says =
                    format!("{} is not a position; delete it to send the whole spool again", self.path.display());
                io::Error::new(io::ErrorKind::InvalidData, says)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Replaces it; when this returns it survives a power cut, so the spool may be trimmed.
    pub fn write(&self, position: u64) -> io::Result<()> {
        spool::replace(&self.path, format!("{position}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_a_broken_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mark = Mark::new(dir.path());
        assert_eq!(mark.read().unwrap(), 0);
        mark.write(77).unwrap();
        mark.write(u64::MAX).unwrap();
        assert_eq!(mark.read().unwrap(), u64::MAX);
        for broken in ["", "-1", "12 34"] {
            fs::write(dir.path().join("shipped"), broken).unwrap();
            assert!(mark.read().unwrap_err().to_string().contains("delete it"), "{broken}");
        }
    }
}
