//! What became of a hit, and what its sender is told. Each hit has exactly one fate.

use std::fmt;

use actix_web::http::StatusCode;
use schema::day::Day;
use schema::fate::{Fault, Refusal};

/// Why a hit is not stored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// The sender's side: answered like a counted one (unless it was no hit at all), and counted in the refusals.
    Refused(Refused),
    /// Our side: the sender may try again.
    Failed(Fault),
}

/// A refusal, as the `fates` records keep it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// The site's number; 0 where no site was known.
    pub site: u32,
    /// The site's local date; the date in UTC where no site was known.
    pub day: Day,
    /// Why.
    pub reason: Refusal,
    /// For robots: the crawler's name from the public list; else empty.
    pub crawler: &'static str,
}

impl fmt::Debug for Turned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Turned::Refused(refused) => write!(f, "Refused({})", refused.reason.label()),
            Turned::Failed(fault) => write!(f, "Failed({})", fault.label()),
        }
    }
}

impl From<Fault> for Turned {
    fn from(fault: Fault) -> Turned {
        Turned::Failed(fault)
    }
}

/// What the sender of a refused hit is told: the truth where it can mend it, else what a counted hit is told.
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
