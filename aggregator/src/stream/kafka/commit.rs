//! An intent as an offset commit: everything below the offset is inserted; the metadata has the rest, except the
//! checkpoint.
//!
//! The metadata is `v1;name=value;...` in ASCII. It is far below the brokers' limit of 4,096 bytes. The checkpoint does
//! not fit; it is in the topic `folds`.

use crate::fold::Checkpoint;
use crate::shard::intent::Intent;

/// The version of the metadata's layout.
const LAYOUT: &str = "v1";

/// An offset commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) offset: u64,
    pub(super) metadata: String,
}

impl Commit {
    /// The intent without its checkpoint.
    pub(super) fn encode(intent: &Intent) -> Commit {
        let Intent { fold_version, offset, end, start, generation, at_s, .. } = intent;
        let end = end.map_or(String::new(), |end| format!("end={end};"));
        let metadata = format!("{LAYOUT};{end}start={start};generation={generation};fold={fold_version};at={at_s}");
        Commit { offset: *offset, metadata }
    }

    /// The intent with an empty checkpoint; `None` if the layout is another or a field is missing or wrong. Unknown
    /// fields are passed over.
    pub(super) fn decode(&self) -> Option<Intent> {
        let (layout, rest) = self.metadata.split_once(';')?;
        if layout != LAYOUT {
            return None;
        }
        let (mut end, mut start, mut generation, mut fold, mut at) = (None, None, None, None, None);
        for pair in rest.split(';') {
            let (name, value) = pair.split_once('=')?;
            match name {
                "end" => end = Some(value.parse().ok()?),
                "start" => start = Some(value.parse().ok()?),
                "generation" => generation = Some(value.parse().ok()?),
                "fold" => fold = Some(value.parse().ok()?),
                "at" => at = Some(value.parse().ok()?),
                _ => {}
            }
        }
        Some(Intent::new(fold?, self.offset, end, start?, generation?, at?, Checkpoint::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_decoded_as_it_was_encoded_and_its_metadata_is_short() {
        for end in [None, Some(u64::MAX)] {
            let intent = Intent::new(u32::MAX, u64::MAX, end, u64::MAX, u32::MAX, i64::MAX, Checkpoint::default());
            let commit = Commit::encode(&intent);
            assert_eq!(commit.decode(), Some(intent));
            assert!(commit.metadata.len() < 200 && commit.metadata.is_ascii());
        }
    }

    #[test]
    fn metadata_of_another_layout_is_not_decoded() {
        for metadata in
            ["", "v2;start=1;generation=1;fold=1;at=1", "v1", "v1;start=1", "v1;start=x;generation=1;fold=1;at=1"]
        {
            assert_eq!(Commit { offset: 1, metadata: metadata.to_owned() }.decode(), None, "{metadata}");
        }
    }
}
