//! What is left of a hit once it is anonymous.

use std::fmt;

use crate::day::Day;
use crate::extra::Extra;

/// The first 64 bits of a keyed hash of (site, truncated address, user agent, language) under the salt of one day.
///
/// It links the events of one browser on one site on one day, and dies with that day's salt. It lives in the spool and
/// on the stream until the day is done, and never reaches ClickHouse.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VisitorTag(pub u64);

impl VisitorTag {
    /// Of events that nobody's browser is told apart by.
    pub const NONE: VisitorTag = VisitorTag(0);

    /// Which part of the stream its events are in: all of them in one.
    pub fn partition(self, partitions: u32) -> u32 {
        self.0 as u32 % partitions.max(1)
    }
}

impl fmt::Debug for VisitorTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorTag(..)")
    }
}

/// A closed set with a number on the wire and a name in tables and answers.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant = $code,)* }

        impl $name {
            /// All of them, in the order of their codes.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// Its number on the wire; never reused.
            pub fn code(self) -> u32 {
                self as u32
            }

            /// From its number on the wire.
            pub fn from_code(code: u32) -> Option<$name> {
                match code { $($code => Some($name::$variant),)* _ => None }
            }

            /// Its name in tables, metrics and answers.
            pub fn label(self) -> &'static str {
                match self { $($name::$variant => $label,)* }
            }
        }
    };
}
pub(crate) use closed_set;

closed_set! {
    /// What someone did.
    Kind {
        /// A page was shown.
        Pageview = 1 "pageview",
        /// An event the site named.
        Custom = 2 "custom",
        /// A page could not be shown (404, 5xx) or broke.
        Error = 3 "error",
        /// Someone left for another site.
        Outbound = 4 "outbound",
        /// A file was asked for.
        Download = 5 "download",
        /// Someone searched the site.
        Search = 6 "search",
        /// A form was sent.
        Form = 7 "form",
        /// How fast a page was (a web vital).
        Vital = 8 "vital",
        /// Time spent on a page, and how far down someone came.
        Engagement = 9 "engagement",
        /// Consent to marketing measures was given.
        Consent = 10 "consent",
        /// A beacon in a mail or an advertisement was loaded. It has no tag.
        Open = 11 "open",
    }
}

closed_set! {
    /// Which fields of a hit may have been read at all.
    Lane {
        /// Nothing that names a campaign, a click id or a purchase.
        Audience = 1 "audience",
        /// Those too: consent was given, or the site declared a basis.
        Marketing = 2 "marketing",
    }
}

closed_set! {
    /// How a visit came, from its referrer host alone.
    Channel {
        /// No referrer, or the site's own.
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
        /// It could not be told.
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

/// What attributes say when they are not known.
pub const UNKNOWN: &str = "unknown";

/// One anonymous event: the only thing about a visitor that outlives the request.
///
/// There is no field for an address, a user agent or an id that lives longer than a day. That absence is the privacy
/// promise; a change here is a change of the promise.
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
    /// Which fields could be read.
    pub lane: Lane,
    /// Who, for one day.
    pub tag: VisitorTag,
    /// What.
    pub kind: Kind,
    /// Whether it shows that someone stayed: an interactive event starts a visit and is no bounce.
    pub interactive: bool,
    /// What it is called: a custom event, an error, a host left for, a file, words searched for; empty for page views.
    pub name: &'a str,
    /// Path of the page: no query, no fragment, nothing shaped like an identifier.
    pub page: &'a str,
    /// Where it came from, by the referrer's host: a known name ("Google"), a host, or "Direct".
    pub source: &'a str,
    /// The class of that source.
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
    /// What only some events say.
    pub extra: Extra<'a>,
}

impl Kind {
    /// Whether it tells of a step that someone took: it belongs to a visit, and starts one if it is interactive.
    pub fn is_step(self) -> bool {
        match self {
            Kind::Pageview | Kind::Custom | Kind::Outbound | Kind::Download | Kind::Search | Kind::Form => true,
            Kind::Error | Kind::Vital | Kind::Engagement | Kind::Consent | Kind::Open => false,
        }
    }

    /// Whether it is kept by its name, in the cube of events.
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
