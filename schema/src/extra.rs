//! What only some events carry: a campaign, properties, an order, engagement, goals. Most events carry none of it.
//!
//! In comes an event's part as bytes, in the encoding of `Extra` in `../footfall.proto`; out come its fields, decoded
//! when they are asked for. [`ExtraBuf`] makes the bytes once, [`Extra::decode`] checks them once. So an event stays
//! small and can be copied, whatever it carries. This module does not know what any field counts for.

use std::fmt;

use crate::goals::FunnelStep;
use crate::wire::WireError;
use crate::wire::protobuf::{FieldValue, Fields, fixed64};

mod buffer;
mod fields;
mod reached;

pub use buffer::ExtraBuf;
pub use fields::{Campaign, Engagement, Order, OrderItem};

const CAMPAIGN: u32 = 1;
const PROPERTY: u32 = 2;
const ORDER: u32 = 3;
const ENGAGEMENT: u32 = 4;
const AMOUNT: u32 = 5;
const ORDER_ID: u32 = 6;
const ONCE: u32 = 7;
const REACHED: u32 = 8;

/// What one event carries beyond the fields that every event has. All texts are checked UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Extra<'a> {
    /// All fields but `ORDER_ID` and `ONCE`, as [`ExtraBuf`] wrote them or as [`Extra::decode`] checked them.
    fields: &'a [u8],
    /// The order's own number under the day's salt; 0 if it has none.
    pub order_id: u64,
    /// The sender's own number of this hit under the day's salt; 0 if it has none.
    pub once: u64,
}

impl<'a> Extra<'a> {
    /// Carries nothing.
    pub const NONE: Extra<'static> = Extra { fields: &[], order_id: 0, once: 0 };

    /// Whether it carries nothing.
    pub fn is_empty(&self) -> bool {
        *self == Extra::NONE
    }

    /// Checks every field in the bytes of a message.
    ///
    /// `ORDER_ID` and `ONCE` come last. A known field behind them is an error, because it would be lost.
    pub fn decode(bytes: &'a [u8]) -> Result<Extra<'a>, WireError> {
        let mut extra = Extra { fields: bytes, ..Extra::NONE };
        let mut fields = Fields(bytes);
        while !fields.is_empty() {
            let at = bytes.len() - fields.len();
            let (key, value) = fields.field()?;
            if matches!(key, CAMPAIGN..=AMOUNT | REACHED) && extra.fields.len() < at {
                return Err(WireError::Field(key));
            }
            match key {
                CAMPAIGN => drop(fields::campaign(value.bytes(key)?)?),
                PROPERTY => drop(fields::property(value.bytes(key)?)?),
                ORDER => {
                    let order = fields::order(value.bytes(key)?)?;
                    order.checked_items().try_for_each(|item| item.map(drop))?;
                }
                ENGAGEMENT => drop(fields::engagement(value.bytes(key)?)?),
                AMOUNT => drop(value.i64(key)?),
                REACHED => reached::check(value.bytes(key)?)?,
                ORDER_ID | ONCE => {
                    extra.fields = &extra.fields[..at.min(extra.fields.len())];
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

    /// The same fields, with the sender's own numbers.
    #[must_use]
    pub fn numbered(self, order_id: u64, once: u64) -> Extra<'a> {
        Extra { order_id, once, ..self }
    }

    /// Appends the fields of the message.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.fields);
        fixed64(ORDER_ID, self.order_id, out);
        fixed64(ONCE, self.once, out);
    }

    /// The campaign.
    pub fn campaign(&self) -> Option<Campaign<'a>> {
        self.of(CAMPAIGN).find_map(|value| fields::campaign(value.bytes(CAMPAIGN).ok()?).ok())
    }

    /// Names and values of properties.
    pub fn properties(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.of(PROPERTY).filter_map(|value| fields::property(value.bytes(PROPERTY).ok()?).ok())
    }

    /// The order.
    pub fn order(&self) -> Option<Order<'a>> {
        self.of(ORDER).find_map(|value| fields::order(value.bytes(ORDER).ok()?).ok())
    }

    /// The time spent on the page.
    pub fn engagement(&self) -> Option<Engagement> {
        self.of(ENGAGEMENT).find_map(|value| fields::engagement(value.bytes(ENGAGEMENT).ok()?).ok())
    }

    /// The event's worth or quantity; 0 if it has none.
    pub fn amount(&self) -> i64 {
        self.of(AMOUNT).find_map(|value| value.i64(AMOUNT).ok()).unwrap_or(0)
    }

    /// The numbers of the goals that the event reaches.
    pub fn goals(&self) -> impl Iterator<Item = u16> + use<'a> {
        reached::goals(self.reached())
    }

    /// The funnel steps that the event reaches. Whether its visitor took the steps before is not decided here.
    pub fn steps(&self) -> impl Iterator<Item = FunnelStep> + use<'a> {
        reached::steps(self.reached())
    }

    fn reached(&self) -> &'a [u8] {
        self.of(REACHED).find_map(|value| value.bytes(REACHED).ok()).unwrap_or_default()
    }

    fn of(&self, key: u32) -> impl Iterator<Item = FieldValue<'a>> {
        Fields(self.fields).filter_map(Result::ok).filter(move |(found, _)| *found == key).map(|(_, value)| value)
    }
}

impl fmt::Debug for Extra<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("Extra::NONE");
        }
        let mut shown = f.debug_struct("Extra");
        shown.field("campaign", &self.campaign()).field("properties", &self.properties().collect::<Vec<_>>());
        shown.field("order", &self.order()).field("engagement", &self.engagement()).field("amount", &self.amount());
        shown.field("goals", &self.goals().collect::<Vec<_>>()).field("steps", &self.steps().collect::<Vec<_>>());
        shown.finish_non_exhaustive() // The numbers are left out because they link one event with another.
    }
}

#[cfg(test)]
mod tests;
