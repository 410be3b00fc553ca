//! What the marketing lane adds: visits by campaign, orders, products. It is there for hits with a basis only.
//!
//! A visit is opened by its first event on the marketing lane: from then on it counts for the campaign that event names
//! (none: the row of empty words), whatever later ones say. Its row follows its bounce, like the visit's own. An order
//! counts for the campaign of its visit; the same order again, by its number, counts nothing. A beacon's load (an *open*)
//! has no tag and is a sum, nothing else.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use schema::cubes::Cube;
use schema::event::Event;
use schema::extra::OrderItem;

use super::cells::Cells;
use super::facts::{Fact, Facts, id_of};
use super::keys::{Key, When};
use super::names::Name;
use super::profile::Profiles;
use super::visitor::Visitor;

const HASH: FixedState = FixedState::with_seed(0xcab_a1e5);

/// Source, medium, campaign, content and term of a campaign.
pub(super) type Words = [Name; 5];

/// A key of `live_campaigns`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct CampaignKey {
    pub(super) when: When,
    pub(super) words: Words,
    pub(super) landing: Name,
    /// Empty on the visit's own row.
    pub(super) goal: Name,
    pub(super) currency: Name,
    pub(super) country: Name,
    pub(super) device: Name,
}

impl Key for CampaignKey {
    const CUBE: Cube = Cube::Campaigns;
    type Names = [Name; 10];

    fn names(&self, _: &Profiles) -> [Name; 10] {
        let [source, medium, campaign, content, term] = self.words;
        let CampaignKey { landing, goal, currency, country, device, .. } = *self;
        [source, medium, campaign, content, term, landing, goal, currency, country, device]
    }

    fn when(&self) -> Option<When> {
        Some(self.when)
    }
}

/// The sums of `live_campaigns`, in the cube's order.
#[derive(Clone, Copy, Default)]
pub(super) struct CampaignSums {
    pub(super) visits: i64,
    pub(super) visitors: i64,
    pub(super) bounces: i64,
    pub(super) conversions: i64,
    pub(super) orders: i64,
    pub(super) buyers: i64,
    pub(super) revenue: i64,
    pub(super) opens: i64,
}

impl From<CampaignSums> for [i64; 8] {
    fn from(s: CampaignSums) -> [i64; 8] {
        [s.visits, s.visitors, s.bounces, s.conversions, s.orders, s.buyers, s.revenue, s.opens]
    }
}

/// A key of `live_items`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct ItemKey {
    pub(super) when: When,
    pub(super) product: Name,
    pub(super) category: Name,
    pub(super) currency: Name,
    pub(super) campaign: Name,
    pub(super) source: Name,
}

impl Key for ItemKey {
    const CUBE: Cube = Cube::Items;
    type Names = [Name; 5];

    fn names(&self, _: &Profiles) -> [Name; 5] {
        [self.product, self.category, self.currency, self.campaign, self.source]
    }

    fn when(&self) -> Option<When> {
        Some(self.when)
    }
}

/// The sums of `live_items`, in the cube's order.
#[derive(Clone, Copy, Default)]
pub(super) struct ItemSums {
    pub(super) orders: i64,
    pub(super) units: i64,
    pub(super) revenue: i64,
    pub(super) visitors: i64,
}

impl From<ItemSums> for [i64; 4] {
    fn from(s: ItemSums) -> [i64; 4] {
        [s.orders, s.units, s.revenue, s.visitors]
    }
}

/// A visit whose campaign is known.
#[derive(Clone)]
struct Opened {
    /// The visit's number.
    visit: u16,
    key: CampaignKey,
    told_bounced: bool,
}

/// The marketing half of a (site, day, round).
pub(super) struct Marketing {
    pub(super) campaigns: Cells<CampaignKey, i64, 8>,
    pub(super) items: Cells<ItemKey, i64, 4>,
    /// By the visitor's row: its visit opened last.
    opened: HashMap<u32, Opened, FixedState>,
}

impl Marketing {
    pub(super) fn new() -> Marketing {
        Marketing { campaigns: Cells::new(), items: Cells::new(), opened: HashMap::with_hasher(HASH) }
    }

    /// The campaign of a visitor's current visit, if that is opened.
    pub(super) fn of_visit(&self, at: u32, visitor: &Visitor) -> Option<&CampaignKey> {
        self.opened.get(&at).filter(|opened| opened.visit == visitor.visit.number).map(|opened| &opened.key)
    }

    /// Opens a visitor's current visit for a campaign. The caller sees to it that the visit is settled later.
    pub(super) fn open(&mut self, at: u32, visitor: &mut Visitor, key: CampaignKey, facts: &mut Facts, max: u16) {
        let is_first = facts.is_first(visitor, Fact::Campaign(id_of(&key.words)), max);
        let sums = CampaignSums { visits: 1, visitors: is_first.into(), ..CampaignSums::default() };
        self.campaigns.add(key.clone(), sums);
        self.opened.insert(at, Opened { visit: visitor.visit.number, key, told_bounced: false });
    }

    /// Brings an opened visit's row up to date with whether it bounced.
    pub(super) fn settle(&mut self, at: u32, visitor: &Visitor) {
        if self.opened.is_empty() {
            return;
        }
        let Some(opened) = self.opened.get_mut(&at).filter(|opened| opened.visit == visitor.visit.number) else {
            return;
        };
        let bounced = visitor.visit.bounced;
        if bounced != opened.told_bounced {
            let bounces = i64::from(bounced) - i64::from(opened.told_bounced);
            self.campaigns.add(opened.key.clone(), CampaignSums { bounces, ..CampaignSums::default() });
            opened.told_bounced = bounced;
        }
    }

    /// An order, under the key of its campaign with goal, currency and time its own. Without a visitor nothing is a first;
    /// without a visit none has been converted.
    pub(super) fn order(
        &mut self,
        order: &Ordered<'_>,
        buyer: Option<(&mut Visitor, &mut Facts, u16)>,
        has_visit: bool,
    ) {
        let mut firsts = Firsts::default();
        let mut new_products = vec![false; order.items.len()];
        if let Some((visitor, facts, max)) = buyer {
            let words = id_of(&order.key.words);
            let number = visitor.visit.number;
            firsts.buyer = facts.is_first(visitor, Fact::Buyer(words), max);
            firsts.in_visit = has_visit && facts.is_first(visitor, Fact::BoughtInVisit(number), max);
            for (new, (names, _)) in new_products.iter_mut().zip(order.items) {
                *new = facts.is_first(visitor, Fact::Product(id_of(names)), max);
            }
        }
        let sums = CampaignSums {
            conversions: firsts.in_visit.into(),
            orders: 1,
            buyers: firsts.buyer.into(),
            revenue: order.revenue,
            ..CampaignSums::default()
        };
        self.campaigns.add(order.key.clone(), sums);
        let CampaignKey { when, words: [_, _, campaign, _, _], currency, .. } = order.key;
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
            self.items.add(key, sums);
        }
    }

    pub(super) fn rows(&self) -> usize {
        // Each opened visit may still add a row of its own for a bounce taken back; those are few and not counted.
        self.campaigns.len() + self.items.len()
    }

    pub(super) fn clear(&mut self) {
        self.campaigns.clear();
        self.items.clear();
    }

    pub(super) fn bytes(&self) -> usize {
        let opened = self.opened.capacity() * (size_of::<(u32, Opened)>() + 1);
        self.campaigns.bytes() + self.items.bytes() + opened
    }
}

/// An order whose words are numbers.
pub(super) struct Ordered<'a> {
    pub(super) key: CampaignKey,
    pub(super) revenue: i64,
    /// The visit's.
    pub(super) source: Name,
    /// Product and category, and the rest.
    pub(super) items: &'a [([Name; 2], OrderItem<'a>)],
}

#[derive(Default)]
struct Firsts {
    buyer: bool,
    in_visit: bool,
}

/// The words of an event's campaign; all empty if it names none.
pub(super) fn words(event: &Event<'_>, name: impl FnMut(&str) -> Name) -> Words {
    let campaign = event.extra.campaign().unwrap_or_default();
    [campaign.source, campaign.medium, campaign.name, campaign.content, campaign.term].map(name)
}
