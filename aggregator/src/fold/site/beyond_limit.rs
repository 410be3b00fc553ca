//! Events of tags beyond the limit: they are counted under their own source, and nothing is a first.

use schema::event::{Event, Kind};

use super::Site;
use super::visits::starts_visits;
use crate::fold::keys::{PageKey, PageSums, VisitKey, VisitSums, When};
use crate::fold::names::{MANY, Name};

impl Site {
    /// Counts an event whose tag has no state.
    pub(super) fn event_beyond_limit(&mut self, event: &Event<'_>, page: Name, when: When) {
        self.saturated += 1;
        let context = self.context_beyond_limit(event, page, when);
        let (source, channel, profile) = (context.source, context.channel, context.profile);
        let pageviews = i32::from(event.kind == Kind::Pageview);
        if event.kind.is_step() && starts_visits(event) {
            let key = VisitKey { when, entry: MANY, source, channel, profile: profile.whole };
            self.cells.visits.add(key, VisitSums { pageviews, events: 1, ..VisitSums::default() });
        }
        if event.kind == Kind::Pageview {
            let key = PageKey { when, page, source, channel, profile: profile.of_pages };
            self.cells.pages.add(key, PageSums { pageviews, ..PageSums::default() });
        }
        let name = if event.kind.is_named() { self.name(event.name) } else { 0 };
        self.event_details(&context, event, name);
    }
}
