//! Lines of a server's log: they pass the same stages as hits (admit for robots only, enrich, anonymise).
//!
//! In come the fields of a line; out goes its event, or the reason to refuse it. A line of a log contains no
//! objection and no host. The caller checks syntax, method, status and assets. Each local date has a salt that exists
//! in memory only.

use std::sync::Arc;

use schema::day::BUCKET_S;
use schema::event::{Event, Kind};
use schema::fate::{Fault, Refusal};
use schema::sites::Site;
use schema::zone::Local;

use crate::accept::PageUrl;
use crate::admit;
use crate::anonymise::anonymise;
use crate::client::Prefix;
use crate::enrich::agent::{Agents, Hints};
use crate::enrich::place::Places;
use crate::enrich::{EnrichBuffers, enrich};
use crate::fate::{Refused, Turned};
use crate::hit::{Hit, Visitor};
use crate::salt::{Salt, Salts};

/// The fields of a line. There is no `Debug`, because it would print personal data.
pub struct LogLine<'a> {
    /// The truncated address: [`Prefix::of_text`].
    pub prefix: Prefix,
    /// The user agent; `-` or empty: none.
    pub agent: &'a [u8],
    /// The page before.
    pub referrer: &'a str,
    /// The request's target: a path with its query, or a URL.
    pub target: &'a str,
    /// UTC seconds.
    pub time_s: i64,
    /// Page view or error.
    pub kind: Kind,
    /// An error's name ("404"); empty for page views.
    pub name: &'a str,
}

/// Processes the lines of one site.
pub struct LogLines {
    site: Arc<Site>,
    salts: Salts,
    agents: Agents,
    places: Places,
    buffers: EnrichBuffers,
    scratch: Vec<u8>,
    /// The quarter hour of the last line, with its date and salt.
    last: Option<(i64, Local, Arc<Salt>)>,
}

impl LogLines {
    /// For one site. `places` gives the places of visitors.
    pub fn new(site: Arc<Site>, places: Places) -> LogLines {
        let (agents, buffers, scratch) = Default::default();
        LogLines { site, salts: Salts::in_memory(), agents, places, buffers, scratch, last: None }
    }

    /// The event of a line, or why there is none.
    pub fn walk(&mut self, line: LogLine<'_>) -> Result<Event<'_>, Turned> {
        let (local, salt) = today(&mut self.last, &self.salts, &self.site, line.time_s)?;
        let agent = self.agents.get(line.agent, Hints::default(), 0);
        admit::robot(&self.site, agent.crawler.is_some()).map_err(|reason| {
            let crawler = agent.crawler.unwrap_or_default();
            Turned::Refused(Refused { site: self.site.id, day: local.day, reason, crawler })
        })?;
        let hit = Hit {
            site: &self.site,
            kind: line.kind,
            name: line.name,
            interactive: true,
            automated: false,
            page: PageUrl::of_target(line.target),
            referrer: line.referrer,
            screen_px: None,
            properties: &[],
            engagement: None,
            amount: 0,
            once: "",
            marketing: None,
            visitor: Visitor { prefix: line.prefix, agent: line.agent, language: b"" },
        };
        let seen = enrich(&hit, agent, self.places.get(line.prefix, 0), &mut self.buffers);
        Ok(anonymise(hit, seen, local, salt, line.time_s, &mut self.scratch)?)
    }

    /// The refusal of a line that the caller rejects, dated in the site's zone.
    pub fn refused(&self, time_s: i64, reason: Refusal) -> Refused {
        Refused { site: self.site.id, day: self.site.zone.at(time_s).day, reason, crawler: "" }
    }
}

fn today<'l>(
    last: &'l mut Option<(i64, Local, Arc<Salt>)>,
    salts: &Salts,
    site: &Site,
    time_s: i64,
) -> Result<(Local, &'l Salt), Fault> {
    let bucket = time_s.div_euclid(i64::from(BUCKET_S));
    if last.as_ref().is_none_or(|(of, ..)| *of != bucket) {
        let local = site.zone.at(time_s);
        *last = Some((bucket, local, salts.of(&site.zone, local.day)?));
    }
    let (_, local, salt) = last.as_ref().expect("it was just set");
    Ok((*local, salt))
}

#[cfg(test)]
mod tests;
