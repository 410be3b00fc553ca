//! The fate of a hit, and the HTTP status that its sender gets. Each hit has exactly one fate: stored, refused or
//! failed.

use std::fmt;

use actix_web::http::StatusCode;
use schema::day::Day;
use schema::fate::{Fault, Refusal};

/// Why a hit is not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NotStored {
    /// Caused by the sender. It is answered like a stored hit (unless it is not a hit at all), and counted as a
    /// refusal.
    Refused(Refused),
    /// Caused by us; the sender may try again.
    Failed(Fault),
}

/// A refusal, as the `fates` records store it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The site's number; 0 where no site was known.
    pub site: u32,
    /// The site's local date; the date in UTC where no site was known.
    pub day: Day,
    /// The reason.
    pub reason: Refusal,
    /// For robots: the crawler's name from the public list; else empty.
    pub crawler: &'static str,
}

impl fmt::Debug for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotStored::Refused(refused) => write!(f, "Refused({})", refused.reason.label()),
            NotStored::Failed(fault) => write!(f, "Failed({})", fault.label()),
        }
    }
}

impl From<Fault> for NotStored {
    fn from(fault: Fault) -> NotStored {
        NotStored::Failed(fault)
    }
}

/// The status of a refused hit: an error if the sender can correct the hit, else the status of a stored hit.
pub fn status(reason: Refusal) -> StatusCode {
    match reason {
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Malformed => StatusCode::BAD_REQUEST,
        Refusal::Slow => StatusCode::REQUEST_TIMEOUT,
        Refusal::UnknownSite
        | Refusal::Hostname
        | Refusal::OptOut
        | Refusal::Gpc
        | Refusal::Dnt
        | Refusal::Prefetch
        | Refusal::Bot
        | Refusal::ReferrerSpam
        | Refusal::RateLimit
        | Refusal::OwnTraffic
        | Refusal::NoConsent
        | Refusal::Asset
        | Refusal::Method
        | Refusal::Status => StatusCode::ACCEPTED,
    }
}
