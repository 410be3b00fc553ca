//! The numbered sites of `footfall.toml`.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use crate::goals::Goals;
use crate::zone::Zone;

/// The smallest crowd any site may ask for: under 3, a hidden cell means exactly one visitor.
pub const CROWD_MIN: u32 = 3;
/// The crowd a site gets unless it asks for another.
pub const CROWD_DEFAULT: u32 = 5;

/// When marketing measures (campaigns, purchases) may be read from a hit at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Marketing {
    /// Only with the visitor's consent.
    Consent,
    /// The site's owner declared another basis.
    Always,
    /// Never.
    Never,
}

/// What happens to a hit whose user agent is a known robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bots {
    /// Answered and not counted, but by the crawler's name in the refusals.
    Refuse,
    /// Counted like a person.
    Count,
}

/// By what right a beacon counts its loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The sender holds the consent of those it writes to.
    SenderConsent,
    /// The law exempts it from consent.
    Exempt,
}

/// Where a beacon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// In an e-mail.
    Email,
    /// In an advertisement.
    Ad,
}

impl Medium {
    /// Its name in tables and answers.
    pub fn label(self) -> &'static str {
        match self {
            Medium::Email => "email",
            Medium::Ad => "ad",
        }
    }
}

/// A campaign whose beacons may be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaign {
    /// Its name, in the beacon's URL and in statistics.
    pub name: String,
    /// Where its beacons are.
    pub medium: Medium,
    /// By what right.
    pub ground: Ground,
    /// Whether it is counted now: off is the way to stop beacons in mails that were sent long ago.
    pub on: bool,
}

/// One site. A value that exists is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Its number, from 1: the only thing about the site that events carry.
    pub id: u32,
    /// Its name on the wire (`d`) and in the API.
    pub domain: String,
    /// Further values of `d`.
    pub aliases: Vec<String>,
    /// Whose midnight ends its days.
    pub zone: Zone,
    /// Hosts a page may be on; empty: any.
    pub hostnames: Vec<String>,
    /// When marketing measures may be read.
    pub marketing: Marketing,
    /// k: a cell describes at least so many visitor tags, or is not shown.
    pub crowd: u32,
    /// What happens to robots.
    pub bots: Bots,
    /// Names of the properties of its own events that are kept.
    pub properties: Vec<String>,
    /// The currency of orders that name none, ISO 4217; empty: not known.
    pub currency: String,
    /// Campaigns whose beacons may be counted.
    pub campaigns: Vec<Campaign>,
    /// What its events can reach. No key of the configuration declares any yet.
    pub goals: Goals,
    /// Networks of the site's own people, none finer than a truncated address.
    pub own: Vec<IpNet>,
    /// What Umami's trackers call it: a UUID in lower case; empty: nothing.
    pub umami: String,
    /// What Matomo's trackers call it; 0: nothing.
    pub matomo: u32,
}

impl Site {
    /// The campaign of that name, if it is declared and counted now.
    pub fn campaign(&self, name: &str) -> Option<&Campaign> {
        self.campaigns.iter().find(|campaign| campaign.on && campaign.name == name)
    }

    /// One of which nothing is said but its number and name.
    pub fn new(id: u32, domain: &str) -> Site {
        Site {
            id,
            domain: domain.to_owned(),
            aliases: Vec::new(),
            zone: Zone::utc(),
            hostnames: Vec::new(),
            marketing: Marketing::Consent,
            crowd: CROWD_DEFAULT,
            bots: Bots::Refuse,
            properties: Vec::new(),
            currency: String::new(),
            campaigns: Vec::new(),
            goals: Goals::default(),
            own: Vec::new(),
            umami: String::new(),
            matomo: 0,
        }
    }

    /// All names it is sent under. Numbers of other counters are told apart by whose they are: `umami:UUID`, `matomo:3`.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let umami = (!self.umami.is_empty()).then(|| format!("umami:{}", self.umami));
        let matomo = (self.matomo != 0).then(|| format!("matomo:{}", self.matomo));
        let own = std::iter::once(&self.domain).chain(&self.aliases).map(|name| name.to_lowercase());
        own.chain(umami).chain(matomo)
    }
}

/// All sites, found by name or number.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    all: Vec<Arc<Site>>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<u32, usize>,
}

/// Two sites want the same number or name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SitesError {
    /// The number is used twice.
    #[error("site id {0} is used twice")]
    Id(u32),
    /// The domain or alias is used twice.
    #[error("site name `{0}` is used twice (domains and aliases share one space)")]
    Name(String),
}

impl Sites {
    /// Checks that numbers and names are unique.
    pub fn new(sites: Vec<Site>) -> Result<Sites, SitesError> {
        let mut out = Sites::default();
        for (n, site) in sites.into_iter().enumerate() {
            if out.by_id.insert(site.id, n).is_some() {
                return Err(SitesError::Id(site.id));
            }
            for name in site.names() {
                if out.by_name.insert(name.clone(), n).is_some() {
                    return Err(SitesError::Name(name));
                }
            }
            out.all.push(Arc::new(site));
        }
        Ok(out)
    }

    /// By one of its [names](Site::names), in lower case.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Site>> {
        self.by_name.get(name).map(|&n| &self.all[n])
    }

    /// By number.
    pub fn by_id(&self, id: u32) -> Option<&Arc<Site>> {
        self.by_id.get(&id).map(|&n| &self.all[n])
    }

    /// In the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.all.iter()
    }

    /// The zones of all sites, and UTC (refusals without a site are dated in UTC).
    pub fn zones(&self) -> Vec<Zone> {
        let mut zones = vec![Zone::utc()];
        for site in &self.all {
            if !zones.contains(&site.zone) {
                zones.push(site.zone.clone());
            }
        }
        zones
    }
}

/// The sites as they are now: those who ask see either the old ones or the new ones, whole.
#[derive(Debug)]
pub struct CurrentSites(ArcSwap<Sites>);

impl CurrentSites {
    /// To begin with.
    pub fn new(sites: Sites) -> CurrentSites {
        CurrentSites(ArcSwap::from_pointee(sites))
    }

    /// The sites now.
    pub fn get(&self) -> Arc<Sites> {
        self.0.load_full()
    }

    /// The sites now, for a moment: it costs no count that all threads would share. Not to be held over an `await`.
    pub fn look(&self) -> impl Deref<Target = Arc<Sites>> + use<> {
        self.0.load()
    }

    /// From now on these.
    pub fn replace(&self, sites: Sites) {
        self.0.store(Arc::new(sites));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(id: u32, domain: &str, alias: &str) -> Site {
        Site { aliases: vec![alias.into()], ..Site::new(id, domain) }
    }

    #[test]
    fn a_site_is_found_by_domain_alias_and_number() {
        let sites = Sites::new(vec![site(1, "a.org", "a"), site(7, "B.org", "b")]).unwrap();
        assert_eq!(sites.by_name("b.org").unwrap().id, 7);
        assert_eq!(sites.by_name("a").unwrap().id, 1);
        assert_eq!(sites.by_id(7).unwrap().domain, "B.org");
        assert!(sites.by_name("c").is_none() && sites.by_id(2).is_none());
    }

    #[test]
    fn what_other_counters_call_a_site_finds_it_too() {
        let named = Site { umami: "b59e9c65-ae32-47f1-8400-119fcf4861c4".into(), matomo: 3, ..Site::new(7, "a.org") };
        let sites = Sites::new(vec![named.clone(), Site::new(3, "b.org")]).unwrap();
        for name in ["umami:b59e9c65-ae32-47f1-8400-119fcf4861c4", "matomo:3", "a.org"] {
            assert_eq!(sites.by_name(name).map(|site| site.id), Some(7), "{name}");
        }
        assert!(["umami:", "matomo:0", "3"].iter().all(|name| sites.by_name(name).is_none()));
        let twice = Sites::new(vec![named, Site { matomo: 3, ..Site::new(8, "c.org") }]);
        assert_eq!(twice.unwrap_err(), SitesError::Name("matomo:3".into()));
    }

    #[test]
    fn numbers_and_names_are_used_once() {
        assert_eq!(Sites::new(vec![site(1, "a", "b"), site(1, "c", "d")]).unwrap_err(), SitesError::Id(1));
        assert_eq!(Sites::new(vec![site(1, "a", "b"), site(2, "c", "A")]).unwrap_err(), SitesError::Name("a".into()));
    }
}
