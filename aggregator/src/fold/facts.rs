//! What each tag has done today: a flat set of hashes, so that "for the first time" costs one look.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use schema::event::Kind;

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
    Event(Kind, Name),
    /// Did this in this visit.
    EventOfVisit(Kind, Name, u16),
    /// Did this with this property.
    Property(u64),
    /// Did this with this property in this visit.
    PropertyOfVisit(u64, u16),
    /// Came so far down this page, in quarters of it.
    Scroll(Name, u16),
    /// Came by this campaign.
    Campaign(u64),
    /// Bought something, by this campaign.
    Buyer(u64),
    /// Bought something in this visit.
    BoughtInVisit(u16),
    /// Bought this product.
    Product(u64),
    /// Sent this, by its own number.
    Once(u64),
    /// This was ordered, by its number; no matter by whom.
    Order(u64),
}

impl Fact {
    fn hash(self, tag: u64) -> u64 {
        let (kind, visit, id): (u64, u16, u64) = match self {
            Fact::Page(name) => (1, 0, name.into()),
            Fact::PageOfVisit(name, visit) => (2, visit, name.into()),
            Fact::Source(name) => (3, 0, name.into()),
            Fact::Entry(name) => (4, 0, name.into()),
            Fact::Exit(name) => (5, 0, name.into()),
            Fact::Scroll(name, quarter) => (6, quarter, name.into()),
            Fact::Campaign(id) => (7, 0, mix(id)),
            Fact::Buyer(id) => (8, 0, mix(id)),
            Fact::BoughtInVisit(visit) => (9, visit, 0),
            Fact::Product(id) => (10, 0, mix(id)),
            Fact::Once(id) => (11, 0, mix(id)),
            Fact::Order(id) => (12, 0, mix(id)),
            Fact::Property(id) => (13, 0, mix(id)),
            Fact::PropertyOfVisit(id, visit) => (14, visit, mix(id)),
            Fact::Event(kind, name) => (32 + u64::from(kind.code()), 0, name.into()),
            Fact::EventOfVisit(kind, name, visit) => (64 + u64::from(kind.code()), visit, name.into()),
        };
        let tag = if matches!(self, Fact::Order(_)) { 0 } else { tag };
        // 0 is not a hash.
        mix(tag.wrapping_add(mix((kind << 48 | u64::from(visit) << 32).wrapping_add(id)))).max(1)
    }
}

/// A number for something that is told by several others. It differs by chance in 2^64.
pub(super) fn id_of(parts: &impl Hash) -> u64 {
    FixedState::with_seed(0xfac7).hash_one(parts)
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
