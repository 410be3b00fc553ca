//! The formats in which trackers send hits, one file each.
//!
//! In come the bytes of a request; out comes a [`Sent`], before anything is decided, or a [`ParseError`] whose sentence
//! never repeats what was sent. The functions are pure. They do not know sites, the clock or the visitor.

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

pub use order::{ITEMS_MAX, ParsedItem, ParsedOrder};
pub use page::PageUrl;
pub(crate) use page::{bare_host, host_of};
pub use reserved::{MarketingFields, RawOrder, Reserved, Utm};

/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Longest body that may hold several hits, in bytes: a browser keeps no more for pages that are closed.
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

/// One parsed hit, in the same form for all formats. All texts are raw, as they were sent.
pub struct Sent<'a> {
    /// The names of the sites, separated by commas.
    pub domains: Cow<'a, str>,
    /// The kind of event.
    pub kind: Kind,
    /// The event's name, the URL of a link or a file, the words of a search; empty for page views.
    pub name: Cow<'a, str>,
    /// Whether the visitor interacted.
    pub interactive: bool,
    /// Whether the sender declares that a program drives the browser.
    pub automated: bool,
    /// The page.
    pub page: PageUrl<'a>,
    /// The page before.
    pub referrer: Cow<'a, str>,
    /// Width of the screen in CSS pixels.
    pub screen_px: Option<u32>,
    /// Whether the visitor consented to marketing measures.
    pub consent: bool,
    /// Names and values of properties.
    pub properties: Vec<Property<'a>>,
    /// The time spent on the page.
    pub engagement: Option<Engagement>,
    /// The event's worth or quantity.
    pub amount: i64,
    /// The sender's own number of this hit; empty: none. A second hit with the same number is a repeat.
    pub once: Cow<'a, str>,
    /// What only the marketing lane may read.
    pub reserved: Reserved<'a>,
}

impl<'a> Sent<'a> {
    /// A page view with the default for everything else.
    pub fn view(domains: Cow<'a, str>, page: PageUrl<'a>) -> Sent<'a> {
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

/// Why the bytes are not a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// They are over a limit.
    #[error("{0}")]
    TooLarge(&'static str),
    /// They are malformed.
    #[error("{0}")]
    Malformed(&'static str),
}

impl ParseError {
    /// The sentence for the client.
    pub fn why(self) -> &'static str {
        match self {
            ParseError::TooLarge(why) | ParseError::Malformed(why) => why,
        }
    }

    /// The refusal that is counted.
    pub fn refusal(self) -> Refusal {
        match self {
            ParseError::TooLarge(_) => Refusal::TooLarge,
            ParseError::Malformed(_) => Refusal::Malformed,
        }
    }
}

/// Checks the list of sites: no name is empty, and there are at most [`SITES_MAX`].
fn check_domains(domains: &str) -> Result<(), ParseError> {
    let each = || domains.as_bytes().split(|&b| b == b',');
    if each().any(|domain| domain.trim_ascii().is_empty()) {
        return Err(ParseError::Malformed("d (domain) is empty"));
    }
    if each().count() > SITES_MAX {
        return Err(ParseError::Malformed("d (domain) names more than 16 sites"));
    }
    Ok(())
}

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
