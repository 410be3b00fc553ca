//! The mistakes of a configuration file: all of them at once, each a sentence with file and line.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Line of the file, from 1. `None`: the mistake is in the environment.
    pub(crate) line: Option<usize>,
    /// The sentence that describes it.
    pub(crate) text: String,
}

/// All mistakes of one file, in the order of its lines.
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

    /// The mistakes in the order of the file's lines.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.all.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Mistake { line, text }) in self.all.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            match line {
                Some(line) => write!(f, "{}:{line}: {text}", self.file.display())?,
                None => write!(f, "{}: {text}", self.file.display())?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
