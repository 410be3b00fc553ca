//! Wire formats, one file each: bytes of a request to what its sender [`Sent`], before anything is decided.
//!
//! Pure functions. They know no site, no clock and no visitor; what a format cannot hold is [`Bad`], with a sentence
//! that never repeats what was sent.

pub mod plausible;
pub mod pixel;
mod page;

use std::borrow::Cow;

use schema::event::Kind;
use schema::fate::Refusal;

pub use page::Page;
pub(crate) use page::{bare_host, host_of};

/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 16 * 1024;
/// Longest URL of a page, and longest query of a pixel, in bytes.
pub const URL_BYTES_MAX: usize = 2 * 1024;
/// Longest name of an event, in characters.
pub const NAME_CHARS_MAX: usize = 120;
/// Most sites one request may name.
pub const SITES_MAX: usize = 16;

/// What a sender said, whatever the format.
pub struct Sent<'a> {
    /// The sites it names, separated by commas.
    pub domains: Cow<'a, str>,
    /// What happened.
    pub kind: Kind,
    /// Name of a custom event or error; empty for page views.
    pub name: Cow<'a, str>,
    /// Whether it shows that someone stayed.
    pub interactive: bool,
    /// Where.
    pub page: Page<'a>,
    /// The page before.
    pub referrer: Cow<'a, str>,
    /// Width of the screen in CSS pixels.
    pub screen_px: Option<u32>,
    /// Whether the visitor consented to marketing measures.
    pub consent: bool,
}

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
    if domains.split(',').any(|domain| domain.trim().is_empty()) {
        return Err(Bad::Malformed("d (domain) is empty"));
    }
    if domains.split(',').count() > SITES_MAX {
        return Err(Bad::Malformed("d (domain) names more than 16 sites"));
    }
    Ok(())
}
