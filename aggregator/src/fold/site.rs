//! The rules: how each event changes the sums of its (site, day, round).
//!
//! What an event adds for good goes to a cell at once. What its visit can still take back or extend (bounce, exit,
//! seconds) is kept in `dirty` and goes to the cells once per drain, as the difference to what earlier drains emitted.
//!
//! ```text
//! event         visits        what starts and extends a visit, page views, and the flush of dirty visits
//!               context       where the event stands, for all that follows
//!               named         named events, engagement
//!               orders        campaigns, orders, loads of beacons
//!               beyond_limit  events of tags for which there is no state
//! ```

mod beyond_limit;
mod context;
mod named;
mod orders;
mod visits;

use schema::event::{Event, Kind, Lane};
use schema::fate::FateCount;

use super::Limits;
use super::dirty::DirtyVisit;
use super::facts::{Fact, Facts};
use super::keys::{CubeCells, FateKey, FateSums, Untimed, When};
use super::marketing::Marketing;
use super::names::{self, MANY, Name, Names};
use super::profile::{Profile, Profiles};
use super::visitor::{NONE, Visitors};

use context::EventContext;

/// The state of one (site, day, round), and its sums since the last drain.
pub(super) struct Site {
    limits: Limits,
    pub(super) names: Names,
    pub(super) profiles: Profiles,
    visitors: Visitors,
    facts: Facts,
    dirty: Vec<DirtyVisit>,
    pub(super) cells: CubeCells,
    marketing: Marketing,
    saturated: u64,
}

impl Site {
    pub(super) fn new(limits: &Limits) -> Site {
        Site {
            limits: limits.clone(),
            names: Names::new(),
            profiles: Profiles::new(),
            visitors: Visitors::default(),
            facts: Facts::new(limits),
            dirty: Vec::new(),
            cells: CubeCells::new(),
            marketing: Marketing::new(),
            saturated: 0,
        }
    }

    /// Counts refusals.
    pub(super) fn fates(&mut self, count: &FateCount<'_>) {
        let key = FateKey { when: Untimed, reason: names::of_refusal(count.reason), crawler: self.name(count.crawler) };
        let hits = i32::try_from(count.hits).expect("a second's refusals are fewer than 2^31");
        self.cells.fates.add(key, FateSums { hits });
    }

    /// Counts an event of any kind.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        if event.kind == Kind::Open {
            return self.beacon_load(event);
        }
        let page = self.name(event.page);
        let when = When::of(event.time_s, event.offset_quarters);
        let Some(row) = self.visitor(event) else { return self.event_beyond_limit(event, page, when) };
        if self.is_sent_again(row, event.extra.once) {
            return;
        }
        self.insert_once(row, event.extra.once);
        // The goals and funnel steps that an event reaches (`event.extra`) move no sum yet. Their sums come with the
        // sealed views.
        let is_in_visit = self.event_in_visit(row, event, page, when);
        if event.kind.is_named() || event.kind == Kind::Engagement || event.lane == Lane::Marketing {
            let name = if event.kind.is_named() { self.name(event.name) } else { 0 };
            let context = self.context(row, event, page, when, is_in_visit);
            self.event_details(&context, event, name);
        }
    }

    /// Counts what an event adds beside its visit and its page view.
    fn event_details(&mut self, context: &EventContext, event: &Event<'_>, name: Name) {
        if event.kind.is_named() {
            self.named_event(context, event, name);
        }
        if event.kind == Kind::Engagement {
            self.engagement(context, event);
        }
        if event.lane == Lane::Marketing {
            self.marketing(context, event);
        }
    }

    /// Whether the visitor sent a hit with this idempotency number before; 0 is no number.
    fn is_sent_again(&mut self, row: u32, once: u64) -> bool {
        once != 0 && self.facts.has(self.visitors.get_mut(row), Fact::Once(once))
    }

    /// Records the idempotency number of a hit. If the visitor has the maximum of facts, the number is not recorded,
    /// and the hit would be counted again.
    fn insert_once(&mut self, row: u32, once: u64) {
        if once != 0 {
            self.facts.insert(self.visitors.get_mut(row), Fact::Once(once));
        }
    }

    /// The row of the tag, which is added if it is new; `None` if it is new and beyond the limit.
    fn visitor(&mut self, event: &Event<'_>) -> Option<u32> {
        match self.visitors.find(event.tag) {
            Ok(row) => Some(row),
            Err(_) if self.visitors.len() >= self.limits.tags_per_site_day.min(NONE as usize) => None,
            Err(slot) => {
                let profile = self.profile(event);
                Some(self.visitors.insert(slot, event.tag, self.profiles.ids(profile)))
            }
        }
    }

    fn profile(&mut self, event: &Event<'_>) -> Profile {
        Profile {
            country: self.name(event.country),
            region: self.name(event.region),
            device: names::of_device(event.device),
            browser: self.name(event.browser),
            os: self.name(event.os),
            language: self.name(event.language),
            screen: self.name(event.screen),
        }
    }

    fn name(&mut self, text: &str) -> Name {
        let name = self.names.number(text, self.limits.strings_per_site_day);
        name.unwrap_or_else(|| {
            self.saturated += 1;
            MANY
        })
    }

    /// Empties the cells after a drain.
    pub(super) fn clear(&mut self) {
        self.cells.clear();
    }

    /// About how many rows the cells will have after a flush, or somewhat fewer.
    pub(super) fn pending(&self) -> usize {
        const ROWS_OF_A_VISIT: usize = 3; // its own, an exit taken back, an exit
        self.cells.len() + ROWS_OF_A_VISIT * self.dirty.len()
    }

    pub(super) fn visitors(&self) -> usize {
        self.visitors.len()
    }

    pub(super) fn saturated(&self) -> u64 {
        self.saturated + self.facts.saturated
    }

    /// The approximate size in bytes.
    pub(super) fn bytes(&self) -> usize {
        let state = self.names.bytes() + self.profiles.bytes() + self.visitors.bytes() + self.facts.bytes();
        state + self.cells.bytes() + self.marketing.bytes() + self.dirty.capacity() * size_of::<DirtyVisit>()
    }
}
