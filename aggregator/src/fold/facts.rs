//! What each tag has done today: a flat set of hashes, so that "for the first time" costs one look.

use super::names::Name;
use super::slots::Slots;
use super::visitor::Visitor;

/// Something a tag has done. Two facts share a hash by chance in 2^64.
#[derive(Clone, Copy)]
pub(super) enum Fact {
    /// Has seen this page.
    Page(Name),
    /// Has seen this page in this visit.
    PageOfVisit(Name, u16),
    /// Came by this source.
    Source(Name),
    /// Began a visit on this page.
    Entry(Name),
    /// Ended a visit on this page.
    Exit(Name),
    /// Did this.
    Custom(Name),
    /// Did this in this visit.
    CustomOfVisit(Name, u16),
    /// Met this error.
    Error(Name),
    /// Met this error in this visit.
    ErrorOfVisit(Name, u16),
}

impl Fact {
    fn hash(self, tag: u64) -> u64 {
        let (kind, visit, name): (u64, u16, Name) = match self {
            Fact::Page(name) => (1, 0, name),
            Fact::PageOfVisit(name, visit) => (2, visit, name),
            Fact::Source(name) => (3, 0, name),
            Fact::Entry(name) => (4, 0, name),
            Fact::Exit(name) => (5, 0, name),
            Fact::Custom(name) => (6, 0, name),
            Fact::CustomOfVisit(name, visit) => (7, visit, name),
            Fact::Error(name) => (8, 0, name),
            Fact::ErrorOfVisit(name, visit) => (9, visit, name),
        };
        // 0 is not a hash.
        mix(tag.wrapping_add(mix(kind << 48 | u64::from(visit) << 32 | u64::from(name)))).max(1)
    }
}

/// Spreads a number over all its bits, one to one (the finaliser of MurmurHash3 and SplitMix64).
fn mix(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// The facts of one (site, day, round).
#[derive(Default)]
pub(super) struct Facts {
    hashes: Slots,
    /// Firsts that were not told because their tag had no room left.
    pub(super) saturated: u64,
}

impl Facts {
    /// Whether the visitor does this for the first time; from now on it has done it. Without room nothing is a first.
    pub(super) fn is_first(&mut self, visitor: &mut Visitor, fact: Fact, max: u16) -> bool {
        let hash = fact.hash(visitor.tag.0);
        let Err(place) = self.hashes.find(upper(hash), |known| known == hash) else { return false };
        if visitor.facts >= max {
            self.saturated += 1;
            return false;
        }
        self.hashes.insert(place, hash);
        visitor.facts += 1;
        true
    }

    /// Whether the visitor has done this.
    pub(super) fn has(&self, visitor: &Visitor, fact: Fact) -> bool {
        let hash = fact.hash(visitor.tag.0);
        self.hashes.find(upper(hash), |known| known == hash).is_ok()
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        self.hashes.bytes()
    }
}

fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}
