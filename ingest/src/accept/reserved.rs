//! The fields that only the marketing lane may read: the query of the page's URL (campaign, click ids) and an order.
//! They stay unparsed text until the caller opens them with a [`Basis`].

use std::borrow::Cow;
use std::fmt;

use schema::sites::BeaconCampaign;
use serde_json::value::RawValue;

use super::order::{self, ParsedOrder};
use crate::lane::Basis;

/// The reserved fields, unparsed.
#[derive(Default)]
pub struct Reserved<'a> {
    query: Cow<'a, str>,
    order: RawOrder<'a>,
}

/// An order in the form in which a format sends it, unparsed.
#[derive(Default)]
pub enum RawOrder<'a> {
    /// There is no order.
    #[default]
    None,
    /// Plausible's `$` with our `items` and `o`, or the same form in another format.
    Json {
        /// `{"currency": "EUR", "amount": 12.3}`.
        revenue: Option<&'a RawValue>,
        /// `[{"id", "name", "category", "price", "quantity"}]`.
        items: Option<&'a RawValue>,
        /// The order's number.
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

/// The reserved fields, parsed.
pub struct MarketingFields<'a> {
    /// The campaign's parameters.
    pub campaign: Utm<'a>,
    /// The order.
    pub order: Option<ParsedOrder<'a>>,
}

impl<'a> MarketingFields<'a> {
    /// The fields of a beacon's load: the declared campaign's name and medium.
    pub fn by_beacon(campaign: &'a BeaconCampaign) -> MarketingFields<'a> {
        let utm = Utm { name: (&*campaign.name).into(), medium: campaign.medium.label().into(), ..Utm::default() };
        MarketingFields { campaign: utm, order: None }
    }
}

/// The parameters of a campaign, as sent; empty where there are none.
#[derive(Default)]
pub struct Utm<'a> {
    /// `utm_source`, or an equivalent parameter.
    pub source: Cow<'a, str>,
    /// `utm_medium`; "paid" if there is only a click id.
    pub medium: Cow<'a, str>,
    /// `utm_campaign`.
    pub name: Cow<'a, str>,
    /// `utm_content`.
    pub content: Cow<'a, str>,
    /// `utm_term`.
    pub term: Cow<'a, str>,
}

/// Parameters that advertising networks add to a click. Their values are not used.
const PAID_CLICKS: &[&str] = &["gclid", "gbraid", "wbraid", "msclkid", "ttclid", "twclid", "li_fat_id"];

impl<'a> Reserved<'a> {
    /// Takes the fields as they were sent.
    pub fn new(query: Cow<'a, str>, order: RawOrder<'a>) -> Reserved<'a> {
        Reserved { query, order }
    }

    /// Parses the fields. The invalid parts of an order are left out, because the rest of the hit is good.
    ///
    /// `currency` applies to orders that name none.
    pub fn open(&self, _: Basis, currency: &str) -> MarketingFields<'_> {
        let order = match &self.order {
            RawOrder::None => None,
            RawOrder::Json { revenue, items, id } => order::of_json(*revenue, *items, *id, currency),
            RawOrder::Matomo { id, revenue, items } => order::of_matomo(id, revenue, items, currency),
        };
        MarketingFields { campaign: Utm::of(&self.query), order }
    }
}

impl fmt::Debug for Reserved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reserved(..)")
    }
}

impl<'a> Utm<'a> {
    /// Parses the query of a URL. If a parameter occurs twice, the first counts.
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

    /// Whether no parameter of a campaign was there.
    pub fn is_empty(&self) -> bool {
        let Utm { source, medium, name, content, term } = self;
        [source, medium, name, content, term].iter().all(|field| field.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_is_parsed_from_the_query_and_a_click_id_only_means_paid() {
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
