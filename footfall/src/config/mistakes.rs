//! What is wrong with a configuration: all of it at once, each in a sentence with its file and line.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Line of the file, from 1; none where the environment is at fault.
    pub(crate) line: Option<usize>,
    /// The sentence.
    pub(crate) says: String,
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug)]
pub(crate) struct Mistakes {
    file: PathBuf,
    all: Vec<Mistake>,
}

impl Mistakes {
    pub(super) fn new(file: &Path, mut all: Vec<Mistake>) -> Mistakes {
        all.sort_by_key(|mistake| mistake.line.unwrap_or(usize::MAX));
        Mistakes { file: file.to_owned(), all }
    }

    /// In the order of the file's lines.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.all.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Mistake { line, says }) in self.all.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            match line {
                Some(line) => write!(f, "{}:{line}: {says}", self.file.display())?,
                None => write!(f, "{}: {says}", self.file.display())?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
