//! From what a browser says to what a table may hold: names from closed sets, a clean path, no identifier.
//!
//! ```text
//! place      truncated address -> country, region          (by the operator's file)
//! agent      user agent -> browser, system, device class, crawler   (cached by a hash)
//! referrer   host of the page before -> source and channel
//! path       page -> path without what identifies
//! mask       e-mail addresses, tokens, cards and phone numbers in any text
//! goals      which of the site's goals and funnel steps the event reaches
//! said       what an event says of itself: name, properties, campaign, order
//! language, screen
//! ```

pub mod agent;
pub mod place;
pub mod referrer;
pub mod path;
pub mod mask;
pub mod said;
mod goals;
mod language;
mod screen;
mod lists {
    include!(concat!(env!("OUT_DIR"), "/lists.rs"));
}

use schema::event::{Channel, Device, Kind, UNKNOWN};
use schema::extra::{Campaign, Extra, ExtraBuf};

use crate::hit::Hit;
use agent::Agent;
use place::Place;

/// What may be said about a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen<'a> {
    /// What it is called, clean.
    pub name: &'a str,
    /// Path of the page, clean.
    pub page: &'a str,
    /// Where the visit came from.
    pub source: &'a str,
    /// The class of that.
    pub channel: Channel,
    /// Country.
    pub country: &'a str,
    /// Region of that country.
    pub region: &'a str,
    /// Class of device.
    pub device: Device,
    /// Browser and major version.
    pub browser: &'a str,
    /// Operating system.
    pub os: &'static str,
    /// Primary language.
    pub language: &'a str,
    /// Class of the screen's width.
    pub screen: &'static str,
    /// What only some events say.
    pub extra: Extra<'a>,
}

/// Buffers that the words of one event live in, used again for the next.
#[derive(Default)]
pub struct Words {
    name: String,
    page: String,
    source: String,
    language: language::Subtag,
    decoded: String,
    extra: ExtraBuf,
}

/// Says what may be said.
pub fn enrich<'a>(hit: &Hit<'_>, agent: &'a Agent, place: &'a Place, words: &'a mut Words) -> Seen<'a> {
    let Words { name, page, source, language, decoded, extra } = words;
    if hit.kind == Kind::Open {
        return beacon(hit, agent, extra);
    }
    path::clean(hit.page.path(), hit.page.fragment(), decoded, page);
    said::name(hit.kind, hit.name, decoded, name);
    said::extra(hit, decoded, extra);
    goals::append_reached(&hit.site.goals, goals::RuleInput { kind: hit.kind, name, page }, extra);
    let channel = referrer::source(hit.referrer, hit.site, hit.page.host(), source);
    language.read(hit.visitor.language);
    Seen {
        name,
        page,
        source,
        channel,
        country: &place.country,
        region: &place.region,
        device: agent.device,
        browser: &agent.browser,
        os: agent.os,
        language: language.as_str(),
        screen: screen::class(hit.screen_px),
        extra: extra.extra(),
    }
}

/// A beacon's load says which campaign, and through which mail service; of whoever loads it nothing is said.
fn beacon<'a>(hit: &Hit<'_>, agent: &Agent, extra: &'a mut ExtraBuf) -> Seen<'a> {
    extra.clear();
    if let Some(opened) = &hit.marketing {
        let (medium, name) = (&*opened.campaign.medium, &*opened.campaign.name);
        extra.campaign(&Campaign { source: agent.mail_proxy.unwrap_or_default(), medium, name, ..Campaign::default() });
    }
    Seen {
        name: "",
        page: "",
        source: referrer::DIRECT,
        channel: Channel::Direct,
        country: UNKNOWN,
        region: UNKNOWN,
        device: Device::Unknown,
        browser: UNKNOWN,
        os: UNKNOWN,
        language: UNKNOWN,
        screen: UNKNOWN,
        extra: extra.extra(),
    }
}
