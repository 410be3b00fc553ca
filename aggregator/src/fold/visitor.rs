//! The state of a tag on its day, in one cache line: the attributes of its first event, and its current visit.

use schema::event::{Channel, VisitorTag};

use super::keys::{PageKey, VisitKey, When};
use super::names::Name;
use super::profile::ProfileIds;
use super::slots::{FreeSlot, Index};

/// After a longer gap between two events a new visit begins.
const GAP_MAX_S: u32 = 30 * 60;

/// Stands for "none" where a page or an index is expected.
pub(super) const NONE: u32 = u32::MAX;

/// The state of a tag.
#[repr(align(64))]
pub(super) struct Visitor {
    pub(super) tag: VisitorTag,
    /// Set by its first event, and not changed after that.
    pub(super) profile: ProfileIds,
    /// Source of its first visit. Later sources and entry pages are facts.
    pub(super) first_source: Name,
    pub(super) first_entry: Name,
    /// The index of its current visit among the dirty visits, or `NONE`.
    pub(super) dirty: u32,
    pub(super) visit: Visit,
    /// The channels by which it came: a bit for each code.
    pub(super) channels: u16,
    /// The number of its facts.
    pub(super) facts: u16,
}

const _: () = assert!(size_of::<Visitor>() == 64);

/// The current visit of a tag, or its last one.
#[derive(Clone, Copy)]
pub(super) struct Visit {
    pub(super) start_s: u32,
    pub(super) last_s: u32,
    pub(super) entry: Name,
    pub(super) source: Name,
    /// The page on which the visit would end now; `NONE` before its first page view.
    exit_page: Name,
    exit_s: u32,
    /// Counts the visits of the tag, from 1; 0 if there was none.
    pub(super) number: u16,
    pub(super) channel: Channel,
    pub(super) start_offset: i8,
    exit_offset: i8,
    pub(super) bounced: bool,
    exit_counts: bool,
}

/// The page view with which a visit ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Exit {
    pub(super) page: Name,
    pub(super) time_s: u32,
    pub(super) offset: i8,
    /// Whether this is the first visit of the tag that ended on this page.
    pub(super) counts: bool,
}

impl Visit {
    /// The state before the first visit of a tag.
    const NONE: Visit = Visit {
        start_s: 0,
        last_s: 0,
        entry: 0,
        source: 0,
        exit_page: NONE,
        exit_s: 0,
        number: 0,
        channel: Channel::Direct,
        start_offset: 0,
        exit_offset: 0,
        bounced: false,
        exit_counts: false,
    };

    /// The visit that follows `former`.
    pub(super) fn after(former: &Visit, time_s: u32, offset: i8, entry: Name, source: Name, channel: Channel) -> Visit {
        Visit {
            start_s: time_s,
            last_s: time_s,
            start_offset: offset,
            entry,
            source,
            channel,
            number: former.number.saturating_add(1),
            bounced: true, // until an interactive event (the starting one included) or a second page view
            ..Visit::NONE
        }
    }

    /// Whether an event of this time belongs to the visit. An event that is earlier than the visit belongs to it too.
    pub(super) fn is_running_at(&self, time_s: u32) -> bool {
        self.number > 0 && time_s <= self.last_s.saturating_add(GAP_MAX_S)
    }

    pub(super) fn seconds(&self) -> u32 {
        self.last_s - self.start_s
    }

    pub(super) fn start(&self) -> When {
        When::of(self.start_s, self.start_offset)
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        let exit =
            Exit { page: self.exit_page, time_s: self.exit_s, offset: self.exit_offset, counts: self.exit_counts };
        (self.exit_page != NONE).then_some(exit)
    }

    pub(super) fn set_exit(&mut self, exit: Exit) {
        (self.exit_page, self.exit_s) = (exit.page, exit.time_s);
        (self.exit_offset, self.exit_counts) = (exit.offset, exit.counts);
    }
}

impl Visitor {
    /// The key of the row of its visit.
    pub(super) fn visit_key(&self) -> VisitKey {
        let Visit { entry, source, channel, .. } = self.visit;
        VisitKey { when: self.visit.start(), entry, source, channel, profile: self.profile.whole }
    }

    /// The key of the row of a page in its visit.
    pub(super) fn page_key(&self, when: When, page: Name) -> PageKey {
        let Visit { source, channel, .. } = self.visit;
        PageKey { when, page, source, channel, profile: self.profile.of_pages }
    }

    /// Inserts a channel. Returns true if the visitor did not come by it before.
    pub(super) fn insert_channel(&mut self, channel: Channel) -> bool {
        let bit = 1u16.checked_shl(channel.code()).expect("there are fewer than 16 channels");
        let is_new = self.channels & bit == 0;
        self.channels |= bit;
        is_new
    }
}

/// The visitors of one (site, day, round), by tag.
#[derive(Default)]
pub(super) struct Visitors {
    rows: Vec<Visitor>,
    index: Index,
}

impl Visitors {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row of a tag, or the free slot for it.
    pub(super) fn find(&self, tag: VisitorTag) -> Result<u32, FreeSlot> {
        self.index.find(hash(tag), |row| self.rows[row as usize].tag == tag)
    }

    /// Adds a row for a tag that has none.
    pub(super) fn insert(&mut self, slot: FreeSlot, tag: VisitorTag, profile: ProfileIds) -> u32 {
        let row = self.rows.len() as u32;
        self.index.insert(slot, hash(tag), row);
        self.rows.push(Visitor {
            tag,
            profile,
            first_source: 0,
            first_entry: 0,
            dirty: NONE,
            visit: Visit::NONE,
            channels: 0,
            facts: 0,
        });
        row
    }

    pub(super) fn get_mut(&mut self, row: u32) -> &mut Visitor {
        &mut self.rows[row as usize]
    }

    /// The size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<Visitor>() + self.index.bytes()
    }
}

/// A tag is a hash already. Its lower bits choose its partition, so the upper bits are used here.
fn hash(tag: VisitorTag) -> u32 {
    (tag.0 >> 32) as u32
}
