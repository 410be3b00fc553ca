//! The keys of the topic `folds`: `S/generation`, in decimal.

/// Which S, in which life of the shard's live rows. Ordered by S first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) start: u64,
    pub(super) generation: u32,
}

impl Key {
    pub(super) fn bytes(self) -> Vec<u8> {
        format!("{}/{}", self.start, self.generation).into_bytes()
    }

    /// `None` if it is no key of ours.
    pub(super) fn read(bytes: &[u8]) -> Option<Key> {
        let (start, generation) = std::str::from_utf8(bytes).ok()?.split_once('/')?;
        Some(Key { start: start.parse().ok()?, generation: generation.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_other_keys_are_not_ours() {
        let key = Key { start: u64::MAX, generation: 7 };
        assert_eq!(Key::read(&key.bytes()), Some(key));
        for other in ["", "7", "7/", "/7", "a/b", "1/2/3", "-1/2"] {
            assert_eq!(Key::read(other.as_bytes()), None, "{other}");
        }
        assert!(Key { start: 2, generation: 1 } > Key { start: 1, generation: 9 });
    }
}
