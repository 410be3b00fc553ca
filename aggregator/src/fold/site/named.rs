//! Events that are kept by their name, with their properties; and time on a page.

use schema::event::Event;
use schema::extra::Engagement;

use super::Site;
use crate::fold::facts::{Fact, Facts, id_of};
use crate::fold::keys::{EventKey, EventSums, PageSums, When};
use crate::fold::names::Name;
use crate::fold::profile::Profile;
use crate::fold::visitor::{Visit, Visitor};

impl Site {
    pub(super) fn named_event(&mut self, at: u32, event: &Event<'_>, page: Name, has_visit: bool) {
        let name = self.name(event.name);
        let own_source = if has_visit { 0 } else { self.name(event.source) };
        let kind = event.kind;
        let visitor = self.visitors.get_mut(at);
        let Visit { number, source, channel, .. } = visitor.visit;
        let (source, channel) = if has_visit { (source, channel) } else { (own_source, event.channel) };
        let (today, in_visit) = (Fact::Event(kind, name), Fact::EventOfVisit(kind, name, number));
        let firsts = firsts_of(&mut self.facts, self.facts_max, visitor, today, in_visit, has_visit);
        let &Profile { country, device, .. } = self.profiles.get(visitor.profile.whole);
        let when = When::of(event.time_s, event.offset_quarters);
        let key = EventKey { when, kind, name, property: 0, value: 0, page, source, channel, country, device };
        let amount = event.extra.amount();
        let sums = |(today, in_visit): (bool, bool), amount| EventSums {
            events: 1,
            visitors: today.into(),
            visits: in_visit.into(),
            amount,
        };
        self.events.add(key.clone(), sums(firsts, amount));
        for (property, value) in event.extra.properties() {
            let (property, value) = (self.name(property), self.name(value));
            let key = EventKey { property, value, ..key.clone() };
            let id = id_of(&(kind.code(), name, property, value));
            let visitor = self.visitors.get_mut(at);
            let (today, in_visit) = (Fact::Property(id), Fact::PropertyOfVisit(id, number));
            let firsts = firsts_of(&mut self.facts, self.facts_max, visitor, today, in_visit, has_visit);
            self.events.add(key, sums(firsts, 0));
        }
    }

    /// Time on a page, and how far down someone came: sums of the page under the source of the visit that runs.
    pub(super) fn engagement(&mut self, at: u32, event: &Event<'_>, page: Name, has_visit: bool) {
        let Engagement { ms, scroll } = event.extra.engagement().unwrap_or_default();
        let own_source = if has_visit { 0 } else { self.name(event.source) };
        let visitor = self.visitors.get_mut(at);
        let when = When::of(event.time_s, event.offset_quarters);
        let mut key = visitor.page_key(when, page);
        if !has_visit {
            (key.source, key.channel) = (own_source, event.channel);
        }
        let quarters = 1..=(scroll / 25).min(4) as u16;
        let new = quarters.filter(|q| self.facts.is_first(visitor, Fact::Scroll(page, *q), self.facts_max)).count();
        let sums = PageSums { engaged_s: seconds(ms), scroll: 25 * new as i32, ..PageSums::default() };
        self.pages.add(key, sums);
    }
}

/// Half a second and more is a second.
pub(super) fn seconds(ms: u32) -> i32 {
    (ms / 500).div_ceil(2).cast_signed()
}

/// Whether a visitor does something for the first time today, and for the first time in the visit that runs.
fn firsts_of(
    facts: &mut Facts,
    max: u16,
    visitor: &mut Visitor,
    today: Fact,
    in_visit: Fact,
    has_visit: bool,
) -> (bool, bool) {
    let is_first_today = facts.is_first(visitor, today, max);
    let is_first_in_visit = if has_visit { facts.is_first(visitor, in_visit, max) } else { is_first_today };
    (is_first_today, is_first_in_visit)
}
