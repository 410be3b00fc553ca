//! Strings to numbers, for one (site, day, round). Numbers follow the order of arrival and never leave the fold.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use schema::event::{Channel, Device, Kind};
use schema::fate::Refusal;

/// The number of a name.
pub(super) type Name = u32;

/// What stands for the names that no longer fit.
pub(super) const MANY: Name = 1;

// The closed sets have fixed numbers: a block of them each, by their codes on the wire.
const CHANNELS: Name = 2;
const DEVICES: Name = CHANNELS + 16;
const KINDS: Name = DEVICES + 16;
const REFUSALS: Name = KINDS + 16;
const FREE: Name = REFUSALS + 64;

/// Fixed, so that the same records make the same tables; the cap bounds what chosen collisions could cost.
const HASH: FixedState = FixedState::with_seed(0xf007_fa11);

/// The names of one (site, day, round).
pub(super) struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashTable<Name>,
    /// Bytes of all texts, for `bytes`.
    text_bytes: usize,
}

impl Names {
    pub(super) fn new() -> Names {
        let mut texts: Vec<Arc<str>> = vec!["".into(); FREE as usize];
        let mut fix = |name: Name, label: &str| texts[name as usize] = label.into();
        fix(MANY, "(many)");
        Channel::ALL.iter().for_each(|&channel| fix(of_channel(channel), channel.label()));
        Device::ALL.iter().for_each(|&device| fix(of_device(device), device.label()));
        Kind::ALL.iter().for_each(|&kind| fix(of_kind(kind), kind.label()));
        Refusal::ALL.iter().for_each(|&reason| fix(of_refusal(reason), reason.label()));
        Names { texts, numbers: HashTable::new(), text_bytes: 0 }
    }

    /// The number of a text; `None` if it would be a new one beyond `max`.
    pub(super) fn number(&mut self, text: &str, max: usize) -> Option<Name> {
        if text.is_empty() {
            return Some(0);
        }
        let texts = &mut self.texts;
        let is_full = self.numbers.len() >= max;
        match self.numbers.entry(
            hash(text),
            |&name| &*texts[name as usize] == text,
            |&name| hash(&texts[name as usize]),
        ) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(_) if is_full => None,
            Entry::Vacant(free) => {
                let name = Name::try_from(texts.len()).ok()?;
                free.insert(name);
                texts.push(text.into());
                self.text_bytes += text.len();
                Some(name)
            }
        }
    }

    /// All texts, by number.
    pub(super) fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        const COUNTS_OF_AN_ARC: usize = 16;
        self.texts.capacity() * size_of::<Arc<str>>()
            + self.texts.len() * COUNTS_OF_AN_ARC
            + self.text_bytes
            + self.numbers.allocation_size()
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = HASH.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// The number of a channel's label.
pub(super) fn of_channel(channel: Channel) -> Name {
    CHANNELS + channel.code()
}

/// The number of a device's label.
pub(super) fn of_device(device: Device) -> Name {
    DEVICES + device.code()
}

/// The number of a kind's label.
pub(super) fn of_kind(kind: Kind) -> Name {
    KINDS + kind.code()
}

/// The number of a reason's label.
pub(super) fn of_refusal(reason: Refusal) -> Name {
    REFUSALS + reason.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_of_a_closed_set_keeps_its_own_number() {
        let names = Names::new();
        let label = |name: Name| &*names.texts()[name as usize];
        assert!(Channel::ALL.iter().all(|&channel| label(of_channel(channel)) == channel.label()));
        assert!(Device::ALL.iter().all(|&device| label(of_device(device)) == device.label()));
        assert!(Kind::ALL.iter().all(|&kind| label(of_kind(kind)) == kind.label()));
        assert!(Refusal::ALL.iter().all(|&reason| label(of_refusal(reason)) == reason.label()));
        assert_eq!((label(0), label(MANY)), ("", "(many)"));
    }
}
