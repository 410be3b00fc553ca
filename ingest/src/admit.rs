//! Which hits are counted. In come a hit and the objections of its request; out goes nothing, or the reason to refuse.
//!
//! The order of the rules matters: an objection is checked before any rule that reads the user agent, so that nothing
//! about a visitor who objects is counted but the objection.

use std::sync::Arc;

use schema::event::Kind;
use schema::fate::Refusal;
use schema::sites::{Bots, Site, Sites};

use crate::accept::PageUrl;
use crate::enrich::agent::Agent;
use crate::hit::Hit;
use crate::rate::Rate;
use crate::spam::CurrentSpam;

/// The cookie of visitors who object.
pub const OPT_OUT_COOKIE: &str = "footfall_optout=1";
/// The cookie of the site's own staff.
pub const OWN_COOKIE: &str = "footfall_own=1";

/// What the headers of a request ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wishes {
    /// The opt-out cookie is there.
    pub opt_out: bool,
    /// `Sec-GPC: 1`.
    pub gpc: bool,
    /// `DNT: 1`.
    pub dnt: bool,
    /// The browser loads the page before the visitor opens it.
    pub prefetch: bool,
    /// The cookie of the site's own staff is there.
    pub own: bool,
}

/// The site of this name, in lower or upper case, with or without `www.`.
pub fn site<'s>(sites: &'s Sites, name: &str) -> Result<&'s Arc<Site>, Refusal> {
    let name = name.trim();
    let found = match name.bytes().any(|b| b.is_ascii_uppercase()) || !name.is_ascii() {
        true => sites.by_name(&name.to_lowercase()),
        false => sites.by_name(name),
    };
    found.or_else(|| sites.by_name(name.strip_prefix("www.")?)).ok_or(Refusal::UnknownSite)
}

/// All rules for a hit of a known site, in order. There is no `rate` for servers, which have a token.
pub fn admit(
    hit: &Hit<'_>,
    wishes: Wishes,
    agent: &Agent,
    (spam, rate): (&CurrentSpam, Option<&Rate>),
    now_s: i64,
) -> Result<(), Refusal> {
    if hit.kind == Kind::Open {
        beacon(hit, wishes, agent)?;
        if agent.mail_proxy.is_some() {
            return Ok(()); // The proxy loads beacons for millions of readers, so its network is not theirs.
        }
    } else {
        page(hit, wishes, agent)?;
        spam.admit(hit.referrer)?;
    }
    if let Some(rate) = rate {
        rate.admit(&hit.visitor.prefix, hit.site.id, now_s)?;
    }
    own(hit, wishes)
}

/// The rules for a hit of a page.
fn page(hit: &Hit<'_>, wishes: Wishes, agent: &Agent) -> Result<(), Refusal> {
    hostname(hit.site, &hit.page)?;
    objection(wishes)?;
    prefetch(wishes)?;
    robot(hit.site, agent.crawler.is_some() || hit.automated)
}

/// The rules for a beacon. It is on no page, its campaign must be declared, and a proxy of a mail service may load it.
fn beacon(hit: &Hit<'_>, wishes: Wishes, agent: &Agent) -> Result<(), Refusal> {
    objection(wishes)?;
    if hit.marketing.is_none() {
        return Err(Refusal::NoConsent);
    }
    prefetch(wishes)?;
    if agent.mail_proxy.is_some() { Ok(()) } else { robot(hit.site, agent.crawler.is_some()) }
}

/// The page must be on a host of the site; a site without a list of hosts may be on any.
fn hostname(site: &Site, page: &PageUrl<'_>) -> Result<(), Refusal> {
    let host = page.host();
    let own = |name: &String| crate::accept::bare_host(name).eq_ignore_ascii_case(host);
    if site.hostnames.is_empty() || site.hostnames.iter().any(own) { Ok(()) } else { Err(Refusal::Hostname) }
}

/// The visitor must not object.
fn objection(wishes: Wishes) -> Result<(), Refusal> {
    match wishes {
        Wishes { opt_out: true, .. } => Err(Refusal::OptOut),
        Wishes { gpc: true, .. } => Err(Refusal::Gpc),
        Wishes { dnt: true, .. } => Err(Refusal::Dnt),
        Wishes { opt_out: false, gpc: false, dnt: false, prefetch: _, own: _ } => Ok(()),
    }
}

/// The visitor must have opened the page.
fn prefetch(wishes: Wishes) -> Result<(), Refusal> {
    if wishes.prefetch { Err(Refusal::Prefetch) } else { Ok(()) }
}

/// The visitor must not be of the site's own staff.
fn own(hit: &Hit<'_>, wishes: Wishes) -> Result<(), Refusal> {
    let is_own = wishes.own || hit.site.own.iter().any(|network| hit.visitor.prefix.is_in(network));
    if is_own { Err(Refusal::OwnTraffic) } else { Ok(()) }
}

/// The visitor must be a person, unless the site counts robots too. This is the only rule for lines of a log.
pub fn robot(site: &Site, is_robot: bool) -> Result<(), Refusal> {
    match (is_robot, site.bots) {
        (true, Bots::Refuse) => Err(Refusal::Bot),
        (true, Bots::Count) | (false, Bots::Refuse | Bots::Count) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site_on(hostnames: &[&str]) -> Site {
        Site {
            aliases: vec!["Old.example".into()],
            hostnames: hostnames.iter().map(|&name| name.to_owned()).collect(),
            ..Site::new(1, "example.org")
        }
    }

    #[test]
    fn a_site_is_found_by_domain_and_alias_in_any_case_and_with_www() {
        let sites = Sites::new(vec![site_on(&[])]).unwrap();
        for name in ["example.org", "EXAMPLE.org", " old.example ", "www.example.org"] {
            assert_eq!(site(&sites, name).unwrap().id, 1, "{name}");
        }
        assert_eq!(site(&sites, "example.com").unwrap_err(), Refusal::UnknownSite);
    }

    #[test]
    fn a_page_must_be_on_a_host_that_the_site_names() {
        let on = |host: &str| PageUrl::of_path(host.to_owned().into(), "/".into());
        let site = site_on(&["example.org", "www.shop.example.org"]);
        for host in ["example.org", "WWW.Example.org:8080", "shop.example.org"] {
            assert_eq!(hostname(&site, &on(host)), Ok(()), "{host}");
        }
        for host in ["example.com", "evil-example.org", "a.example.org", ""] {
            assert_eq!(hostname(&site, &on(host)), Err(Refusal::Hostname), "{host}");
        }
        assert_eq!(hostname(&site_on(&[]), &on("anything")), Ok(()));
    }

    #[test]
    fn an_objection_is_checked_before_a_prefetch() {
        let all = Wishes { opt_out: true, gpc: true, dnt: true, prefetch: true, own: true };
        assert_eq!(objection(all), Err(Refusal::OptOut));
        assert_eq!(objection(Wishes { opt_out: false, ..all }), Err(Refusal::Gpc));
        assert_eq!(objection(Wishes { opt_out: false, gpc: false, ..all }), Err(Refusal::Dnt));
        assert_eq!(objection(Wishes { prefetch: true, ..Wishes::default() }), Ok(()));
        assert_eq!(prefetch(all), Err(Refusal::Prefetch));
        assert_eq!(prefetch(Wishes::default()), Ok(()));
    }
}
