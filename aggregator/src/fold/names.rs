//! Strings to numbers, for one (site, day, round). Numbers follow the order of arrival and never leave the fold.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use foldhash::fast::FixedState;
use schema::event::{Channel, Device, Kind};
use schema::fate::Refusal;

use super::slots::Index;

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
    /// One after the other: the hot ones share lines of the cache, and a name costs no allocation.
    texts: String,
    /// Where the text of each name ends.
    ends: Vec<u32>,
    index: Index,
}

impl Names {
    pub(super) fn new() -> Names {
        let mut labels = [""; FREE as usize];
        labels[MANY as usize] = "(many)";
        Channel::ALL.iter().for_each(|&channel| labels[of_channel(channel) as usize] = channel.label());
        Device::ALL.iter().for_each(|&device| labels[of_device(device) as usize] = device.label());
        Kind::ALL.iter().for_each(|&kind| labels[of_kind(kind) as usize] = kind.label());
        Refusal::ALL.iter().for_each(|&reason| labels[of_refusal(reason) as usize] = reason.label());
        let mut names = Names { texts: String::new(), ends: Vec::new(), index: Index::default() };
        labels.iter().for_each(|label| names.push(label));
        names
    }

    fn push(&mut self, text: &str) {
        self.texts.push_str(text);
        self.ends.push(self.texts.len() as u32);
    }

    /// The number of a text; `None` if it would be a new one beyond `max`.
    pub(super) fn number(&mut self, text: &str, max: usize) -> Option<Name> {
        if text.is_empty() {
            return Some(0);
        }
        let hash = hash(text);
        let texts = self.texts.as_bytes(); // to compare bytes is to compare texts
        let place = match self.index.find(hash, |name| texts[self.span(name)] == *text.as_bytes()) {
            Ok(known) => return Some(known),
            Err(place) => place,
        };
        let has_room = self.len() - (FREE as usize) < max && texts.len() + text.len() <= u32::MAX as usize;
        has_room.then(|| {
            let name = self.len() as Name;
            self.index.insert(place, hash, name);
            self.push(text);
            name
        })
    }

    /// The text of a number.
    pub(super) fn text(&self, name: Name) -> &str {
        &self.texts[self.span(name)]
    }

    fn span(&self, name: Name) -> Range<usize> {
        let start = name.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        start as usize..self.ends[name as usize] as usize
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.texts.capacity() + self.ends.capacity() * size_of::<u32>() + self.index.bytes()
    }
}

fn hash(text: &str) -> u32 {
    let mut hasher = HASH.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish() as u32
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
        let label = |name: Name| names.text(name);
        assert!(Channel::ALL.iter().all(|&channel| label(of_channel(channel)) == channel.label()));
        assert!(Device::ALL.iter().all(|&device| label(of_device(device)) == device.label()));
        assert!(Kind::ALL.iter().all(|&kind| label(of_kind(kind)) == kind.label()));
        assert!(Refusal::ALL.iter().all(|&reason| label(of_refusal(reason)) == reason.label()));
        assert_eq!((label(0), label(MANY)), ("", "(many)"));
    }
}
