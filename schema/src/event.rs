//! The anonymous event: what remains of a hit.

use std::fmt;

use crate::closed_set::closed_set;
use crate::day::Day;
use crate::extra::Extra;

/// The first 64 bits of a keyed hash of (site, truncated address, user agent, language) under the salt of one day.
///
/// The tag links the events of one browser on one site on one day. Once the day's salt is destroyed, nothing can
/// compute it again. It stays in the spool and on the stream until the day is settled, and never reaches ClickHouse.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VisitorTag(pub u64);

impl VisitorTag {
    /// The tag of events that belong to no browser in particular.
    pub const NONE: VisitorTag = VisitorTag(0);

    /// The partition of the stream that has all events of this tag.
    pub fn partition(self, partitions: u32) -> u32 {
        self.0 as u32 % partitions.max(1)
    }
}

impl fmt::Debug for VisitorTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorTag(..)")
    }
}

closed_set! {
    /// What kind of event it is.
    Kind {
        /// A page was shown.
        Pageview = 1 "pageview",
        /// An event that the site named.
        Custom = 2 "custom",
        /// A page could not be shown (404, 5xx), or its script failed.
        Error = 3 "error",
        /// The visitor followed a link to another site.
        Outbound = 4 "outbound",
        /// The visitor requested a file.
        Download = 5 "download",
        /// The visitor searched the site.
        Search = 6 "search",
        /// A form was sent.
        Form = 7 "form",
        /// How fast a page was (a web vital).
        Vital = 8 "vital",
        /// Time spent on a page, and how far down it was scrolled.
        Engagement = 9 "engagement",
        /// The visitor consented to marketing measures.
        Consent = 10 "consent",
        /// A beacon in a mail or an advertisement was loaded. Such an event has no tag.
        Open = 11 "open",
    }
}

closed_set! {
    /// Which fields of a hit were allowed to be read.
    Lane {
        /// Nothing that names a campaign, a click id or a purchase.
        Audience = 1 "audience",
        /// Those fields too: the visitor consented, or the site declared another basis.
        Marketing = 2 "marketing",
    }
}

closed_set! {
    /// How a visit came about, by its referrer's host alone.
    Channel {
        /// There is no referrer, or it is the site itself.
        Direct = 1 "Direct",
        /// A search engine.
        Search = 2 "Organic Search",
        /// A social network.
        Social = 3 "Organic Social",
        /// A web mailer.
        Email = 4 "Email",
        /// An assistant that answers questions.
        Assistant = 5 "AI Assistant",
        /// A video site.
        Video = 6 "Organic Video",
        /// A shop or price comparison.
        Shopping = 7 "Organic Shopping",
        /// Any other site.
        Referral = 8 "Referral",
        /// An advertisement.
        Paid = 9 "Paid",
    }
}

closed_set! {
    /// The class of a device.
    Device {
        /// Not known.
        Unknown = 0 "unknown",
        /// A desktop or laptop.
        Desktop = 1 "desktop",
        /// A phone.
        Mobile = 2 "mobile",
        /// A tablet.
        Tablet = 3 "tablet",
        /// A television or console.
        Tv = 4 "tv",
        /// A robot on a site that counts them.
        Bot = 5 "bot",
    }
}

/// The value of an attribute that is not known.
pub const UNKNOWN: &str = "unknown";

/// One anonymous event: the only data about a visitor that outlives the request.
///
/// There is no field for an address, a user agent or an identifier that is valid longer than a day. That absence is the
/// privacy promise: a change here is a change of the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The site's number.
    pub site: u32,
    /// The site's local date.
    pub day: Day,
    /// UTC seconds.
    pub time_s: u32,
    /// The zone's offset from UTC then, in quarter hours.
    pub offset_quarters: i8,
    /// Which fields of the hit were read.
    pub lane: Lane,
    /// The visitor, for one day.
    pub tag: VisitorTag,
    /// The kind of event.
    pub kind: Kind,
    /// Whether the visitor interacted: an interactive event starts a visit, and its visit is no bounce.
    pub interactive: bool,
    /// The name of a custom event, an error's class, the host of an outbound link, the path of a download, the words
    /// of a search; empty for page views.
    pub name: &'a str,
    /// Path of the page, without its query and without anything shaped like an identifier. A fragment is there only if
    /// the site routes by it.
    pub page: &'a str,
    /// The visit's source, by the referrer's host: a known name ("Google"), a host, or "Direct".
    pub source: &'a str,
    /// The class of the source.
    pub channel: Channel,
    /// ISO 3166 country, or "unknown".
    pub country: &'a str,
    /// ISO 3166-2 region, or "unknown".
    pub region: &'a str,
    /// Class of device.
    pub device: Device,
    /// Browser and its major version ("Firefox 130").
    pub browser: &'a str,
    /// Operating system.
    pub os: &'a str,
    /// Primary language ("fr").
    pub language: &'a str,
    /// Class of the screen's width.
    pub screen: &'a str,
    /// What only some events carry.
    pub extra: Extra<'a>,
}

impl Kind {
    /// Whether the event is an action of the visitor. Such an event belongs to a visit, and starts one if it is
    /// interactive.
    pub fn is_step(self) -> bool {
        match self {
            Kind::Pageview | Kind::Custom | Kind::Outbound | Kind::Download | Kind::Search | Kind::Form => true,
            Kind::Error | Kind::Vital | Kind::Engagement | Kind::Consent | Kind::Open => false,
        }
    }

    /// Whether the event is counted by its name, in the cube of events.
    pub fn is_named(self) -> bool {
        match self {
            Kind::Custom | Kind::Error | Kind::Outbound | Kind::Download | Kind::Search | Kind::Form | Kind::Vital => {
                true
            }
            Kind::Pageview | Kind::Engagement | Kind::Consent | Kind::Open => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_cannot_be_printed() {
        assert_eq!(format!("{:?}", VisitorTag(0x1234)), "VisitorTag(..)");
    }

    #[test]
    fn codes_and_labels_are_one_to_one() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(*kind));
        }
        let labels: std::collections::HashSet<_> = Channel::ALL.iter().map(|c| c.label()).collect();
        assert_eq!(labels.len(), Channel::ALL.len());
        assert_eq!(Device::from_code(77), None);
    }
}
