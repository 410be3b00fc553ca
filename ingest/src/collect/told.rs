//! Hits that a server tells of: each has its own visitor and its own time, and each has its fate told.

use schema::fate::{Fault, Refusal};
use schema::sites::Site;

use super::{Head, Today, Walk, refused};
use crate::accept::ParseError;
use crate::accept::server::ServerHit;
use crate::append::Ticket;
use crate::enrich::agent::Hints;
use crate::fate::Turned;

/// What became of one.
pub enum Fate {
    /// It is on its way to the disk.
    Appended(Ticket),
    /// It does not count, and what its sender may be told beyond the reason.
    Refused(Refusal, Option<&'static str>),
    /// It could not be kept.
    Failed(Fault),
}

/// The time of a hit is in no date that tags can be made for.
const OVER: &str = "time: its day is over, or it is yet to come";

impl Walk {
    /// One hit of this site, or why it is none.
    pub fn told(&mut self, told: Result<ServerHit<'_>, ParseError>, site: &Site, now_s: i64) -> Fate {
        let malformed = |refusal| refused(refusal, site.id, site.zone.at(now_s), None);
        let (walked, why) = match told {
            Err(bad) => (Err(malformed(bad.refusal())), Some(bad.why())),
            Ok(told) => match self.collector.salts.at(&site.zone, told.time_s, now_s) {
                None => (Err(malformed(Refusal::Malformed)), Some(OVER)),
                Some((local, salt)) => {
                    let head = Head { visitor: told.visitor(), hints: Hints::default(), wishes: told.wishes };
                    let day = Today { bucket: 0, local, salt };
                    (self.walk(&told.sent, site, &head, Some(&day), told.time_s.min(now_s)), None)
                }
            },
        };
        match walked {
            Ok(ticket) => Fate::Appended(ticket),
            Err(turned) => {
                self.turned(turned, &mut super::Outcome::default());
                match turned {
                    Turned::Refused(refused) => Fate::Refused(refused.reason, why),
                    Turned::Failed(fault) => Fate::Failed(fault),
                }
            }
        }
    }
}
