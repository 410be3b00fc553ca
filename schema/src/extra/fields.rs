//! The typed fields of an [`Extra`](super::Extra), and how each is decoded.

use std::fmt;

use crate::wire::WireError;
use crate::wire::protobuf::Fields;

pub(super) const ITEM: u32 = 3;

/// The campaign that a visitor came by. Any part of it may be empty.
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

/// An order.
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
pub struct OrderItem<'a> {
    /// The product's name.
    pub product: &'a str,
    /// The product's category.
    pub category: &'a str,
    /// How many were bought.
    pub units: u32,
    /// Of all units, in minor units of the order's currency.
    pub revenue: i64,
}

/// The time spent on a page, and how far down it was scrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Engagement {
    /// Milliseconds in view, since the last such event of the page.
    pub ms: u32,
    /// The deepest point reached so far, percent.
    pub scroll: u32,
}

impl<'a> Order<'a> {
    /// The products of the order.
    pub fn items(&self) -> impl Iterator<Item = OrderItem<'a>> {
        self.checked_items().filter_map(Result::ok)
    }

    pub(super) fn checked_items(&self) -> impl Iterator<Item = Result<OrderItem<'a>, WireError>> + use<'a> {
        Fields(self.bytes).filter_map(|field| match field {
            Ok((ITEM, value)) => Some(value.bytes(ITEM).and_then(item)),
            Ok(_) => None,
            Err(wrong) => Some(Err(wrong)),
        })
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

pub(super) fn campaign(bytes: &[u8]) -> Result<Campaign<'_>, WireError> {
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

/// The name and the value of a property.
pub(super) fn property(bytes: &[u8]) -> Result<(&str, &str), WireError> {
    let (mut name, mut text) = ("", "");
    for field in Fields(bytes) {
        let (key, value) = field?;
        match key {
            1 => name = value.text(key)?,
            2 => text = value.text(key)?,
            _ => {}
        }
    }
    Ok((name, text))
}

pub(super) fn order(bytes: &[u8]) -> Result<Order<'_>, WireError> {
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

fn item(bytes: &[u8]) -> Result<OrderItem<'_>, WireError> {
    let mut item = OrderItem::default();
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

pub(super) fn engagement(bytes: &[u8]) -> Result<Engagement, WireError> {
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
