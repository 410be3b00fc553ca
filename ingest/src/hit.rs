//! A hit with its visitor. It exists from `accept` to `anonymise`, which takes it by value.

use std::fmt;

use schema::event::Kind;
use schema::extra::Engagement;
use schema::sites::Site;

use crate::accept::{MarketingFields, PageUrl, Property};
use crate::client::Prefix;

/// The visitor of a hit, without the address, which does not leave `client`. It has no `Clone` and no `Serialize`, and
/// `Debug` hides it.
pub struct Visitor<'a> {
    /// The truncated address.
    pub prefix: Prefix,
    /// The `User-Agent` header.
    pub agent: &'a [u8],
    /// The `Accept-Language` header.
    pub language: &'a [u8],
}

impl fmt::Debug for Visitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visitor(..)")
    }
}

/// One hit of one site. It has no `Clone` and no `Serialize`, and `Debug` hides all but the site's number.
pub struct Hit<'a> {
    /// The site.
    pub site: &'a Site,
    /// What happened.
    pub kind: Kind,
    /// The name of the event, as sent; empty for page views.
    pub name: &'a str,
    /// Whether it counts as an interaction, so that the visit is not a bounce.
    pub interactive: bool,
    /// Whether the sender declares itself to be automated.
    pub automated: bool,
    /// The page, as sent.
    pub page: PageUrl<'a>,
    /// The page before, as sent.
    pub referrer: &'a str,
    /// The width of the screen in CSS pixels, if it was sent.
    pub screen_px: Option<u32>,
    /// Properties: names and values, as sent.
    pub properties: &'a [Property<'a>],
    /// The engagement with the page: time and scrolling.
    pub engagement: Option<Engagement>,
    /// An amount of money, or a number of things.
    pub amount: i64,
    /// The sender's idempotency key of this hit; empty if there is none.
    pub once: &'a str,
    /// The data of the marketing lane, opened with a basis; without it the hit is on the audience lane.
    pub marketing: Option<MarketingFields<'a>>,
    /// The visitor.
    pub visitor: Visitor<'a>,
}

impl fmt::Debug for Hit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit").field("site", &self.site.id).finish_non_exhaustive()
    }
}
