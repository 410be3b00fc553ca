//! The marketing lane: campaigns of visits, orders and loads of beacons, prepared for `marketing`, which counts them.

use schema::event::Event;

use super::Site;
use super::context::EventContext;
use crate::fold::facts::Fact;
use crate::fold::keys::{CampaignKey, CampaignSums, When};
use crate::fold::marketing::{Marketing, NumberedOrder, words};
use crate::fold::names;

/// The goal of an order, in the rows of campaigns.
const PURCHASE: &str = "purchase";

impl Site {
    /// Counts what an event on the marketing lane adds: the campaign of its visit, and its order.
    pub(super) fn marketing(&mut self, context: &EventContext, event: &Event<'_>) {
        let words = words(event, |word| self.name(word));
        let EventContext { when, page, country, device, .. } = *context;
        let own = CampaignKey::of_visits(when, words, page, country, device);
        let key = match (context.visitor, context.visit) {
            (Some(row), Some(_)) => self.campaign_of_visit(row, own),
            _ => own,
        };
        self.order(context, event, CampaignKey { when, ..key });
    }

    /// The campaign for which the current visit counts. If the visit has none, it counts for `own` from now on.
    fn campaign_of_visit(&mut self, row: u32, own: CampaignKey) -> CampaignKey {
        self.mark_dirty(row);
        let visitor = self.visitors.get_mut(row);
        if let Some(key) = self.marketing.of_visit(row, visitor) {
            return key.clone();
        }
        let key = CampaignKey { when: visitor.visit.start(), landing: visitor.visit.entry, ..own };
        self.marketing.open(&mut self.cells, row, visitor, key.clone(), &mut self.facts);
        key
    }

    /// Counts the order of an event, if it has one whose number was not counted before.
    fn order(&mut self, context: &EventContext, event: &Event<'_>, key: CampaignKey) {
        let Some(order) = event.extra.order() else { return };
        if let (Some(row), id @ 1..) = (context.visitor, event.extra.order_id) {
            let visitor = self.visitors.get_mut(row);
            if self.facts.has(visitor, Fact::Order(id)) {
                return;
            }
            self.facts.insert(visitor, Fact::Order(id));
        }
        let (goal, currency) = (self.name(PURCHASE), self.name(order.currency));
        let items: Vec<_> =
            order.items().map(|item| ([self.name(item.product), self.name(item.category)], item)).collect();
        let key = CampaignKey { goal, currency, ..key };
        let order = NumberedOrder { key, revenue: order.revenue, source: context.source, items: &items };
        let buyer = context.visitor.map(|row| (self.visitors.get_mut(row), &mut self.facts));
        Marketing::order(&mut self.cells, &order, buyer, context.visit);
    }

    /// Counts the load of a beacon. It has no tag.
    pub(super) fn beacon_load(&mut self, event: &Event<'_>) {
        let words = words(event, |word| self.name(word));
        let (country, device) = (self.name(event.country), names::of_device(event.device));
        let when = When::of(event.time_s, event.offset_quarters);
        let key = CampaignKey::of_visits(when, words, 0, country, device);
        self.cells.campaigns.add(key, CampaignSums { opens: 1, ..CampaignSums::default() });
    }
}
