//! The fate of a hit: stored, refused (for a reason on the client's side) or failed (a fault on our side). Each hit has
//! exactly one.

use crate::closed_set::closed_set;
use crate::day::Day;

closed_set! {
    /// Why a hit was answered and not counted. Refusals are expected: they are counted, and never logged one by one.
    Refusal {
        /// The body, the head or the URL is over its limit.
        TooLarge = 1 "too_large",
        /// The request is not a hit.
        Malformed = 2 "malformed",
        /// The body did not arrive in time.
        Slow = 3 "slow",
        /// There is no such site.
        UnknownSite = 4 "unknown_site",
        /// The page is on a host that the site does not declare.
        Hostname = 5 "hostname",
        /// The client sent the opt-out cookie.
        OptOut = 6 "opt_out",
        /// The client sent `Sec-GPC: 1`.
        Gpc = 7 "gpc",
        /// The client sent `DNT: 1`.
        Dnt = 8 "dnt",
        /// The browser fetched the page in advance; no person has seen it.
        Prefetch = 9 "prefetch",
        /// The client is a robot.
        Bot = 10 "bot",
        /// The referrer is on the list of spam.
        ReferrerSpam = 11 "referrer_spam",
        /// One truncated prefix sent too many hits.
        RateLimit = 12 "rate_limit",
        /// The hit is from the site's own people.
        OwnTraffic = 13 "own_traffic",
        /// The campaign has no legal basis.
        NoConsent = 14 "no_consent",
        /// The log line is for an image, script, font or other file that is no page.
        Asset = 15 "asset",
        /// The log line's method is not GET.
        Method = 16 "method",
        /// By the log line's status no page was shown.
        Status = 17 "status",
    }
}

closed_set! {
    /// Why our side failed to store a hit. The operator should look, and the client may send the hit again.
    #[derive(thiserror::Error)]
    Fault {
        /// The spool is at its bound.
        #[error("the spool is full")]
        SpoolFull "spool_full",
        /// The spool cannot be written.
        #[error("the spool cannot be written")]
        SpoolBroken "spool_broken",
        /// There is no salt for the site's day.
        #[error("there is no salt for this day")]
        NoSalt "no_salt",
    }
}

/// How many hits of one site and day were refused for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FateCount<'a> {
    /// The site's number; 0 if no site is known, and then the date is UTC's.
    pub site: u32,
    /// The site's local date.
    pub day: Day,
    /// The reason.
    pub reason: Refusal,
    /// For robots the crawler's name from the public list, never the user agent; otherwise empty.
    pub crawler: &'a str,
    /// The number of hits.
    pub hits: u64,
}
