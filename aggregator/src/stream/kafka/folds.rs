//! The checkpoints of one partition, in the compacted topic `folds`.
//!
//! The key is `S/generation` in decimal, the value is the checkpoint of S as JSON. A checkpoint is written before the
//! first commit with its S and generation. It is deleted only after a higher S is committed and the messages below that
//! are deleted. The ledger is the partition of `folds` with the same number.

use std::collections::BTreeMap;

use kafka::Error;
use kafka::ledger::LedgerEntry;

use crate::fold::Checkpoint;

/// The key of a checkpoint. Keys are ordered by S first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CheckpointKey {
    pub(super) start: u64,
    pub(super) generation: u32,
}

impl CheckpointKey {
    pub(super) fn encode(self) -> Vec<u8> {
        format!("{}/{}", self.start, self.generation).into_bytes()
    }

    /// `None` if the bytes are not such a key.
    fn decode(bytes: &[u8]) -> Option<CheckpointKey> {
        let (start, generation) = std::str::from_utf8(bytes).ok()?.split_once('/')?;
        Some(CheckpointKey { start: start.parse().ok()?, generation: generation.parse().ok()? })
    }
}

/// What the topic has of one partition, as of the last read.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    by_key: BTreeMap<CheckpointKey, Checkpoint>,
}

impl Checkpoints {
    /// Decodes all entries of the ledger. Entries with other keys are left out.
    pub(super) fn decode(entries: Vec<LedgerEntry>) -> serde_json::Result<Checkpoints> {
        let mut by_key = BTreeMap::new();
        for entry in entries {
            let Some(key) = CheckpointKey::decode(&entry.key) else { continue };
            match entry.value {
                None => drop(by_key.remove(&key)),
                Some(value) => drop(by_key.insert(key, serde_json::from_slice(&value)?)),
            }
        }
        Ok(Checkpoints { by_key })
    }

    pub(super) fn get(&self, key: &CheckpointKey) -> Option<&Checkpoint> {
        self.by_key.get(key)
    }

    pub(super) fn insert(&mut self, key: CheckpointKey, checkpoint: Checkpoint) {
        self.by_key.insert(key, checkpoint);
    }

    pub(super) fn clear(&mut self) {
        self.by_key.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The lowest S; `None` if there is no checkpoint.
    pub(super) fn lowest_start(&self) -> Option<u64> {
        self.by_key.keys().next().map(|key| key.start)
    }

    /// The highest S below a position.
    pub(super) fn highest_start_below(&self, position: u64) -> Option<u64> {
        self.by_key.keys().map(|key| key.start).filter(|&start| start < position).max()
    }

    /// The highest generation; 0 if there is no checkpoint.
    pub(super) fn highest_generation(&self) -> u32 {
        self.by_key.keys().map(|key| key.generation).max().unwrap_or(0)
    }

    /// The checkpoint of S, of the highest generation that has one.
    pub(super) fn at(&self, start: u64) -> Option<&Checkpoint> {
        self.by_key.iter().rev().find(|(key, _)| key.start == start).map(|(_, checkpoint)| checkpoint)
    }

    /// The checkpoint of the highest S that is not above a position.
    pub(super) fn nearest(&self, position: u64) -> Option<&Checkpoint> {
        self.by_key.iter().rev().find(|(key, _)| key.start <= position).map(|(_, checkpoint)| checkpoint)
    }

    /// The checkpoints that no S to come needs, once everything below a position is deleted. The highest generation
    /// always stays: it is in the key of the S that was saved last.
    pub(super) fn obsolete(&self, below: u64) -> Vec<CheckpointKey> {
        let kept = self.by_key.keys().filter(|key| key.start >= below).map(|key| key.generation).max();
        let Some(kept) = kept else { return Vec::new() };
        self.by_key.keys().filter(|key| key.start < below && key.generation <= kept).copied().collect()
    }

    /// Deletes checkpoints from the topic and from here. Stops at the first error: the next start tries again.
    pub(super) async fn delete<F>(&mut self, keys: Vec<CheckpointKey>, mut delete: impl FnMut(CheckpointKey) -> F)
    where
        F: Future<Output = Result<(), Error>>,
    {
        for key in keys {
            if let Err(error) = delete(key).await {
                tracing::warn!(%error, "an obsolete checkpoint could not be deleted from the topic folds");
                return;
            }
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_as_it_was_encoded_and_other_keys_are_not() {
        let key = CheckpointKey { start: u64::MAX, generation: 7 };
        assert_eq!(CheckpointKey::decode(&key.encode()), Some(key));
        for other in ["", "7", "7/", "/7", "a/b", "1/2/3", "-1/2"] {
            assert_eq!(CheckpointKey::decode(other.as_bytes()), None, "{other}");
        }
        assert!(CheckpointKey { start: 2, generation: 1 } > CheckpointKey { start: 1, generation: 9 });
    }

    #[test]
    fn the_last_value_of_a_key_counts_and_a_checkpoint_of_an_earlier_version_is_read() {
        let entry = |key: &str, value: Option<&str>| LedgerEntry {
            offset: 0,
            key: key.into(),
            value: value.map(Into::into),
            appended_ms: None,
        };
        let stored = r#"{"seen":{"7":9},"heard":{"7":19999},"last_close":20000}"#;
        let entries = vec![
            entry("5/1", Some("{\"seen\":{},\"last_close\":null}")),
            entry("other", Some("not JSON")),
            entry("5/1", None),
            entry("9/2", Some(stored)),
        ];
        let checkpoints = Checkpoints::decode(entries).unwrap();
        assert_eq!(checkpoints.lowest_start(), Some(9));
        let expected =
            Checkpoint { last_numbers: [(7, 9)].into(), last_active: [(7, 19_999)].into(), last_close: Some(20_000) };
        assert_eq!(checkpoints.at(9), Some(&expected));
        assert!(Checkpoints::decode(vec![entry("1/1", Some("not JSON"))]).is_err());
    }

    #[test]
    fn the_checkpoint_with_the_highest_generation_is_never_obsolete() {
        let mut checkpoints = Checkpoints::default();
        for (start, generation) in [(1, 1), (2, 1), (2, 3), (5, 2)] {
            checkpoints.insert(CheckpointKey { start, generation }, Checkpoint::default());
        }
        let keys = |below| {
            let obsolete = checkpoints.obsolete(below);
            obsolete.iter().map(|key| (key.start, key.generation)).collect::<Vec<_>>()
        };
        assert_eq!(keys(5), [(1, 1), (2, 1)], "generation 3 has no checkpoint at 5 or above");
        assert_eq!(keys(6), [], "there is no checkpoint at 6 or above");
        assert_eq!(checkpoints.highest_generation(), 3);
    }
}
