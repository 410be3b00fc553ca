//! Sums of the marketing lane: visits by campaign, orders, products. Only hits with a basis are on this lane.
//!
//! The first event of a visit on the marketing lane assigns the visit to the campaign that the event names; if it names
//! none, to the row of empty names. Later events do not change the campaign. The row of the campaign is corrected when
//! the visit is no longer a bounce, as the row of the visit is. An order counts for the campaign of its visit. An order
//! with a number that was counted before is not counted again. The load of a beacon (an *open*) has no tag and is only
//! a sum.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use schema::event::Event;
use schema::extra::OrderItem;

use super::facts::{Fact, Facts, id_of};
use super::keys::{CampaignKey, CampaignSums, CubeCells, ItemKey, ItemSums, When};
use super::names::Name;
use super::visitor::Visitor;

const HASH: FixedState = FixedState::with_seed(0xcab_a1e5);

/// Source, medium, campaign, content and term of a campaign.
pub(super) type Words = [Name; 5];

impl CampaignKey {
    /// The row of a campaign's visits: it has neither goal nor currency.
    pub(super) fn of_visits(when: When, words: Words, landing: Name, country: Name, device: Name) -> CampaignKey {
        let [campaign_source, medium, campaign, content, term] = words;
        let (goal, currency) = (0, 0);
        CampaignKey { when, campaign_source, medium, campaign, content, term, landing, goal, currency, country, device }
    }

    fn words(&self) -> Words {
        [self.campaign_source, self.medium, self.campaign, self.content, self.term]
    }
}

/// A visit that counts for a campaign.
#[derive(Clone)]
struct CampaignVisit {
    /// The visit's number.
    visit: u16,
    key: CampaignKey,
    emitted_bounced: bool,
}

/// The sums of the marketing lane of one (site, day, round).
pub(super) struct Marketing {
    /// By the row of the visitor: its last visit that counts for a campaign.
    visits: HashMap<u32, CampaignVisit, FixedState>,
}

impl Marketing {
    pub(super) fn new() -> Marketing {
        Marketing { visits: HashMap::with_hasher(HASH) }
    }

    /// The campaign of the current visit of a visitor, if it has one.
    pub(super) fn of_visit(&self, row: u32, visitor: &Visitor) -> Option<&CampaignKey> {
        self.visits.get(&row).filter(|visit| visit.visit == visitor.visit.number).map(|visit| &visit.key)
    }

    /// Counts the current visit of a visitor for a campaign. The caller marks the visit as dirty, so that a bounce is
    /// added at the next flush.
    pub(super) fn open(
        &mut self,
        cells: &mut CubeCells,
        row: u32,
        visitor: &mut Visitor,
        key: CampaignKey,
        facts: &mut Facts,
    ) {
        let is_first = facts.insert(visitor, Fact::Campaign(id_of(&key.words())));
        let sums = CampaignSums { visits: 1, visitors: is_first.into(), ..CampaignSums::default() };
        cells.campaigns.add(key.clone(), sums);
        self.visits.insert(row, CampaignVisit { visit: visitor.visit.number, key, emitted_bounced: false });
    }

    /// Adds to the campaign of a visit whether the visit is a bounce now.
    pub(super) fn flush_visit(&mut self, cells: &mut CubeCells, row: u32, visitor: &Visitor) {
        if self.visits.is_empty() {
            return;
        }
        let Some(visit) = self.visits.get_mut(&row).filter(|visit| visit.visit == visitor.visit.number) else {
            return;
        };
        let bounced = visitor.visit.bounced;
        if bounced != visit.emitted_bounced {
            let bounces = i64::from(bounced) - i64::from(visit.emitted_bounced);
            cells.campaigns.add(visit.key.clone(), CampaignSums { bounces, ..CampaignSums::default() });
            visit.emitted_bounced = bounced;
        }
    }

    /// Counts an order under the key of its campaign. Without a buyer nothing is a first. Without the number of a visit
    /// the order is not a conversion.
    pub(super) fn order(
        cells: &mut CubeCells,
        order: &NumberedOrder<'_>,
        buyer: Option<(&mut Visitor, &mut Facts)>,
        visit: Option<u16>,
    ) {
        let mut firsts = OrderFirsts::default();
        let mut new_products = vec![false; order.items.len()];
        if let Some((visitor, facts)) = buyer {
            let words = id_of(&order.key.words());
            firsts.buyer = facts.insert(visitor, Fact::Buyer(words));
            firsts.in_visit = visit.is_some_and(|number| facts.insert(visitor, Fact::BoughtInVisit(number)));
            for (new, (names, _)) in new_products.iter_mut().zip(order.items) {
                *new = facts.insert(visitor, Fact::Product(id_of(names)));
            }
        }
        let sums = CampaignSums {
            conversions: firsts.in_visit.into(),
            orders: 1,
            buyers: firsts.buyer.into(),
            revenue: order.revenue,
            ..CampaignSums::default()
        };
        cells.campaigns.add(order.key.clone(), sums);
        let CampaignKey { when, campaign, currency, .. } = order.key;
        for (at, (names, item)) in order.items.iter().enumerate() {
            let is_first_line = !order.items[..at].iter().any(|(earlier, _)| earlier == names);
            let [product, category] = *names;
            let key = ItemKey { when, product, category, currency, campaign, source: order.source };
            let sums = ItemSums {
                orders: is_first_line.into(),
                units: item.units.into(),
                revenue: item.revenue,
                visitors: new_products[at].into(),
            };
            cells.items.add(key, sums);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.visits.capacity() * (size_of::<(u32, CampaignVisit)>() + 1)
    }
}

/// An order whose names are numbers.
pub(super) struct NumberedOrder<'a> {
    /// The key of its campaign, with the goal, the currency and the time of the order.
    pub(super) key: CampaignKey,
    pub(super) revenue: i64,
    /// The source of the visit.
    pub(super) source: Name,
    /// The names of product and category, and the item itself.
    pub(super) items: &'a [([Name; 2], OrderItem<'a>)],
}

/// Of what an order is a first.
#[derive(Default)]
struct OrderFirsts {
    buyer: bool,
    in_visit: bool,
}

/// The five names of the campaign of an event; all empty if the event names no campaign.
pub(super) fn words(event: &Event<'_>, name: impl FnMut(&str) -> Name) -> Words {
    let campaign = event.extra.campaign().unwrap_or_default();
    [campaign.source, campaign.medium, campaign.name, campaign.content, campaign.term].map(name)
}
