//! Beyond the cap of tags: hits count, and nothing is a first.

use schema::event::{Event, Kind, Lane};

use super::named::seconds;
use super::{Site, starts_visits};
use crate::fold::keys::{EventKey, EventSums, PageKey, PageSums, VisitKey, VisitSums, When};
use crate::fold::marketing::{CampaignKey, words};
use crate::fold::names::{MANY, Name};
use crate::fold::profile::{Profile, ProfileIds};

impl Site {
    /// Its tag has no state: its hits are sums as ever, under its own source, and nothing is a first.
    pub(super) fn event_beyond_the_cap(&mut self, event: &Event<'_>, page: Name) {
        self.saturated += 1;
        let profile = self.profile(event);
        let ids = self.profiles.known_ids(&profile).unwrap_or(ProfileIds::MANY);
        let (source, channel) = (self.name(event.source), event.channel);
        let when = When::of(event.time_s, event.offset_quarters);
        let pageviews = i32::from(event.kind == Kind::Pageview);
        if event.kind.is_step() && starts_visits(event) {
            let key = VisitKey { when, entry: MANY, source, channel, profile: ids.whole };
            self.visits.add(key, VisitSums { pageviews, events: 1, ..VisitSums::default() });
        }
        if matches!(event.kind, Kind::Pageview | Kind::Engagement) {
            let engaged = event.extra.engagement().filter(|_| event.kind == Kind::Engagement);
            let engaged_s = seconds(engaged.unwrap_or_default().ms);
            let key = PageKey { when, page, source, channel, profile: ids.of_pages };
            self.pages.add(key, PageSums { pageviews, engaged_s, ..PageSums::default() });
        }
        let &Profile { country, device, .. } = self.profiles.get(ids.whole);
        if event.kind.is_named() {
            let (name, kind) = (self.name(event.name), event.kind);
            let key = EventKey { when, kind, name, property: 0, value: 0, page, source, channel, country, device };
            let amount = event.extra.amount();
            self.events.add(key.clone(), EventSums { events: 1, amount, ..EventSums::default() });
            for (property, value) in event.extra.properties() {
                let (property, value) = (self.name(property), self.name(value));
                let key = EventKey { property, value, ..key.clone() };
                self.events.add(key, EventSums { events: 1, ..EventSums::default() });
            }
        }
        if event.lane == Lane::Marketing {
            let words = words(event, |word| self.name(word));
            let key = CampaignKey { when, words, landing: page, goal: 0, currency: 0, country, device };
            self.order(None, event, key, source, false);
        }
    }
}
