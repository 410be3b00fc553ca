//! The path of one hit through the collector, on one screen: `Pipeline::process`.
//!
//! In come parsed requests with their heads; out go events to the writer of `append`, and refusals. This module calls
//! the stages in order and decides; the stages do not know each other. Nothing awaits from the complete request to the
//! append, so a client that hangs up cannot stop a hit half way. Each hit is counted once: here if it is not appended,
//! in the writer if it is.

pub mod server_hit;
mod site_day;

use std::sync::Arc;

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
use crate::fate::{NotStored, Refused};
use crate::hit::{Hit, Visitor};
use crate::lane::Basis;
use crate::metrics::{Meters, Stage, StageTimer};
use crate::rate::Rate;
use crate::salt::Salts;
use crate::spam::CurrentSpam;
use site_day::{SiteDay, SiteDays};

/// What the pipelines of all worker threads share.
pub struct Collector {
    /// The configured sites.
    pub sites: Arc<CurrentSites>,
    /// The proxies that are trusted to name the client's address.
    pub proxies: Proxies,
    /// Hosts of referrer spam.
    pub spam: Arc<CurrentSpam>,
    /// The limit of what one prefix may send.
    pub rate: Rate,
    /// The places of addresses, if the operator has a geo file.
    pub geo: Option<Arc<Geo>>,
    /// The salts of the days that are under way.
    pub salts: Arc<Salts>,
    /// Writes events to the spool.
    pub appender: Appender,
    /// The metrics.
    pub meters: Arc<Meters>,
    /// How many hits were read without actix.
    #[cfg(test)]
    pub(crate) plain_hits: std::sync::atomic::AtomicU64,
    /// Whether actix is to read all hits.
    #[cfg(test)]
    pub(crate) only_actix: std::sync::atomic::AtomicBool,
}

impl Collector {
    /// Destroys the salts of days that are over, and forgets how much each prefix sent. To be called about once a
    /// minute for as long as the process runs.
    pub fn tick(&self, now_s: i64) {
        self.salts.tick(now_s);
        self.rate.forget(now_s);
        self.meters.salts(self.salts.alive());
    }

    /// Whether a hit that arrived now would be stored.
    pub fn is_ready(&self, now_s: i64) -> bool {
        self.appender.is_sound() && self.sites.get().iter().all(|site| self.salts.is_ready(&site.zone, now_s))
    }
}

/// What a hit needs of the head of its request.
pub struct Head<'a> {
    /// The visitor.
    pub visitor: Visitor<'a>,
    /// The client hints that the browser sends beside its user agent.
    pub hints: Hints<'a>,
    /// Objections, and what else the headers ask for.
    pub wishes: Wishes,
}

/// The fates of the hits of a request: all are stored, unless `refused` or `failed` is set.
#[derive(Default)]
pub struct Outcome {
    /// Resolves when the hits that were appended are on disk.
    pub ticket: Option<Ticket>,
    /// Why the first refused hit was refused.
    pub refused: Option<Refusal>,
    /// Why the last failed hit failed.
    pub failed: Option<Fault>,
}

/// The stages of one worker thread, with their caches and buffers.
pub struct Pipeline {
    collector: Arc<Collector>,
    desk: Desk,
    agents: Agents,
    places: Places,
    days: SiteDays,
    words: EnrichBuffers,
    scratch: Vec<u8>,
    timer: StageTimer,
}

impl Pipeline {
    /// One hit of one site, from what was sent to the writer's queue. A hit of a server brings its own day.
    fn process(
        &mut self,
        sent: &Sent<'_>,
        site: &Site,
        head: &Head<'_>,
        server_day: Option<&SiteDay>,
        time_s: i64,
    ) -> Result<Ticket, NotStored> {
        let Pipeline { collector, desk, agents, places, days, words, scratch, timer } = self;
        let Collector { meters, salts, spam, rate, .. } = &**collector;
        let day = server_day.unwrap_or_else(|| SiteDay::today(days, site, salts, time_s));
        let agent = agents.get(head.visitor.agent, head.hints, salts.era());
        let hit = hit(sent, site, head);
        let refused = |reason| refused(reason, site.id, day.local, agent.crawler);
        let rate = server_day.is_none().then_some(rate); // a server was let in by its token
        admit::admit(&hit, head.wishes, agent, (spam, rate), time_s).map_err(refused)?;
        timer.finish(Stage::Admit, meters);
        let place = places.get(hit.visitor.prefix, salts.era());
        let seen = enrich(&hit, agent, place, words);
        timer.finish(Stage::Enrich, meters);
        let salt = day.salt.as_ref().map_err(|fault| *fault)?;
        let event = anonymise(hit, seen, day.local, salt, time_s, scratch)?; // takes the hit, and with it the visitor
        timer.finish(Stage::Anonymise, meters);
        Ok(desk.append(&event)?)
    }

    /// Collects what one request sent: one hit for each site that it names.
    pub fn collect(&mut self, sent: Result<Sent<'_>, ParseError>, head: &Head<'_>, now_s: i64) -> Outcome {
        self.timer.finish(Stage::Accept, &self.collector.meters);
        let mut outcome = Outcome::default();
        let sent = match sent {
            Ok(sent) => sent,
            Err(bad) => {
                self.count(without_site(bad.refusal(), now_s), &mut outcome);
                return outcome;
            }
        };
        let sites = self.collector.sites.look();
        let mut counted: [u32; SITES_MAX] = [0; SITES_MAX];
        for (n, name) in sent.domains.split(',').take(SITES_MAX).enumerate() {
            let site = admit::site(&sites, name).map_err(|reason| without_site(reason, now_s));
            let processed = match site {
                Ok(site) if counted[..n].contains(&site.id) => continue, // a site named twice is one hit
                Ok(site) => {
                    counted[n] = site.id;
                    self.process(&sent, site, head, None, now_s)
                }
                Err(not_stored) => Err(not_stored),
            };
            match processed {
                Ok(ticket) => outcome.ticket = Some(ticket), // they share a commit, so the last ticket stands for all
                Err(not_stored) => self.count(not_stored, &mut outcome),
            }
        }
        outcome
    }

    /// Counts a hit that is not stored.
    fn count(&self, not_stored: NotStored, outcome: &mut Outcome) {
        match not_stored {
            NotStored::Refused(refused) => {
                self.collector.meters.refused(refused.reason);
                self.collector.appender.refuse(refused);
                outcome.refused.get_or_insert(refused.reason);
            }
            NotStored::Failed(fault) => {
                self.collector.meters.appended(Err(fault), 1);
                outcome.failed = Some(fault);
            }
        }
    }

    /// To be called in the worker's thread.
    pub fn new(collector: Arc<Collector>) -> Pipeline {
        let desk = collector.appender.desk();
        let places = Places::new(collector.geo.clone());
        let (agents, days, words, scratch, timer) = Default::default();
        Pipeline { collector, desk, agents, places, days, words, scratch, timer }
    }

    /// A request has arrived whole: starts the timing of its stages. To be called before it is parsed.
    pub fn begin(&mut self) {
        self.timer.start();
    }

    /// Counts a request that is refused before it is parsed.
    pub fn refuse(&self, reason: Refusal, now_s: i64) {
        self.count(without_site(reason, now_s), &mut Outcome::default());
    }
}

/// The refusal of a request that is not a hit of a known site: its date is the one in UTC.
fn without_site(reason: Refusal, now_s: i64) -> NotStored {
    refused(reason, 0, Zone::utc().at(now_s), None)
}

/// A refusal. It names the crawler only if the reason is that the visitor is a robot: of an objection, nothing but the
/// reason is stored.
fn refused(reason: Refusal, site: u32, local: Local, crawler: Option<&'static str>) -> NotStored {
    let crawler = if reason == Refusal::Bot { crawler.unwrap_or_default() } else { "" };
    NotStored::Refused(Refused { site, day: local.day, reason, crawler })
}

/// What was sent, as a hit of one site. Only here the part that is reserved to the marketing lane is opened, if there
/// is a basis.
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
