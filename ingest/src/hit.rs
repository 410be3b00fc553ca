//! A hit that still knows who sent it. It lives from `accept` to `anonymise`, which takes it by value.

use std::fmt;

use schema::event::{Kind, Lane};
use schema::sites::Site;

use crate::accept::Page;
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
    /// Name of a custom event or error; empty for page views.
    pub name: &'a str,
    /// Whether it shows that someone stayed.
    pub interactive: bool,
    /// Which fields may be read.
    pub lane: Lane,
    /// Where it happened, as sent.
    pub page: Page<'a>,
    /// The page before, as sent.
    pub referrer: &'a str,
    /// Width of the screen in CSS pixels, if the sender told.
    pub screen_px: Option<u32>,
    /// Who.
    pub visitor: Visitor<'a>,
}

impl fmt::Debug for Hit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hit").field("site", &self.site.id).finish_non_exhaustive()
    }
}
