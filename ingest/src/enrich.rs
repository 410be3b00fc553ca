//! From a hit's raw fields to values that a table may hold: names from closed sets, a clean path, no identifier.
//!
//! ```text
//! place      truncated address -> country, region                    (by the operator's file)
//! agent      user agent -> browser, system, device class, crawler    (cached by a hash)
//! referrer   host of the page before -> source and channel
//! path       page -> path without identifiers
//! mask       masks e-mail addresses, tokens, cards and phone numbers in any text
//! details    the event's name, properties, campaign, order, engagement
//! goals      which of the site's goals and funnel steps the event reaches
//! language, screen
//! ```
//!
//! In comes a `Hit`; out go [`CleanFields`]. This module makes no tag and does not know the salt.

pub mod agent;
pub mod place;
pub mod referrer;
pub mod path;
pub mod mask;
pub mod details;
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
use place::GeoPlace;

/// The fields of a hit that an event may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanFields<'a> {
    /// The event's name, clean.
    pub name: &'a str,
    /// Path of the page, clean.
    pub page: &'a str,
    /// The visit's source.
    pub source: &'a str,
    /// The class of the source.
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
    /// What only some events carry.
    pub extra: Extra<'a>,
}

/// Buffers for the texts of one event. They are used again for the next event.
#[derive(Default)]
pub struct EnrichBuffers {
    name: String,
    page: String,
    source: String,
    language: language::Subtag,
    decoded: String,
    extra: ExtraBuf,
}

/// Derives the clean fields of a hit.
pub fn enrich<'a>(
    hit: &Hit<'_>,
    agent: &'a Agent,
    place: &'a GeoPlace,
    buffers: &'a mut EnrichBuffers,
) -> CleanFields<'a> {
    let EnrichBuffers { name, page, source, language, decoded, extra } = buffers;
    if hit.kind == Kind::Open {
        return beacon(hit, agent, extra);
    }
    path::clean(hit.page.path(), hit.page.fragment(), decoded, page);
    details::name(hit.kind, hit.name, decoded, name);
    details::extra(hit, decoded, extra);
    goals::append_reached(&hit.site.goals, goals::RuleInput { kind: hit.kind, name, page }, extra);
    let channel = referrer::source(hit.referrer, hit.site, hit.page.host(), source);
    language.parse(hit.visitor.language);
    CleanFields {
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

/// A beacon's load has the campaign and the mail service as its only fields. It has nothing about the recipient.
fn beacon<'a>(hit: &Hit<'_>, agent: &Agent, extra: &'a mut ExtraBuf) -> CleanFields<'a> {
    extra.clear();
    if let Some(opened) = &hit.marketing {
        let (medium, name) = (&*opened.campaign.medium, &*opened.campaign.name);
        extra.campaign(&Campaign { source: agent.mail_proxy.unwrap_or_default(), medium, name, ..Campaign::default() });
    }
    CleanFields {
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
