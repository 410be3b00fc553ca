//! What only some events say: a campaign, properties, an order, engagement. Most events say nothing of the kind.
//!
//! It travels as the bytes of `Extra` in `../footfall.proto`: made once by [`ExtraBuf`], checked once by [`Extra::read`],
//! and looked into only by who needs it. So events stay small, and may be copied, whatever they carry.

use std::fmt;

use crate::wire::WireError;
use crate::wire::protobuf::{Fields, Value, fixed64, nested, sint64, text, uint};

const CAMPAIGN: u32 = 1;
const PROPERTY: u32 = 2;
const ORDER: u32 = 3;
const ENGAGEMENT: u32 = 4;
const AMOUNT: u32 = 5;
const ORDER_ID: u32 = 6;
const ONCE: u32 = 7;
const ITEM: u32 = 3;

/// What one event carries beyond the rest. Its words are checked text.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Extra<'a> {
    /// Fields 1 to 5, as [`ExtraBuf`] wrote them or [`Extra::read`] found them good.
    told: &'a [u8],
    /// The order's own number under the day's salt; 0: it has none.
    pub order_id: u64,
    /// The sender's own number of this hit under the day's salt; 0: it has none.
    pub once: u64,
}

/// Where a campaign sent someone from; any of it may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Campaign<'a> {
    /// `utm_source`.
    pub source: &'a str,
    /// `utm_medium`.
    pub medium: &'a str,
    /// `utm_campaign`.
    pub name: &'a str,
    /// `utm_content`.
    pub content: &'a str,
    /// `utm_term`.
    pub term: &'a str,
}

/// What was bought.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Order<'a> {
    /// ISO 4217, upper case.
    pub currency: &'a str,
    /// Minor units of the currency.
    pub revenue: i64,
    bytes: &'a [u8],
}

/// One product of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Item<'a> {
    /// What it is.
    pub product: &'a str,
    /// What kind of thing.
    pub category: &'a str,
    /// How many.
    pub units: u32,
    /// Of all of them, minor units of the order's currency.
    pub revenue: i64,
}

/// Time on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Engagement {
    /// Milliseconds looked at, since the last such event.
    pub ms: u32,
    /// How far down someone came so far, percent.
    pub scroll: u32,
}

impl<'a> Extra<'a> {
    /// Nothing.
    pub const NONE: Extra<'static> = Extra { told: &[], order_id: 0, once: 0 };

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Extra::NONE
    }

    /// Checks all there is in the bytes of a message.
    pub fn read(bytes: &'a [u8]) -> Result<Extra<'a>, WireError> {
        let mut extra = Extra { told: bytes, ..Extra::NONE };
        let mut fields = Fields(bytes);
        while !fields.is_empty() {
            let at = bytes.len() - fields.len();
            let (key, value) = fields.field()?;
            match key {
                CAMPAIGN => drop(campaign(value.bytes(key)?)?),
                PROPERTY => drop(property(value.bytes(key)?)?),
                ORDER => {
                    let order = order(value.bytes(key)?)?;
                    items(order.bytes).try_for_each(|item| item.map(drop))?;
                }
                ENGAGEMENT => drop(engagement(value.bytes(key)?)?),
                AMOUNT => drop(value.i64(key)?),
                ORDER_ID | ONCE => {
                    extra.told = &extra.told[..at.min(extra.told.len())];
                    match key {
                        ORDER_ID => extra.order_id = value.u64(key)?,
                        _ => extra.once = value.u64(key)?,
                    }
                }
                _ => {}
            }
        }
        Ok(extra)
    }

    /// The same, with numbers of the sender's own.
    pub fn numbered(self, order_id: u64, once: u64) -> Extra<'a> {
        Extra { order_id, once, ..self }
    }

    /// Appends the fields of the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.told);
        fixed64(ORDER_ID, self.order_id, out);
        fixed64(ONCE, self.once, out);
    }

    /// The campaign.
    pub fn campaign(&self) -> Option<Campaign<'a>> {
        self.of(CAMPAIGN).find_map(|value| campaign(value.bytes(CAMPAIGN).ok()?).ok())
    }

    /// Names and values of properties.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.of(PROPERTY).filter_map(|value| property(value.bytes(PROPERTY).ok()?).ok())
    }

    /// What was bought.
    pub fn order(&self) -> Option<Order<'a>> {
        self.of(ORDER).find_map(|value| order(value.bytes(ORDER).ok()?).ok())
    }

    /// Time on the page.
    pub fn engagement(&self) -> Option<Engagement> {
        self.of(ENGAGEMENT).find_map(|value| engagement(value.bytes(ENGAGEMENT).ok()?).ok())
    }

    /// What it is worth, or how much of it there was; 0 if it does not say.
    pub fn amount(&self) -> i64 {
        self.of(AMOUNT).find_map(|value| value.i64(AMOUNT).ok()).unwrap_or(0)
    }

    fn of(&self, key: u32) -> impl Iterator<Item = Value<'a>> {
        Fields(self.told).filter_map(Result::ok).filter(move |(found, _)| *found == key).map(|(_, value)| value)
    }
}

impl fmt::Debug for Extra<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("Extra::NONE");
        }
        let mut said = f.debug_struct("Extra");
        said.field("campaign", &self.campaign()).field("properties", &self.properties().collect::<Vec<_>>());
        said.field("order", &self.order()).field("engagement", &self.engagement()).field("amount", &self.amount());
        said.finish_non_exhaustive() // the numbers link one event with another
    }
}

impl<'a> Order<'a> {
    /// Its products.
    pub fn items(&self) -> impl Iterator<Item = Item<'a>> {
        items(self.bytes).filter_map(Result::ok)
    }
}

impl fmt::Debug for Order<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.items().collect::<Vec<_>>();
        f.debug_struct("Order")
            .field("currency", &self.currency)
            .field("revenue", &self.revenue)
            .field("items", &items)
            .finish()
    }
}

fn campaign(bytes: &[u8]) -> Result<Campaign<'_>, WireError> {
    let mut campaign = Campaign::default();
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => campaign.source = value.text(key)?,
            2 => campaign.medium = value.text(key)?,
            3 => campaign.name = value.text(key)?,
            4 => campaign.content = value.text(key)?,
            5 => campaign.term = value.text(key)?,
            _ => {}
        }
    }
    Ok(campaign)
}

fn property(bytes: &[u8]) -> Result<(&str, &str), WireError> {
    let (mut name, mut said) = ("", "");
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => name = value.text(key)?,
            2 => said = value.text(key)?,
            _ => {}
        }
    }
    Ok((name, said))
}

fn order(bytes: &[u8]) -> Result<Order<'_>, WireError> {
    let mut order = Order { currency: "", revenue: 0, bytes };
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => order.currency = value.text(key)?,
            2 => order.revenue = value.i64(key)?,
            _ => {}
        }
    }
    Ok(order)
}

fn items(order: &[u8]) -> impl Iterator<Item = Result<Item<'_>, WireError>> {
    Fields(order).filter_map(|field| match field {
        Ok((ITEM, value)) => Some(value.bytes(ITEM).and_then(item)),
        Ok(_) => None,
        Err(wrong) => Some(Err(wrong)),
    })
}

fn item(bytes: &[u8]) -> Result<Item<'_>, WireError> {
    let mut item = Item::default();
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => item.product = value.text(key)?,
            2 => item.category = value.text(key)?,
            3 => item.units = value.u32(key)?,
            4 => item.revenue = value.i64(key)?,
            _ => {}
        }
    }
    Ok(item)
}

fn engagement(bytes: &[u8]) -> Result<Engagement, WireError> {
    let mut engagement = Engagement::default();
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => engagement.ms = value.u32(key)?,
            2 => engagement.scroll = value.u32(key)?,
            _ => {}
        }
    }
    Ok(engagement)
}

/// Makes an [`Extra`], one thing after the other; used again for the next event.
#[derive(Default)]
pub struct ExtraBuf(Vec<u8>);

impl ExtraBuf {
    /// Empties it.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Says where a campaign sent someone from.
    pub fn campaign(&mut self, campaign: &Campaign<'_>) {
        nested(CAMPAIGN, &mut self.0, |out| {
            let Campaign { source, medium, name, content, term } = *campaign;
            text(1, source, out);
            text(2, medium, out);
            text(3, name, out);
            text(4, content, out);
            text(5, term, out);
        });
    }

    /// Says a property.
    pub fn property(&mut self, name: &str, value: &str) {
        nested(PROPERTY, &mut self.0, |out| {
            text(1, name, out);
            text(2, value, out);
        });
    }

    /// Says what was bought.
    pub fn order<'i>(&mut self, currency: &str, revenue: i64, items: impl IntoIterator<Item = Item<'i>>) {
        nested(ORDER, &mut self.0, |out| {
            text(1, currency, out);
            sint64(2, revenue, out);
            for item in items {
                let Item { product, category, units, revenue } = item;
                nested(ITEM, out, |out| {
                    text(1, product, out);
                    text(2, category, out);
                    uint(3, u64::from(units), out);
                    sint64(4, revenue, out);
                });
            }
        });
    }

    /// Says how long a page was looked at.
    pub fn engagement(&mut self, engagement: Engagement) {
        nested(ENGAGEMENT, &mut self.0, |out| {
            uint(1, u64::from(engagement.ms), out);
            uint(2, u64::from(engagement.scroll), out);
        });
    }

    /// Says what the event is worth.
    pub fn amount(&mut self, amount: i64) {
        sint64(AMOUNT, amount, &mut self.0);
    }

    /// What was said; without numbers of the sender's own.
    pub fn extra(&self) -> Extra<'_> {
        Extra { told: &self.0, ..Extra::NONE }
    }
}

#[cfg(test)]
mod tests;
