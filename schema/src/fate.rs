//! What became of a hit: stored, refused (the sender's side) or failed (ours). Each hit has exactly one.

use crate::day::Day;
use crate::event::closed_set;

closed_set! {
    /// Why a hit was answered and not counted. Expected, counted, never logged one by one.
    Refusal {
        /// Body, head or URL over its limit.
        TooLarge = 1 "too_large",
        /// Not a hit.
        Malformed = 2 "malformed",
        /// The body did not arrive in time.
        Slow = 3 "slow",
        /// No such site.
        UnknownSite = 4 "unknown_site",
        /// The page is on a host the site does not name.
        Hostname = 5 "hostname",
        /// The opt-out cookie.
        OptOut = 6 "opt_out",
        /// `Sec-GPC: 1`.
        Gpc = 7 "gpc",
        /// `DNT: 1`.
        Dnt = 8 "dnt",
        /// The browser fetched the page ahead of anyone looking.
        Prefetch = 9 "prefetch",
        /// A robot.
        Bot = 10 "bot",
        /// The referrer is known spam.
        ReferrerSpam = 11 "referrer_spam",
        /// Too many from one truncated prefix.
        RateLimit = 12 "rate_limit",
        /// The site's own people.
        OwnTraffic = 13 "own_traffic",
        /// A campaign without a basis.
        NoConsent = 14 "no_consent",
        /// A log line for an image, script, font or other file that is no page.
        Asset = 15 "asset",
        /// A log line whose method is not GET.
        Method = 16 "method",
        /// A log line whose status says that no page was shown.
        Status = 17 "status",
    }
}

/// Our side: someone should look, and the sender may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// The spool is at its bound.
    #[error("the spool is full")]
    SpoolFull,
    /// The spool cannot be written.
    #[error("the spool cannot be written")]
    SpoolBroken,
    /// There is no salt for the site's day.
    #[error("there is no salt for this day")]
    NoSalt,
}

impl Fault {
    /// All of them.
    pub const ALL: &'static [Fault] = &[Fault::SpoolFull, Fault::SpoolBroken, Fault::NoSalt];

    /// Its name in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Fault::SpoolFull => "spool_full",
            Fault::SpoolBroken => "spool_broken",
            Fault::NoSalt => "no_salt",
        }
    }
}

/// So many hits of one site and day were refused for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FateCount<'a> {
    /// The site's number; 0 where no site was known (dated in UTC then).
    pub site: u32,
    /// The site's local date.
    pub day: Day,
    /// Why.
    pub reason: Refusal,
    /// For robots: the crawler's name from the public list, never the user agent; else empty.
    pub crawler: &'a str,
    /// How many.
    pub hits: u64,
}
