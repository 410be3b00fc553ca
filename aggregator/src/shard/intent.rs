//! The intent: where a shard stands, and the range that it is about to insert.
//!
//! The intent is written to durable storage before the first insert of a batch. After a crash exactly that range is
//! inserted again with the same tokens. On one machine it is stored in a file, with Kafka in the metadata of an offset
//! commit (`stream::kafka::commit`).
//!
//! All of the file changes at once: a new file is written, synced and renamed over the old one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fold::Checkpoint;

/// The version of the file's layout.
const LAYOUT_VERSION: u32 = 1;

/// Where a shard stands. Positions are those of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    version: u32,
    /// The version of the fold's rules that made the rows. Other rules must not continue a batch.
    pub fold_version: u32,
    /// Everything below is inserted.
    pub offset: u64,
    /// The range `offset..end` is about to be inserted; `None` between batches.
    pub end: Option<u64>,
    /// S, the low-water mark: where the oldest round begins that is not settled.
    pub start: u64,
    /// The generation of the live rows.
    pub generation: u32,
    /// When this was written, UTC seconds.
    pub at_s: i64,
    /// What replay from `start` begins with.
    #[serde(rename = "copy")]
    pub checkpoint: Checkpoint,
}

impl Intent {
    /// An intent of the current layout.
    pub fn new(
        fold_version: u32,
        offset: u64,
        end: Option<u64>,
        start: u64,
        generation: u32,
        at_s: i64,
        checkpoint: Checkpoint,
    ) -> Intent {
        Intent { version: LAYOUT_VERSION, fold_version, offset, end, start, generation, at_s, checkpoint }
    }
}

/// The file of an intent.
#[derive(Debug, Clone)]
pub struct IntentFile {
    path: PathBuf,
}

impl IntentFile {
    /// The intent file in `dir`, which must exist.
    pub fn new(dir: &Path) -> IntentFile {
        IntentFile { path: dir.join("intent.json") }
    }

    /// The last intent that was written; `None` if there is no file. A file that cannot be read is an error: a guess
    /// could count hits twice.
    pub fn read(&self) -> io::Result<Option<Intent>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let intent: Intent = serde_json::from_slice(&text).map_err(|error| self.unreadable(&error.to_string()))?;
        if intent.version != LAYOUT_VERSION {
            let why = format!("its version is {}, this program writes {LAYOUT_VERSION}", intent.version);
            return Err(self.unreadable(&why));
        }
        Ok(Some(intent))
    }

    fn unreadable(&self, why: &str) -> io::Error {
        let advice = "move it away to count the days that are still in the spool again";
        let text = format!("{} is not an intent ({why}); {advice}", self.path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    }

    /// Replaces the file. When this returns, the new content survives a power cut.
    pub fn write(&self, intent: &Intent) -> io::Result<()> {
        spool::replace(&self.path, &serde_json::to_vec(intent)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_is_read_as_it_was_written_and_a_broken_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = IntentFile::new(dir.path());
        assert_eq!(file.read().unwrap(), None);
        let intent = intent();
        file.write(&intent).unwrap();
        assert_eq!(file.read().unwrap(), Some(intent.clone()));
        file.write(&Intent { end: None, ..intent.clone() }).unwrap();
        assert_eq!(file.read().unwrap().unwrap().end, None);
        for broken in ["", "{}", "{\"version\":2}", "garbage"] {
            fs::write(dir.path().join("intent.json"), broken).unwrap();
            assert!(file.read().unwrap_err().to_string().contains("move it away"), "{broken}");
        }
    }

    #[test]
    fn an_intent_of_an_earlier_version_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let stored = concat!(
            r#"{"version":1,"fold_version":3,"offset":10,"end":20,"start":5,"generation":2,"at_s":1700000000,"#,
            r#""copy":{"seen":{"7":9,"18446744073709551615":1},"heard":{"7":19999},"last_close":20000}}"#
        );
        fs::write(dir.path().join("intent.json"), stored).unwrap();
        let file = IntentFile::new(dir.path());
        assert_eq!(file.read().unwrap(), Some(intent()));
        file.write(&intent()).unwrap();
        assert_eq!(fs::read_to_string(dir.path().join("intent.json")).unwrap(), stored);
    }

    fn intent() -> Intent {
        let checkpoint = Checkpoint {
            last_numbers: [(7, 9), (u64::MAX, 1)].into(),
            last_active: [(7, 19_999)].into(),
            last_close: Some(20_000),
        };
        Intent::new(3, 10, Some(20), 5, 2, 1_700_000_000, checkpoint)
    }
}
