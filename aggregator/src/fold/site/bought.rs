//! What the marketing lane adds: campaigns and orders, brought to where `marketing` adds them up.

use schema::event::Event;

use super::Site;
use crate::fold::facts::Fact;
use crate::fold::keys::When;
use crate::fold::marketing::{CampaignKey, CampaignSums, Ordered, words};
use crate::fold::names::{self, Name};
use crate::fold::profile::Profile;

/// What an order is, among the goals of campaigns.
const PURCHASE: &str = "purchase";

impl Site {
    /// What the marketing lane adds: its visit is opened, its order counted.
    pub(super) fn marketing(&mut self, at: u32, event: &Event<'_>, page: Name, has_visit: bool) {
        let words = words(event, |word| self.name(word));
        let own_source = if has_visit { 0 } else { self.name(event.source) };
        if has_visit {
            self.touch(at);
        }
        let visitor = self.visitors.get_mut(at);
        let &Profile { country, device, .. } = self.profiles.get(visitor.profile.whole);
        let when = When::of(event.time_s, event.offset_quarters);
        let own = CampaignKey { when, words, landing: page, goal: 0, currency: 0, country, device };
        let key = if !has_visit {
            own
        } else if let Some(known) = self.marketing.of_visit(at, visitor) {
            known.clone()
        } else {
            let key = CampaignKey { when: visitor.visit.start(), landing: visitor.visit.entry, ..own };
            self.marketing.open(at, visitor, key.clone(), &mut self.facts, self.facts_max);
            key
        };
        let source = if has_visit { visitor.visit.source } else { own_source };
        self.order(Some(at), event, CampaignKey { when, ..key }, source, has_visit);
    }

    /// The order of an event, if it has one that was not there before.
    pub(super) fn order(
        &mut self,
        at: Option<u32>,
        event: &Event<'_>,
        key: CampaignKey,
        source: Name,
        has_visit: bool,
    ) {
        let Some(order) = event.extra.order() else { return };
        if let (Some(at), id @ 1..) = (at, event.extra.order_id) {
            let visitor = self.visitors.get_mut(at);
            if self.facts.has(visitor, Fact::Order(id)) {
                return;
            }
            self.facts.is_first(visitor, Fact::Order(id), self.facts_max);
        }
        let (goal, currency) = (self.name(PURCHASE), self.name(order.currency));
        let items: Vec<_> =
            order.items().map(|item| ([self.name(item.product), self.name(item.category)], item)).collect();
        let key = CampaignKey { goal, currency, ..key };
        let ordered = Ordered { key, revenue: order.revenue, source, items: &items };
        let buyer = at.map(|at| (self.visitors.get_mut(at), &mut self.facts, self.facts_max));
        self.marketing.order(&ordered, buyer, has_visit);
    }

    /// A beacon was loaded.
    pub(super) fn open(&mut self, event: &Event<'_>) {
        let words = words(event, |word| self.name(word));
        let (country, device) = (self.name(event.country), names::of_device(event.device));
        let when = When::of(event.time_s, event.offset_quarters);
        let key = CampaignKey { when, words, landing: 0, goal: 0, currency: 0, country, device };
        self.marketing.campaigns.add(key, CampaignSums { opens: 1, ..CampaignSums::default() });
    }
}
