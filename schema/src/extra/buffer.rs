//! How an [`Extra`] is made.

use super::reached;
use super::{AMOUNT, CAMPAIGN, Campaign, ENGAGEMENT, Engagement, Extra, ORDER, OrderItem, PROPERTY, REACHED};
use crate::goals::FunnelStep;
use crate::wire::protobuf::{nested, sint64, text, uint};

/// Makes an [`Extra`], one field after the other. The buffer is used again for the next event.
#[derive(Default)]
pub struct ExtraBuf(Vec<u8>);

impl ExtraBuf {
    /// Empties the buffer.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends a campaign.
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

    /// Appends a property.
    pub fn property(&mut self, name: &str, value: &str) {
        nested(PROPERTY, &mut self.0, |out| {
            text(1, name, out);
            text(2, value, out);
        });
    }

    /// Appends an order.
    pub fn order<'i>(&mut self, currency: &str, revenue: i64, items: impl IntoIterator<Item = OrderItem<'i>>) {
        nested(ORDER, &mut self.0, |out| {
            text(1, currency, out);
            sint64(2, revenue, out);
            for item in items {
                let OrderItem { product, category, units, revenue } = item;
                nested(super::fields::ITEM, out, |out| {
                    text(1, product, out);
                    text(2, category, out);
                    uint(3, u64::from(units), out);
                    sint64(4, revenue, out);
                });
            }
        });
    }

    /// Appends the time spent on a page.
    pub fn engagement(&mut self, engagement: Engagement) {
        nested(ENGAGEMENT, &mut self.0, |out| {
            uint(1, u64::from(engagement.ms), out);
            uint(2, u64::from(engagement.scroll), out);
        });
    }

    /// Appends the event's worth or quantity.
    pub fn amount(&mut self, amount: i64) {
        sint64(AMOUNT, amount, &mut self.0);
    }

    /// Appends the goals and funnel steps that the event reaches; nothing if it reaches none.
    pub fn reached(&mut self, goals: impl IntoIterator<Item = u16>, steps: impl IntoIterator<Item = FunnelStep>) {
        reached::write(REACHED, goals, steps, &mut self.0);
    }

    /// All fields so far, without the sender's own numbers.
    pub fn extra(&self) -> Extra<'_> {
        Extra { fields: &self.0, ..Extra::NONE }
    }
}
