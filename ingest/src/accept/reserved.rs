//! What only the marketing lane may read: the query of the page's URL (campaign, click ids) and an order. It stays the
//! text that was sent until someone with a [`Basis`] opens it.

use std::borrow::Cow;
use std::fmt;

use schema::sites::Campaign;
use serde_json::value::RawValue;

use super::order::{self, Bought};
use crate::lane::Basis;

/// As it was sent, unread.
#[derive(Default)]
pub struct Reserved<'a> {
    query: Cow<'a, str>,
    order: RawOrder<'a>,
}

/// An order as a format sends it.
#[derive(Default)]
pub enum RawOrder<'a> {
    /// None.
    #[default]
    None,
    /// Plausible's `$` with our `items` and `o`, or another's that looks the same.
    Json {
        /// `{"currency": "EUR", "amount": 12.3}`.
        revenue: Option<&'a RawValue>,
        /// `[{"id", "name", "category", "price", "quantity"}]`.
        items: Option<&'a RawValue>,
        /// The sender's number of the order.
        id: Option<&'a RawValue>,
    },
    /// Matomo's parameters.
    Matomo {
        /// `ec_id`.
        id: Cow<'a, str>,
        /// `revenue`, in the site's one currency.
        revenue: Cow<'a, str>,
        /// `ec_items`: `[[sku, name, category, price, quantity]]`.
        items: Cow<'a, str>,
    },
}

/// What was reserved, opened.
pub struct Opened<'a> {
    /// Where a campaign sent someone from.
    pub campaign: Utm<'a>,
    /// What was bought.
    pub order: Option<Bought<'a>>,
}

impl<'a> Opened<'a> {
    /// What a beacon of a declared campaign tells: its name, and where it is.
    pub fn by_beacon(campaign: &'a Campaign) -> Opened<'a> {
        let utm = Utm { name: (&*campaign.name).into(), medium: campaign.medium.label().into(), ..Utm::default() };
        Opened { campaign: utm, order: None }
    }
}

/// The parameters of a campaign, as sent; empty where there are none.
#[derive(Default)]
pub struct Utm<'a> {
    /// `utm_source`, or what stands for it.
    pub source: Cow<'a, str>,
    /// `utm_medium`; "paid" where only a click id says so.
    pub medium: Cow<'a, str>,
    /// `utm_campaign`.
    pub name: Cow<'a, str>,
    /// `utm_content`.
    pub content: Cow<'a, str>,
    /// `utm_term`.
    pub term: Cow<'a, str>,
}

/// Parameters that an advertisement's network adds to a click. Their values are not read.
const PAID_CLICKS: &[&str] = &["gclid", "gbraid", "wbraid", "msclkid", "ttclid", "twclid", "li_fat_id"];

impl<'a> Reserved<'a> {
    /// Seals what was sent.
    pub fn new(query: Cow<'a, str>, order: RawOrder<'a>) -> Reserved<'a> {
        Reserved { query, order }
    }

    /// Reads it. What of an order makes no sense is left out: the rest of the hit is good.
    ///
    /// `currency` is that of orders that name none.
    pub fn open(&self, _: Basis, currency: &str) -> Opened<'_> {
        let order = match &self.order {
            RawOrder::None => None,
            RawOrder::Json { revenue, items, id } => order::of_json(*revenue, *items, *id, currency),
            RawOrder::Matomo { id, revenue, items } => order::of_matomo(id, revenue, items, currency),
        };
        Opened { campaign: Utm::of(&self.query), order }
    }
}

impl fmt::Debug for Reserved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reserved(..)")
    }
}

impl<'a> Utm<'a> {
    /// Reads the query of a URL. The first of a name counts.
    pub fn of(query: &'a str) -> Utm<'a> {
        let mut utm = Utm::default();
        let mut is_paid = false;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*name {
                "utm_source" | "source" | "ref" | "mtm_source" => &mut utm.source,
                "utm_medium" | "mtm_medium" => &mut utm.medium,
                "utm_campaign" | "mtm_campaign" | "pk_campaign" => &mut utm.name,
                "utm_content" | "mtm_content" => &mut utm.content,
                "utm_term" | "mtm_kwd" | "pk_kwd" => &mut utm.term,
                click if PAID_CLICKS.contains(&click) => {
                    is_paid = true;
                    continue;
                }
                _ => continue,
            };
            if field.is_empty() {
                *field = value;
            }
        }
        if is_paid && utm.medium.is_empty() {
            utm.medium = "paid".into();
        }
        utm
    }

    /// Whether no campaign is named.
    pub fn is_empty(&self) -> bool {
        let Utm { source, medium, name, content, term } = self;
        [source, medium, name, content, term].iter().all(|field| field.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_read_from_the_query_and_a_click_id_only_says_paid() {
        let utm = Utm::of(
            "a=b&utm_source=News%20letter&utm_medium=email&utm_campaign=spring&utm_term=x+y&utm_content=top&utm_source=2",
        );
        assert_eq!((&*utm.source, &*utm.medium, &*utm.name), ("News letter", "email", "spring"));
        assert_eq!((&*utm.term, &*utm.content), ("x y", "top"));
        let paid = Utm::of("gclid=Cj0KCQ-secret&ref=partner");
        assert_eq!((&*paid.source, &*paid.medium, &*paid.name), ("partner", "paid", ""));
        assert!(Utm::of("fbclid=x&q=y").is_empty() && Utm::of("").is_empty());
    }
}
