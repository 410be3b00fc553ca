//! The path of one hit through this process, as one screen of code: see `Walk::walk`.
//!
//! The spine decides; stages do not know each other. It is synchronous from the complete request to the append, so a
//! client that hangs up cannot stop a hit half way, and each hit is counted here once, unless the writer counts it.

pub mod told;

use std::sync::Arc;

use hashbrown::HashMap;
use schema::event::Kind;
use schema::fate::{Fault, Refusal};
use schema::sites::{CurrentSites, Site};
use schema::zone::{Local, Zone};

use crate::accept::{MarketingFields, ParseError, SITES_MAX, Sent};
use crate::admit::{self, Wishes};
use crate::anonymise::anonymise;
use crate::append::{Appender, Desk, Ticket};
use crate::client::Proxies;
use crate::enrich::agent::{Agents, Hints};
use crate::enrich::place::{Geo, Places};
use crate::enrich::{EnrichBuffers, enrich};
use crate::fate::{Refused, Turned};
use crate::hit::{Hit, Visitor};
use crate::lane::Basis;
use crate::metrics::{Laps, Meters, Stage};
use crate::rate::Rate;
use crate::salt::{Salt, Salts};
use crate::spam::CurrentSpam;

/// What all workers share.
pub struct Collector {
    /// The sites.
    pub sites: Arc<CurrentSites>,
    /// The proxies whose word about a client's address is taken.
    pub proxies: Proxies,
    /// Hosts that are never a page before.
    pub spam: Arc<CurrentSpam>,
    /// What one prefix may send.
    pub rate: Rate,
    /// Where addresses are, if the operator has a file of that.
    pub geo: Option<Arc<Geo>>,
    /// The salts.
    pub salts: Arc<Salts>,
    /// Keeps events on disk.
    pub appender: Appender,
    /// Counts.
    pub meters: Arc<Meters>,
    /// Hits that were read without actix.
    #[cfg(test)]
    pub(crate) plainly: std::sync::atomic::AtomicU64,
    /// None is to be.
    #[cfg(test)]
    pub(crate) only_actix: std::sync::atomic::AtomicBool,
}

impl Collector {
    /// Destroys salts that are over, and forgets who sent how much. To be called about once a minute for as long as the
    /// process lives.
    pub fn tick(&self, now_s: i64) {
        self.salts.tick(now_s);
        self.rate.forget(now_s);
        self.meters.salts(self.salts.alive());
    }

    /// Whether hits would be stored now.
    pub fn is_ready(&self, now_s: i64) -> bool {
        self.appender.is_sound() && self.sites.get().iter().all(|site| self.salts.is_ready(&site.zone, now_s))
    }
}

/// The head of a request, as far as a hit needs it.
pub struct Head<'a> {
    /// Who.
    pub visitor: Visitor<'a>,
    /// What their browser says beside its user agent.
    pub hints: Hints<'a>,
    /// What they ask for.
    pub wishes: Wishes,
}

/// What became of a request: its hits were stored unless one of these says otherwise.
#[derive(Default)]
pub struct Outcome {
    /// Resolves when the hits that were appended are on disk.
    pub ticket: Option<Ticket>,
    /// Why a hit of it was refused.
    pub refused: Option<Refusal>,
    /// Why a hit of it failed.
    pub failed: Option<Fault>,
}

/// One worker's way of walking hits.
pub struct Walk {
    collector: Arc<Collector>,
    desk: Desk,
    agents: Agents,
    places: Places,
    todays: Todays,
    words: EnrichBuffers,
    scratch: Vec<u8>,
    laps: Laps,
}

impl Walk {
    /// One hit, from what was sent to the disk's queue. Its date is today, or the one a server told of.
    fn walk(
        &mut self,
        sent: &Sent<'_>,
        site: &Site,
        head: &Head<'_>,
        told: Option<&Today>,
        time_s: i64,
    ) -> Result<Ticket, Turned> {
        let Walk { collector, desk, agents, places, todays, words, scratch, laps } = self;
        let Collector { meters, salts, spam, rate, .. } = &**collector;
        let today = told.unwrap_or_else(|| Today::of(todays, site, salts, time_s));
        let agent = agents.get(head.visitor.agent, head.hints, salts.era());
        let hit = hit(sent, site, head);
        let refused = |reason| refused(reason, site.id, today.local, agent.crawler);
        admit::admit(&hit, head.wishes, agent, (spam, told.is_none().then_some(rate)), time_s).map_err(refused)?; // the sender's side
        laps.passed(Stage::Admit, meters);
        let place = places.get(hit.visitor.prefix, salts.era());
        let seen = enrich(&hit, agent, place, words);
        laps.passed(Stage::Enrich, meters);
        let salt = today.salt.as_ref().map_err(|fault| *fault)?; // ours
        let event = anonymise(hit, seen, today.local, salt, time_s, scratch)?; // the visitor is gone
        laps.passed(Stage::Anonymise, meters);
        Ok(desk.append(&event)?)
    }

    /// All hits of a request: one per site it names.
    pub fn collect(&mut self, sent: Result<Sent<'_>, ParseError>, head: &Head<'_>, now_s: i64) -> Outcome {
        self.laps.passed(Stage::Accept, &self.collector.meters);
        let mut outcome = Outcome::default();
        let sent = match sent {
            Ok(sent) => sent,
            Err(bad) => {
                self.turned(siteless(bad.refusal(), now_s), &mut outcome);
                return outcome;
            }
        };
        let sites = self.collector.sites.look();
        let mut counted: [u32; SITES_MAX] = [0; SITES_MAX];
        for (n, name) in sent.domains.split(',').take(SITES_MAX).enumerate() {
            let site = admit::site(&sites, name).map_err(|reason| siteless(reason, now_s));
            let walked = match site {
                Ok(site) if counted[..n].contains(&site.id) => continue, // a site named twice is one hit
                Ok(site) => {
                    counted[n] = site.id;
                    self.walk(&sent, site, head, None, now_s)
                }
                Err(turned) => Err(turned),
            };
            match walked {
                Ok(ticket) => outcome.ticket = Some(ticket), // they share a batch, so the last speaks for all
                Err(turned) => self.turned(turned, &mut outcome),
            }
        }
        outcome
    }

    /// Counts a hit that is not stored.
    fn turned(&self, turned: Turned, outcome: &mut Outcome) {
        match turned {
            Turned::Refused(refused) => {
                self.collector.meters.refused(refused.reason);
                self.collector.appender.refuse(refused);
                outcome.refused.get_or_insert(refused.reason);
            }
            Turned::Failed(fault) => {
                self.collector.meters.appended(Err(fault), 1);
                outcome.failed = Some(fault);
            }
        }
    }

    /// A worker's.
    pub fn new(collector: Arc<Collector>) -> Walk {
        let desk = collector.appender.desk();
        let places = Places::new(collector.geo.clone());
        let (agents, todays, words, scratch, laps) = Default::default();
        Walk { collector, desk, agents, places, todays, words, scratch, laps }
    }

    /// A request arrived whole.
    pub fn begin(&mut self) {
        self.laps.begin();
    }

    /// A request did not arrive whole.
    pub fn refuse(&self, reason: Refusal, now_s: i64) {
        self.turned(siteless(reason, now_s), &mut Outcome::default());
    }
}

/// A request that is no hit, or none of a known site: dated in UTC.
pub(crate) fn siteless(reason: Refusal, now_s: i64) -> Turned {
    refused(reason, 0, Zone::utc().at(now_s), None)
}

/// A refusal. The crawler is named for robots only: objections carry nothing but the reason.
fn refused(reason: Refusal, site: u32, local: Local, crawler: Option<&'static str>) -> Turned {
    let crawler = if reason == Refusal::Bot { crawler.unwrap_or_default() } else { "" };
    Turned::Refused(Refused { site, day: local.day, reason, crawler })
}

/// What was sent, as a hit of one site. What is reserved is opened here, or never.
fn hit<'a>(sent: &'a Sent<'_>, site: &'a Site, head: &'a Head<'_>) -> Hit<'a> {
    let marketing = match sent.kind {
        Kind::Open => Basis::of_beacon(site, &sent.name).map(|(_, campaign)| MarketingFields::by_beacon(campaign)),
        _ => Basis::of(site, sent.consent).map(|basis| sent.reserved.open(basis, &site.currency)),
    };
    let Visitor { prefix, agent, language } = head.visitor;
    Hit {
        site,
        kind: sent.kind,
        name: &sent.name,
        interactive: sent.interactive,
        automated: sent.automated,
        page: sent.page.borrowed(),
        referrer: &sent.referrer,
        screen_px: sent.screen_px,
        properties: &sent.properties,
        engagement: sent.engagement,
        amount: sent.amount,
        once: &sent.once,
        marketing,
        visitor: Visitor { prefix, agent, language },
    }
}

/// A site's date and salt, looked up once per quarter hour: no zone's date or offset changes within one.
struct Today {
    bucket: i64,
    local: Local,
    salt: Result<Arc<Salt>, Fault>,
}

/// Those of all sites, by number.
type Todays = HashMap<u32, Today, foldhash::fast::FixedState>;

impl Today {
    fn of<'t>(todays: &'t mut Todays, site: &Site, salts: &Salts, now_s: i64) -> &'t Today {
        let bucket = now_s.div_euclid(i64::from(schema::day::BUCKET_S));
        let fresh = || {
            let (local, salt) = salts.today(&site.zone, now_s);
            Today { bucket, local, salt }
        };
        let today = todays.entry(site.id).or_insert_with(fresh);
        if today.bucket != bucket || !today.salt.as_ref().is_ok_and(|salt| salt.is_alive()) {
            *today = fresh();
        }
        today
    }
}
