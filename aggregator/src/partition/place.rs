//! A shard's place as a commit: the offset is where it stands, the metadata says the rest, as `name=value;...`.

use crate::fold::Checkpoint;
use crate::intent::Intent;
use crate::membership::Saved;

/// The layout of the metadata.
const LAYOUT: &str = "v1";

/// As it is committed; the copy is not in it.
pub(super) fn write(intent: &Intent) -> Saved {
    let Intent { fold_version, offset, end, start, generation, at_s, .. } = intent;
    let end = end.map_or(String::new(), |end| format!("end={end};"));
    let metadata = format!("{LAYOUT};{end}start={start};generation={generation};fold={fold_version};at={at_s}");
    Saved { offset: *offset, metadata }
}

/// `None` if it is not a place of this layout. The copy is empty.
pub(super) fn read(saved: &Saved) -> Option<Intent> {
    let (layout, rest) = saved.metadata.split_once(';')?;
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
    Some(Intent::new(fold?, saved.offset, end, start?, generation?, at?, Checkpoint::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written_and_fits_into_a_commit() {
        for end in [None, Some(u64::MAX)] {
            let intent = Intent::new(u32::MAX, u64::MAX, end, u64::MAX, u32::MAX, i64::MAX, Checkpoint::default());
            let saved = write(&intent);
            assert_eq!(read(&saved), Some(intent));
            assert!(saved.metadata.len() < 200 && saved.metadata.is_ascii());
        }
    }

    #[test]
    fn what_is_no_place_of_this_layout_is_not_guessed_at() {
        for metadata in
            ["", "v2;start=1;generation=1;fold=1;at=1", "v1", "v1;start=1", "v1;start=x;generation=1;fold=1;at=1"]
        {
            assert_eq!(read(&Saved { offset: 1, metadata: metadata.to_owned() }), None, "{metadata}");
        }
    }
}
