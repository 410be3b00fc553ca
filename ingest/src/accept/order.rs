//! Parses orders as trackers send them to sums in minor units of a currency. Invalid parts are left out.

use std::borrow::Cow;

use iso_currency::Currency;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::Text;

/// Most products of an order; further ones are dropped.
pub const ITEMS_MAX: usize = 16;
/// Largest sum that is accepted, in minor units: a billion in most currencies.
const SUM_MAX: i64 = 100_000_000_000;
/// Largest number of one product that is accepted.
const UNITS_MAX: u32 = 1_000_000;

/// An order. Its number is never stored: `anonymise` hashes it.
pub struct ParsedOrder<'a> {
    /// The order's number; empty if there is none.
    pub id: Cow<'a, str>,
    /// ISO 4217; empty if neither the sender nor the site names one.
    pub currency: &'static str,
    /// Minor units.
    pub revenue: i64,
    /// The products.
    pub items: Vec<ParsedItem<'a>>,
}

/// One product of an order.
pub struct ParsedItem<'a> {
    /// The product's name, or else its number.
    pub product: Cow<'a, str>,
    /// The product's category.
    pub category: Cow<'a, str>,
    /// How many were bought.
    pub units: u32,
    /// Of all units, in minor units of the currency.
    pub revenue: i64,
}

#[derive(Deserialize)]
struct Revenue<'a> {
    #[serde(borrow)]
    currency: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "revenue")]
    amount: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawItem<'a> {
    #[serde(borrow, alias = "productId")]
    id: Option<Text<'a>>,
    name: Option<Text<'a>>,
    category: Option<Text<'a>>,
    #[serde(borrow)]
    price: Option<&'a RawValue>,
    #[serde(borrow)]
    quantity: Option<&'a RawValue>,
}

/// Parses Plausible's `$`, and our `items` and `o`. Umami's names for two of the fields are `revenue` and `productId`.
pub(super) fn of_json<'a>(
    revenue: Option<&'a RawValue>,
    items: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    default: &str,
) -> Option<ParsedOrder<'a>> {
    let total: Option<Revenue<'a>> = revenue.and_then(|raw| serde_json::from_str(raw.get()).ok());
    let items: Vec<RawItem<'a>> = items.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    if total.is_none() && items.is_empty() {
        return None;
    }
    let Revenue { currency, amount } = total.unwrap_or(Revenue { currency: None, amount: None });
    // With an unknown currency the sum has no meaning: the order counts, its money does not.
    let code = currency.as_deref().map_or(default, str::trim);
    let currency = Currency::from_code(&code.to_ascii_uppercase());
    let money = |raw: Option<&RawValue>, times: u32| match currency {
        None if !code.is_empty() => 0,
        currency => minor(number(raw), times, currency),
    };
    let items = items.into_iter().take(ITEMS_MAX).filter_map(|item| {
        let units = match item.quantity {
            None => 1,
            some => number(some)?.round().to_u32().filter(|units| (1..=UNITS_MAX).contains(units))?,
        };
        let product = item.name.or(item.id).map(|text| text.0).filter(|product| !product.trim().is_empty())?;
        let category = item.category.map(|text| text.0).unwrap_or_default();
        Some(ParsedItem { product, category, units, revenue: money(item.price, units) })
    });
    let items: Vec<_> = items.collect();
    let of_items = || items.iter().map(|item| item.revenue).sum::<i64>().clamp(-SUM_MAX, SUM_MAX);
    let revenue = if amount.is_some() { money(amount, 1) } else { of_items() };
    let id = id.and_then(|raw| serde_json::from_str::<Text<'a>>(raw.get()).ok()).map(|text| text.0).unwrap_or_default();
    let currency = currency.map_or("", |known| known.code());
    Some(ParsedOrder { id, currency, revenue, items })
}

/// Parses Matomo's `ec_id`, `revenue` and `ec_items`. Matomo sends no currency, so the site's applies.
pub(super) fn of_matomo<'a>(id: &'a str, revenue: &'a str, items: &'a str, default: &str) -> Option<ParsedOrder<'a>> {
    let currency = Currency::from_code(default);
    let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(items).unwrap_or_default();
    let word = |value: Option<&serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Number(number)) => number.to_string(),
        Some(serde_json::Value::Array(all)) => all.first().and_then(|v| v.as_str()).unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    let items = rows.iter().take(ITEMS_MAX).filter_map(|row| {
        let (sku, name, category) = (word(row.first()), word(row.get(1)), word(row.get(2)));
        let product = if name.trim().is_empty() { sku } else { name };
        let units = match row.get(4) {
            None => 1,
            some => decimal(&word(some))?.round().to_u32().filter(|units| (1..=UNITS_MAX).contains(units))?,
        };
        let revenue = minor(decimal(&word(row.get(3))), units, currency);
        let item = ParsedItem { product: product.into(), category: category.into(), units, revenue };
        (!item.product.trim().is_empty()).then_some(item)
    });
    let revenue = minor(decimal(revenue), 1, currency);
    Some(ParsedOrder {
        id: id.into(),
        currency: currency.map_or("", |known| known.code()),
        revenue,
        items: items.collect(),
    })
}

/// A JSON number, or a JSON text that contains one.
fn number(raw: Option<&RawValue>) -> Option<Decimal> {
    let text = raw?.get();
    decimal(text.trim_matches('"'))
}

fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

/// A price times a number of units, in minor units, rounded half to even; 0 if there is no acceptable sum.
fn minor(price: Option<Decimal>, times: u32, currency: Option<Currency>) -> i64 {
    let scaled = || {
        let digits = currency.and_then(|known| known.exponent()).unwrap_or(2);
        let unit = Decimal::from(10i64.checked_pow(u32::from(digits))?);
        price?.checked_mul(unit)?.checked_mul(Decimal::from(times))?.round().to_i64()
    };
    scaled().filter(|sum| (-SUM_MAX..=SUM_MAX).contains(sum)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought<'a>(revenue: &'a str, items: &'a str, id: &'a str) -> Option<ParsedOrder<'a>> {
        let raw = |text: &'a str| (!text.is_empty()).then(|| serde_json::from_str::<&'a RawValue>(text).unwrap());
        of_json(raw(revenue), raw(items), raw(id), "")
    }

    #[test]
    fn a_sum_is_in_minor_units_of_its_currency() {
        for (revenue, want) in [
            (r#"{"currency":"EUR","amount":12.3}"#, ("EUR", 1230)),
            (r#"{"currency":"eur","amount":"12.345"}"#, ("EUR", 1234)),
            (r#"{"currency":"JPY","amount":500}"#, ("JPY", 500)),
            (r#"{"currency":"KWD","amount":1.2345}"#, ("KWD", 1234)),
            (r#"{"currency":"EUR","amount":1e2}"#, ("EUR", 10000)),
            (r#"{"currency":"XYZW","amount":5}"#, ("", 0)),
            (r#"{"currency":"EUR","amount":1e300}"#, ("EUR", 0)),
            (r#"{"currency":"EUR","amount":-4}"#, ("EUR", -400)),
            (r#"{"currency":"EUR","amount":"many"}"#, ("EUR", 0)),
            (r#"{"amount":7}"#, ("", 700)),
        ] {
            let bought = bought(revenue, "", "").unwrap();
            assert_eq!((bought.currency, bought.revenue), want, "{revenue}");
        }
        assert!(bought("", "", "\"A-1\"").is_none() && bought("[]", "7", "").is_none());
    }

    #[test]
    fn a_product_has_a_name_or_a_number_units_and_a_sum() {
        let order = bought(
            r#"{"currency":"EUR"}"#,
            r#"[{"id":7,"name":"Tea","category":"Drinks","price":3.5,"quantity":2},{"id":"B-1","price":"1"},{"price":2},{"name":"x","quantity":0}]"#,
            r#"4711"#,
        )
        .unwrap();
        assert_eq!((&*order.id, order.revenue, order.items.len()), ("4711", 800, 2));
        let [tea, other] = &order.items[..] else { panic!("two") };
        assert_eq!((&*tea.product, &*tea.category, tea.units, tea.revenue), ("Tea", "Drinks", 2, 700));
        assert_eq!((&*other.product, other.units, other.revenue), ("B-1", 1, 100));
    }

    #[test]
    fn an_order_of_matomo_is_parsed() {
        let order =
            of_matomo("A1", "19.90", r#"[["sku1","Tea",["Drinks","Hot"],"9.95",2],["sku2",""]]"#, "EUR").unwrap();
        assert_eq!((&*order.id, order.currency, order.revenue), ("A1", "EUR", 1990));
        let items: Vec<_> = order.items.iter().map(|i| (&*i.product, &*i.category, i.units, i.revenue)).collect();
        assert_eq!(items, [("Tea", "Drinks", 2, 1990), ("sku2", "", 1, 0)]);
        assert_eq!(of_matomo("A1", "x", "{", "").unwrap().items.len(), 0);
    }
}
