//! The numbered sites of `footfall.toml`.

use std::collections::HashMap;
use std::sync::Arc;

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
}

impl Site {
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
        }
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
            for name in std::iter::once(&site.domain).chain(&site.aliases) {
                if out.by_name.insert(name.to_lowercase(), n).is_some() {
                    return Err(SitesError::Name(name.clone()));
                }
            }
            out.all.push(Arc::new(site));
        }
        Ok(out)
    }

    /// By domain or alias, in lower case.
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
    fn numbers_and_names_are_used_once() {
        assert_eq!(Sites::new(vec![site(1, "a", "b"), site(1, "c", "d")]).unwrap_err(), SitesError::Id(1));
        assert_eq!(Sites::new(vec![site(1, "a", "b"), site(2, "c", "A")]).unwrap_err(), SitesError::Name("A".into()));
    }
}
