//! Numbers for strings, within one (site, day, round). Numbers follow the order of arrival and never leave the fold.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use foldhash::fast::FixedState;
use schema::event::{Channel, Device, Kind};
use schema::fate::Refusal;

use super::slots::Index;

/// The number of a name.
pub(super) type Name = u32;

/// Stands for the names that are beyond the limit.
pub(super) const MANY: Name = 1;

// Each closed set has a block of fixed numbers, by the codes on the wire.
const CHANNELS: Name = 2;
const DEVICES: Name = CHANNELS + 16;
const KINDS: Name = DEVICES + 16;
const REFUSALS: Name = KINDS + 16;
const FREE: Name = REFUSALS + 64;

/// The seed is fixed, so that the same records make the same tables. The limit on strings bounds the cost of collisions
/// that somebody provokes.
const HASH: FixedState = FixedState::with_seed(0xf007_fa11);

/// The names of one (site, day, round).
pub(super) struct Names {
    /// All texts in one string: frequent names share cache lines, and a name needs no allocation.
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

    /// The number of a text, which is added if it is new; `None` if it is new and there are `max` names already.
    pub(super) fn number(&mut self, text: &str, max: usize) -> Option<Name> {
        if text.is_empty() {
            return Some(0);
        }
        let hash = hash(text);
        let texts = self.texts.as_bytes(); // comparing bytes needs no check for character boundaries
        let slot = match self.index.find(hash, |name| texts[self.span(name)] == *text.as_bytes()) {
            Ok(known) => return Some(known),
            Err(slot) => slot,
        };
        let fits = self.len() - (FREE as usize) < max && texts.len() + text.len() <= u32::MAX as usize;
        fits.then(|| {
            let name = self.len() as Name;
            self.index.insert(slot, hash, name);
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

    /// The number of names.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.texts.capacity() + self.ends.capacity() * size_of::<u32>() + self.index.bytes()
    }
}

fn hash(text: &str) -> u32 {
    let mut hasher = HASH.build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish() as u32
}

/// The number for the label of a channel.
pub(super) fn of_channel(channel: Channel) -> Name {
    CHANNELS + channel.code()
}

/// The number for the label of a device.
pub(super) fn of_device(device: Device) -> Name {
    DEVICES + device.code()
}

/// The number for the label of a kind.
pub(super) fn of_kind(kind: Kind) -> Name {
    KINDS + kind.code()
}

/// The number for the label of a reason.
pub(super) fn of_refusal(reason: Refusal) -> Name {
    REFUSALS + reason.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_of_a_closed_set_has_its_own_number() {
        let names = Names::new();
        let label = |name: Name| names.text(name);
        assert!(Channel::ALL.iter().all(|&channel| label(of_channel(channel)) == channel.label()));
        assert!(Device::ALL.iter().all(|&device| label(of_device(device)) == device.label()));
        assert!(Kind::ALL.iter().all(|&kind| label(of_kind(kind)) == kind.label()));
        assert!(Refusal::ALL.iter().all(|&reason| label(of_refusal(reason)) == reason.label()));
        assert_eq!((label(0), label(MANY)), ("", "(many)"));
    }
}
