//! Named events with their properties, and engagement with a page.

use schema::event::Event;
use schema::extra::Engagement;

use super::Site;
use super::context::EventContext;
use crate::fold::facts::{Fact, id_of};
use crate::fold::keys::{EventKey, EventSums, PageKey, PageSums};
use crate::fold::names::Name;

/// Whether a visitor does something for the first time today, and for the first time in the current visit.
#[derive(Default)]
struct EventFirsts {
    today: bool,
    in_visit: bool,
}

impl Site {
    /// Counts a named event: one row of its own, and one for each of its properties.
    pub(super) fn named_event(&mut self, context: &EventContext, event: &Event<'_>, name: Name) {
        let EventContext { when, page, source, channel, country, device, .. } = *context;
        let kind = event.kind;
        let firsts =
            self.insert_firsts(context, Fact::Event(kind, name), |visit| Fact::EventOfVisit(kind, name, visit));
        let key = EventKey { when, kind, name, property: 0, value: 0, page, source, channel, country, device };
        let sums = |firsts: EventFirsts, amount| EventSums {
            events: 1,
            visitors: firsts.today.into(),
            visits: firsts.in_visit.into(),
            amount,
        };
        self.cells.events.add(key.clone(), sums(firsts, event.extra.amount()));
        for (property, value) in event.extra.properties() {
            let (property, value) = (self.name(property), self.name(value));
            let key = EventKey { property, value, ..key.clone() };
            let id = id_of(&(kind.code(), name, property, value));
            let firsts = self.insert_firsts(context, Fact::Property(id), |visit| Fact::PropertyOfVisit(id, visit));
            self.cells.events.add(key, sums(firsts, 0));
        }
    }

    /// Adds engaged seconds and scroll depth to the row of the page.
    pub(super) fn engagement(&mut self, context: &EventContext, event: &Event<'_>) {
        let Engagement { ms, scroll } = event.extra.engagement().unwrap_or_default();
        let EventContext { when, page, source, channel, profile, .. } = *context;
        let new_quarters = context.visitor.map_or(0, |row| {
            let visitor = self.visitors.get_mut(row);
            let quarters = 1..=(scroll / 25).min(4) as u16;
            quarters.filter(|quarter| self.facts.insert(visitor, Fact::Scroll(page, *quarter))).count()
        });
        let sums = PageSums { engaged_s: seconds(ms), scroll: 25 * new_quarters as i32, ..PageSums::default() };
        self.cells.pages.add(PageKey { when, page, source, channel, profile: profile.of_pages }, sums);
    }

    fn insert_firsts(
        &mut self,
        context: &EventContext,
        today: Fact,
        in_visit: impl FnOnce(u16) -> Fact,
    ) -> EventFirsts {
        let Some(row) = context.visitor else { return EventFirsts::default() };
        let visitor = self.visitors.get_mut(row);
        let is_first_today = self.facts.insert(visitor, today);
        let is_first_in_visit = match context.visit {
            Some(visit) => self.facts.insert(visitor, in_visit(visit)),
            None => is_first_today,
        };
        EventFirsts { today: is_first_today, in_visit: is_first_in_visit }
    }
}

/// Rounded to seconds; half a second is rounded up.
fn seconds(ms: u32) -> i32 {
    (ms / 500).div_ceil(2).cast_signed()
}
