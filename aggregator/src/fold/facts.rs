//! What each tag has done today: one flat set of hashes, so that one lookup finds out whether an event is a first.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use schema::event::Kind;

use super::limits::Limits;
use super::names::Name;
use super::slots::Slots;
use super::visitor::Visitor;

/// Something a tag has done. Two facts have the same hash with a chance of 1 in 2^64.
#[derive(Clone, Copy)]
pub(super) enum Fact {
    /// It viewed this page.
    Page(Name),
    /// It viewed this page in this visit.
    PageOfVisit(Name, u16),
    /// It came by this source.
    Source(Name),
    /// It began a visit on this page.
    Entry(Name),
    /// It ended a visit on this page.
    Exit(Name),
    /// It sent an event of this kind and name.
    Event(Kind, Name),
    /// It sent an event of this kind and name in this visit.
    EventOfVisit(Kind, Name, u16),
    /// It sent an event with this property and value.
    Property(u64),
    /// It sent an event with this property and value in this visit.
    PropertyOfVisit(u64, u16),
    /// It scrolled down to this quarter of this page.
    Scroll(Name, u16),
    /// It came by this campaign.
    Campaign(u64),
    /// It bought something, by this campaign.
    Buyer(u64),
    /// It bought something in this visit.
    BoughtInVisit(u16),
    /// It bought this product.
    Product(u64),
    /// It sent a hit with this idempotency number.
    Once(u64),
    /// The order with this number was counted. The tag is not part of this fact.
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
        // 0 marks a free slot.
        mix(tag.wrapping_add(mix((kind << 48 | u64::from(visit) << 32).wrapping_add(id)))).max(1)
    }
}

/// One number for several values. Two groups of values have the same number with a chance of 1 in 2^64.
pub(super) fn id_of(parts: &impl Hash) -> u64 {
    FixedState::with_seed(0xfac7).hash_one(parts)
}

/// Spreads a number over all 64 bits, one to one (the finaliser of MurmurHash3 and SplitMix64).
fn mix(mut n: u64) -> u64 {
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// The facts of one (site, day, round).
pub(super) struct Facts {
    hashes: Slots,
    max_per_tag: u16,
    /// Firsts that were not counted because their tag had the maximum of facts already.
    pub(super) saturated: u64,
}

impl Facts {
    pub(super) fn new(limits: &Limits) -> Facts {
        let max_per_tag = u16::try_from(limits.facts_per_tag).unwrap_or(u16::MAX);
        Facts { hashes: Slots::default(), max_per_tag, saturated: 0 }
    }

    /// Inserts a fact. Returns true if the visitor did not have it: then the event is a first. If the visitor has the
    /// maximum of facts, nothing is inserted and nothing is a first.
    pub(super) fn insert(&mut self, visitor: &mut Visitor, fact: Fact) -> bool {
        let hash = fact.hash(visitor.tag.0);
        let Err(place) = self.hashes.find(upper(hash), |known| known == hash) else { return false };
        if !self.has_space(visitor) {
            self.saturated += 1;
            return false;
        }
        self.hashes.insert(place, hash);
        visitor.facts += 1;
        true
    }

    /// Whether another fact of the visitor can be inserted.
    pub(super) fn has_space(&self, visitor: &Visitor) -> bool {
        visitor.facts < self.max_per_tag
    }

    /// Whether the visitor has this fact.
    pub(super) fn has(&self, visitor: &Visitor, fact: Fact) -> bool {
        let hash = fact.hash(visitor.tag.0);
        self.hashes.find(upper(hash), |known| known == hash).is_ok()
    }

    /// The size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.hashes.bytes()
    }
}

fn upper(hash: u64) -> u32 {
    (hash >> 32) as u32
}
