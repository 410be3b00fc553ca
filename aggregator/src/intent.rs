//! The intent file: what Kafka's commit metadata will carry. Written before an insert, it names the range that is being
//! inserted, so that after a crash exactly that range is inserted again under the same token.
//!
//! Everything in it changes at once: a new file is written, synced and renamed over the old one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fold::Checkpoint;

/// The layout of this file.
const VERSION: u32 = 1;

/// Where a shard stands. Positions are those of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    version: u32,
    /// The rules of the fold that made the rows; other rules may not finish what they began.
    pub fold_version: u32,
    /// Everything below is inserted.
    pub offset: u64,
    /// `offset..end` is being inserted.
    pub end: Option<u64>,
    /// S: where the oldest round begins that is not yet done; state is rebuilt from here.
    pub start: u64,
    /// Which life of the shard's live rows.
    pub generation: u32,
    /// When this was written, UTC seconds.
    pub at_s: i64,
    /// What replay from `start` begins with.
    #[serde(rename = "copy")]
    pub checkpoint: Checkpoint,
}

impl Intent {
    /// An intent of this version.
    pub fn new(
        fold_version: u32,
        offset: u64,
        end: Option<u64>,
        start: u64,
        generation: u32,
        at_s: i64,
        checkpoint: Checkpoint,
    ) -> Intent {
        Intent { version: VERSION, fold_version, offset, end, start, generation, at_s, checkpoint }
    }
}

/// The file that holds it.
#[derive(Debug, Clone)]
pub struct IntentFile {
    path: PathBuf,
}

impl IntentFile {
    /// `dir` must exist.
    pub fn new(dir: &Path) -> IntentFile {
        IntentFile { path: dir.join("intent.json") }
    }

    /// What was written last; `None` if nothing ever was. A file that cannot be read is an error: guessing could count
    /// twice.
    pub fn read(&self) -> io::Result<Option<Intent>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let intent: Intent = serde_json::from_slice(&text).map_err(|error| self.unreadable(&error.to_string()))?;
        if intent.version != VERSION {
            return Err(self.unreadable(&format!("its version is {}, this program writes {VERSION}", intent.version)));
        }
        Ok(Some(intent))
    }

    fn unreadable(&self, why: &str) -> io::Error {
        let advice = "move it away to count the days still in the spool afresh";
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} is not an intent ({why}); {advice}", self.path.display()),
        )
    }

    /// Replaces it; when this returns it survives a power cut.
    pub fn write(&self, intent: &Intent) -> io::Result<()> {
        spool::replace(&self.path, &serde_json::to_vec(intent)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written_and_a_broken_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = IntentFile::new(dir.path());
        assert_eq!(file.read().unwrap(), None);
        let checkpoint = Checkpoint {
            last_numbers: [(7, 9), (u64::MAX, 1)].into(),
            last_active: [(7, 19_999)].into(),
            last_close: Some(20_000),
        };
        let intent = Intent::new(3, 10, Some(20), 5, 2, 1_700_000_000, checkpoint);
        file.write(&intent).unwrap();
        assert_eq!(file.read().unwrap(), Some(intent.clone()));
        file.write(&Intent { end: None, ..intent.clone() }).unwrap();
        assert_eq!(file.read().unwrap().unwrap().end, None);
        let stored = r#"{"version":1,"fold_version":3,"offset":10,"end":20,"start":5,"generation":2,"at_s":1700000000,"copy":{"seen":{"7":9,"18446744073709551615":1},"heard":{"7":19999},"last_close":20000}}"#;
        fs::write(dir.path().join("intent.json"), stored).unwrap();
        assert_eq!(file.read().unwrap(), Some(intent), "written by an earlier version");
        for broken in ["", "{}", "{\"version\":2}", "garbage"] {
            fs::write(dir.path().join("intent.json"), broken).unwrap();
            assert!(file.read().unwrap_err().to_string().contains("move it away"), "{broken}");
        }
    }
}
