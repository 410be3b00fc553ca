//! The numbered sites of `footfall.toml`.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use crate::closed_set::closed_set;
use crate::goals::Goals;
use crate::zone::Zone;

/// The smallest k that a site may configure: with a smaller one, a hidden cell means exactly one visitor.
pub const CROWD_MIN: u32 = 3;
/// The k of a site that configures none.
pub const CROWD_DEFAULT: u32 = 5;

/// When marketing measures (campaigns, purchases) may be read from a hit.
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

/// What happens to a hit whose user agent is a robot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bots {
    /// The hit is refused, and the refusal is counted under the crawler's name.
    Refuse,
    /// The hit is counted like a person's.
    Count,
}

/// The legal ground on which the loads of a beacon are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The sender has the consent of the recipients.
    SenderConsent,
    /// The law exempts the beacon from consent.
    Exempt,
}

closed_set! {
    /// Where a beacon is embedded.
    Medium {
        /// In an e-mail.
        Email "email",
        /// In an advertisement.
        Ad "ad",
    }
}

/// A campaign whose beacons may be counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeaconCampaign {
    /// The campaign's name, in the beacon's URL and in statistics.
    pub name: String,
    /// Where the beacons are embedded.
    pub medium: Medium,
    /// The legal ground.
    pub ground: Ground,
    /// Whether loads are counted now. Switching a campaign off is the only way to stop counting beacons in mails that
    /// were sent long ago.
    pub on: bool,
}

/// One site. A value that exists is valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The site's number, from 1. Events name the site by nothing else.
    pub id: u32,
    /// The site's name in hits (`d`) and in the API.
    pub domain: String,
    /// Further values of `d`.
    pub aliases: Vec<String>,
    /// The time zone whose midnight ends the site's days.
    pub zone: Zone,
    /// The hosts on which pages may be; empty: any.
    pub hostnames: Vec<String>,
    /// When marketing measures may be read.
    pub marketing: Marketing,
    /// k: the least number of visitor tags behind a published number.
    pub crowd: u32,
    /// What happens to robots.
    pub bots: Bots,
    /// Names of the properties of custom events that are counted.
    pub properties: Vec<String>,
    /// The currency of orders that name none, ISO 4217; empty: not known.
    pub currency: String,
    /// Campaigns whose beacons may be counted.
    pub campaigns: Vec<BeaconCampaign>,
    /// The goals and funnels that events can reach. No key of the configuration declares any yet.
    pub goals: Goals,
    /// Networks of the site's own people, none finer than a truncated address.
    pub own: Vec<IpNet>,
    /// The site's UUID in Umami's trackers, in lower case; empty: none.
    pub umami: String,
    /// The site's number in Matomo's trackers; 0: none.
    pub matomo: u32,
}

impl Site {
    /// The campaign of that name, if it is declared and switched on.
    pub fn campaign(&self, name: &str) -> Option<&BeaconCampaign> {
        self.campaigns.iter().find(|campaign| campaign.on && campaign.name == name)
    }

    /// A site with this number and name, and the default for everything else.
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

    /// All names by which hits name the site. Identifiers of other trackers have a prefix: `umami:UUID`, `matomo:3`.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let umami = (!self.umami.is_empty()).then(|| format!("umami:{}", self.umami));
        let matomo = (self.matomo != 0).then(|| format!("matomo:{}", self.matomo));
        let own = std::iter::once(&self.domain).chain(&self.aliases).map(|name| name.to_lowercase());
        own.chain(umami).chain(matomo)
    }
}

/// All sites, indexed by name and by number.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    all: Vec<Arc<Site>>,
    by_name: HashMap<String, usize>,
    by_id: HashMap<u32, usize>,
}

/// Two sites have the same number or name.
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

    /// Finds a site by one of its [names](Site::names), in lower case.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Site>> {
        self.by_name.get(name).map(|&n| &self.all[n])
    }

    /// Finds a site by its number.
    pub fn by_id(&self, id: u32) -> Option<&Arc<Site>> {
        self.by_id.get(&id).map(|&n| &self.all[n])
    }

    /// All sites, in the order of the configuration file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.all.iter()
    }

    /// The zones of all sites, and UTC, because refusals without a site are dated in UTC.
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

/// The sites of the current configuration. A reader gets either all of the old ones or all of the new ones.
#[derive(Debug)]
pub struct CurrentSites(ArcSwap<Sites>);

impl CurrentSites {
    /// Begins with these sites.
    pub fn new(sites: Sites) -> CurrentSites {
        CurrentSites(ArcSwap::from_pointee(sites))
    }

    /// The current sites.
    pub fn get(&self) -> Arc<Sites> {
        self.0.load_full()
    }

    /// The current sites, for a short time. This increments no counter that all threads share. The guard must not be
    /// held over an `await`.
    pub fn look(&self) -> impl Deref<Target = Arc<Sites>> + use<> {
        self.0.load()
    }

    /// Replaces the sites.
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
    fn a_site_is_found_by_its_identifiers_in_other_trackers() {
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
