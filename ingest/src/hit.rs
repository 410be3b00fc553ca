//! A hit that still knows who sent it. It lives from `accept` to `anonymise`, which takes it by value.

use std::fmt;

use schema::event::Kind;
use schema::extra::Engagement;
use schema::sites::Site;

use crate::accept::{MarketingFields, PageUrl, Property};
use crate::client::Prefix;

/// Who sent a hit, as far as anything after `client` may know. No `Clone`, no `Serialize`; `Debug` hides it.
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

/// One hit of one site. No `Clone`, no `Serialize`; `Debug` hides all but the site's number.
pub struct Hit<'a> {
    /// The site.
    pub site: &'a Site,
    /// What.
    pub kind: Kind,
    /// What it is called, raw; empty for page views.
    pub name: &'a str,
    /// Whether it shows that someone stayed.
    pub interactive: bool,
    /// Whether the sender says of itself that no person drives it.
    pub automated: bool,
    /// Where it happened, as sent.
    pub page: PageUrl<'a>,
    /// The page before, as sent.
    pub referrer: &'a str,
    /// Width of the screen in CSS pixels, if the sender told.
    pub screen_px: Option<u32>,
    /// Names and values, as sent.
    pub properties: &'a [Property<'a>],
    /// Time on the page.
    pub engagement: Option<Engagement>,
    /// What it is worth, or how many.
    pub amount: i64,
    /// The sender's own number of this hit; empty: none.
    pub once: &'a str,
    /// What a basis has opened; without one the hit is on the audience lane.
    pub marketing: Option<MarketingFields<'a>>,
    /// Who.
    pub visitor: Visitor<'a>,
}

impl fmt::Debug for Hit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit").field("site", &self.site.id).finish_non_exhaustive()
    }
}
