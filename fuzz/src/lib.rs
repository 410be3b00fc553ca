//! Helpers that the targets share.

use ingest::accept::Sent;
use ingest::lane::Basis;
use schema::sites::{Marketing, Site};

/// The first three lines of a text. A missing line is empty.
pub fn lines(text: &str) -> [&str; 3] {
    let mut lines = text.split('\n');
    [(); 3].map(|()| lines.next().unwrap_or_default())
}

/// Opens the fields that are reserved to marketing, as for a site whose owner has declared a basis, and checks their
/// limits.
pub fn opened(sent: &Sent<'_>) {
    let site = Site { marketing: Marketing::Always, ..Site::new(1, "example.org") };
    let Some(basis) = Basis::of(&site, sent.consent) else { return };
    let opened = sent.reserved.open(basis, "EUR");
    assert!(opened.order.is_none_or(|order| order.items.len() <= ingest::accept::ITEMS_MAX));
    assert!(sent.properties.len() <= ingest::accept::PROPERTIES_MAX);
}
