//! Hits that a server sends for its visitors: each has a visitor, a time and a fate of its own.

use schema::fate::{Fault, Refusal};
use schema::sites::Site;

use super::{Head, Outcome, Pipeline, SiteDay, refused};
use crate::accept::ParseError;
use crate::accept::server::ServerHit;
use crate::append::Ticket;
use crate::enrich::agent::Hints;
use crate::fate::NotStored;

/// The fate of one such hit.
pub enum ServerHitFate {
    /// It is appended; the ticket resolves when it is on disk.
    Appended(Ticket),
    /// It does not count; with a sentence for its sender where the reason alone does not help.
    Refused(Refusal, Option<&'static str>),
    /// It could not be stored.
    Failed(Fault),
}

/// No tag can be made for the date of the hit.
const NO_SUCH_DAY: &str = "time: its day is over, or it is yet to come";

impl Pipeline {
    /// Collects one hit of this site.
    pub fn collect_server_hit(
        &mut self,
        hit: Result<ServerHit<'_>, ParseError>,
        site: &Site,
        now_s: i64,
    ) -> ServerHitFate {
        self.begin();
        let malformed = |refusal| refused(refusal, site.id, site.zone.at(now_s), None);
        let (collected, why) = match hit {
            Err(bad) => (Err(malformed(bad.refusal())), Some(bad.why())),
            Ok(hit) => match self.collector.salts.at(&site.zone, hit.time_s, now_s) {
                None => (Err(malformed(Refusal::Malformed)), Some(NO_SUCH_DAY)),
                Some((local, salt)) => {
                    let head = Head { visitor: hit.visitor(), hints: Hints::default(), wishes: hit.wishes };
                    let day = SiteDay::of_server_hit(local, salt);
                    (self.process(&hit.sent, site, &head, Some(&day), hit.time_s.min(now_s)), None)
                }
            },
        };
        match collected {
            Ok(ticket) => ServerHitFate::Appended(ticket),
            Err(not_stored) => {
                self.count(not_stored, &mut Outcome::default());
                match not_stored {
                    NotStored::Refused(refused) => ServerHitFate::Refused(refused.reason, why),
                    NotStored::Failed(fault) => ServerHitFate::Failed(fault),
                }
            }
        }
    }
}
