//! Wire formats, one file each: bytes of a request to what its sender [`Sent`], before anything is decided.
//!
//! Pure functions. They know no site, no clock and no visitor; what a format cannot hold is [`Bad`], with a sentence
//! that never repeats what was sent.

pub mod plausible;
pub mod pixel;
pub mod beacon;
pub mod goatcounter;
pub mod umami;
pub mod matomo;
pub mod server;
mod page;
mod json;
mod named;
mod reserved;
mod order;

use std::borrow::Cow;

use schema::event::Kind;
use schema::extra::Engagement;
use schema::fate::Refusal;

pub use order::{Bought, BoughtItem, ITEMS_MAX};
pub use page::Page;
pub(crate) use page::{bare_host, host_of};
pub use reserved::{Opened, RawOrder, Reserved, Utm};

/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Longest body that may hold several hits, in bytes: what a browser lets wait for pages that are gone.
pub const BATCH_BYTES_MAX: usize = 64 * 1024;
/// Most hits of one body.
pub const BATCH_HITS_MAX: usize = 1000;
/// Longest URL of a page, and longest query of a pixel, in bytes.
pub const URL_BYTES_MAX: usize = 2 * 1024;
/// Longest name of an event, in characters.
pub const NAME_CHARS_MAX: usize = 120;
/// Most properties of one event.
pub const PROPERTIES_MAX: usize = 64;
/// Most sites one request may name.
pub const SITES_MAX: usize = 16;

/// What a sender said, whatever the format.
pub struct Sent<'a> {
    /// The sites it names, separated by commas.
    pub domains: Cow<'a, str>,
    /// What happened.
    pub kind: Kind,
    /// What it is called, raw: a name, the URL left for or loaded, words searched for; empty for page views.
    pub name: Cow<'a, str>,
    /// Whether it shows that someone stayed.
    pub interactive: bool,
    /// Whether the sender says of itself that no person drives it.
    pub automated: bool,
    /// Where.
    pub page: Page<'a>,
    /// The page before.
    pub referrer: Cow<'a, str>,
    /// Width of the screen in CSS pixels.
    pub screen_px: Option<u32>,
    /// Whether the visitor consented to marketing measures.
    pub consent: bool,
    /// Names and values, as sent.
    pub properties: Vec<Property<'a>>,
    /// Time on the page.
    pub engagement: Option<Engagement>,
    /// What it is worth, or how many.
    pub amount: i64,
    /// The sender's own number of this hit, which makes the same hit sent again a repeat; empty: none.
    pub once: Cow<'a, str>,
    /// What only the marketing lane may read.
    pub reserved: Reserved<'a>,
}

impl<'a> Sent<'a> {
    /// A page view of which nothing more is said.
    pub fn view(domains: Cow<'a, str>, page: Page<'a>) -> Sent<'a> {
        Sent {
            domains,
            kind: Kind::Pageview,
            name: "".into(),
            interactive: true,
            automated: false,
            page,
            referrer: "".into(),
            screen_px: None,
            consent: false,
            properties: Vec::new(),
            engagement: None,
            amount: 0,
            once: "".into(),
            reserved: Reserved::default(),
        }
    }
}

/// A name and a value.
pub type Property<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Not a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bad {
    /// Over a limit.
    #[error("{0}")]
    TooLarge(&'static str),
    /// Anything else.
    #[error("{0}")]
    Malformed(&'static str),
}

impl Bad {
    /// The sentence.
    pub fn why(self) -> &'static str {
        match self {
            Bad::TooLarge(why) | Bad::Malformed(why) => why,
        }
    }

    /// As a fate.
    pub fn refusal(self) -> Refusal {
        match self {
            Bad::TooLarge(_) => Refusal::TooLarge,
            Bad::Malformed(_) => Refusal::Malformed,
        }
    }
}

/// Checks the list of sites: none may be empty, and there are not too many.
fn check_domains(domains: &str) -> Result<(), Bad> {
    let each = || domains.as_bytes().split(|&b| b == b',');
    if each().any(|domain| domain.trim_ascii().is_empty()) {
        return Err(Bad::Malformed("d (domain) is empty"));
    }
    if each().count() > SITES_MAX {
        return Err(Bad::Malformed("d (domain) names more than 16 sites"));
    }
    Ok(())
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
