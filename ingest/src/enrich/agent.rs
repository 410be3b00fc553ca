//! From user agent and client hints to browser, operating system, device class and crawler.
//!
//! In come the headers; out goes an [`Agent`] with texts from closed sets only: browsers and systems that the public
//! list spells out (never text copied from the header), a major version of up to four digits, a crawler's name from
//! its list. Parsing takes tens of microseconds, so [`Agents`] caches results by a hash under a random key of the
//! process. The cache is bounded, and is emptied when a salt is destroyed.

mod hints;

use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use foldhash::quality::RandomState;
use hashbrown::HashMap;
use regex::RegexSet;
use schema::event::{Device, UNKNOWN};
use ua_parser::{os, user_agent};

pub use hints::Hints;

use super::lists::{BROWSER_NAMES, BROWSERS, CRAWLER_REGEXES, CRAWLER_WORDS, SYSTEM_NAMES, SYSTEMS};

/// The attributes of a client, with texts from closed sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Browser and major version; "unknown" if the list does not have the browser.
    pub browser: Box<str>,
    /// Operating system.
    pub os: &'static str,
    /// Class of device; [`Device::Bot`] for robots.
    pub device: Device,
    /// The crawler's name, for robots.
    pub crawler: Option<&'static str>,
    /// The mail service whose proxy loads pictures for recipients, if the user agent names it.
    pub mail_proxy: Option<&'static str>,
}

/// The length in bytes up to which a user agent is parsed; the rest is ignored.
const PARSED_BYTES_MAX: usize = 512;
/// Most user agents that a worker caches.
const CACHED_MAX: usize = 8192;

/// The names in the refusals of robots that have no entry in the list.
const NO_AGENT: &str = "(no user agent)";
const HEADLESS: &str = "(headless browser)";
const UNLISTED: &str = "(unlisted)";

/// Marks of programs that drive a browser without a person.
const HEADLESS_MARKS: &[&str] =
    &["Headless", "PhantomJS", "SlimerJS", "Puppeteer", "Playwright", "Selenium", "WebDriver", "Cypress/", "jsdom/"];
/// Robots write the URL of their documentation into the user agent; browsers do not.
const ROBOT_MARKS: &[&str] = &["+http://", "+https://", "(http://", "(https://"];

struct Parsers {
    crawler_words: AhoCorasick,
    crawler_regexes: RegexSet,
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
}

static PARSERS: LazyLock<Parsers> = LazyLock::new(|| {
    let words = CRAWLER_WORDS.iter().map(|(word, _)| word);
    let browsers = BROWSERS.iter().map(|&(regex, family, major)| user_agent::Parser {
        regex: regex.into(),
        family_replacement: family.map(Into::into),
        v1_replacement: major.map(Into::into),
        ..Default::default()
    });
    let systems = SYSTEMS.iter().map(|&(regex, os)| os::Parser {
        regex: regex.into(),
        os_replacement: os.map(Into::into),
        ..Default::default()
    });
    const TESTED: &str = "the lists are compiled in, and a test builds them";
    Parsers {
        crawler_words: AhoCorasick::new(words).expect(TESTED),
        crawler_regexes: RegexSet::new(CRAWLER_REGEXES.iter().map(|(regex, _)| regex)).expect(TESTED),
        browsers: user_agent::Builder::new().push_all(browsers).expect(TESTED).build().expect(TESTED),
        systems: os::Builder::new().push_all(systems).expect(TESTED).build().expect(TESTED),
    }
});

/// Builds the parsers now, so that the first hit does not wait for them.
pub fn prepare() {
    LazyLock::force(&PARSERS);
}

/// A worker's cache of parsed user agents.
#[derive(Default)]
pub struct Agents {
    cached: HashMap<u64, Rc<Agent>, foldhash::fast::FixedState>,
    key: RandomState,
    era: u64,
}

impl Agents {
    /// The attributes of the headers. `era` changes when a salt is destroyed, and then the cache is emptied.
    pub fn get(&mut self, header: &[u8], hints: Hints<'_>, era: u64) -> &Rc<Agent> {
        if self.era != era || self.cached.len() >= CACHED_MAX {
            self.cached.clear();
            self.era = era;
        }
        self.cached.entry(self.key.hash_one((header, hints))).or_insert_with(|| Rc::new(parse(header, hints)))
    }
}

/// Parses the headers, without the cache.
pub fn parse(header: &[u8], hints: Hints<'_>) -> Agent {
    let text = String::from_utf8_lossy(&header[..header.len().min(PARSED_BYTES_MAX)]);
    let crawler = crawler(&text);
    let mut agent = Agent {
        browser: browser(&text),
        os: system(&text),
        device: if crawler.is_some() { Device::Bot } else { device(&text) },
        crawler,
        mail_proxy: mail_proxy(&text),
    };
    hints::apply(hints, &mut agent);
    agent
}

/// The mail services whose proxies load pictures, by marks in their user agents. Apple's is only `Mozilla/5.0`.
fn mail_proxy(text: &str) -> Option<&'static str> {
    const PROXIES: &[(&str, &str)] = &[
        ("GoogleImageProxy", "Gmail"),
        ("YahooMailProxy", "Yahoo Mail"),
        ("OutlookImageProxy", "Outlook"),
        ("Microsoft Outlook", "Outlook"),
        ("ms-office", "Outlook"),
        ("DuckDuckGo-Email", "DuckDuckGo"),
    ];
    let named = PROXIES.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name);
    named.or_else(|| (text.trim() == "Mozilla/5.0").then_some("Apple Mail"))
}

/// The robot's name: by the longest word of the list that occurs in the text, else by the first pattern that matches,
/// else by a mark of robots.
fn crawler(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() || text == "-" {
        return Some(NO_AGENT);
    }
    let words = PARSERS.crawler_words.find_overlapping_iter(text);
    let longest = words.max_by_key(|found| (found.len(), std::cmp::Reverse(found.pattern().as_usize())));
    if let Some(found) = longest {
        return Some(CRAWLER_WORDS[found.pattern().as_usize()].1);
    }
    if let Some(first) = PARSERS.crawler_regexes.matches(text).iter().next() {
        return Some(CRAWLER_REGEXES[first].1);
    }
    let marked = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    marked(HEADLESS_MARKS).then_some(HEADLESS).or_else(|| marked(ROBOT_MARKS).then_some(UNLISTED))
}

fn browser(text: &str) -> Box<str> {
    let Some(found) = PARSERS.browsers.extract(text) else { return UNKNOWN.into() };
    let Ok(known) = BROWSER_NAMES.binary_search(&&*found.family) else { return UNKNOWN.into() };
    let name = usual_name(BROWSER_NAMES[known]);
    match found.major {
        Some(major) if matches!(major.len(), 1..=4) && major.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{name} {major}").into()
        }
        _ => name.into(),
    }
}

fn system(text: &str) -> &'static str {
    let Some(found) = PARSERS.systems.extract(text) else { return UNKNOWN };
    match SYSTEM_NAMES.binary_search(&&*found.os) {
        Ok(known) => usual_name(SYSTEM_NAMES[known]),
        Err(_) if text.contains("Linux") => "Linux", // a distribution that writes its own name
        Err(_) => UNKNOWN,
    }
}

/// One name for a browser on every device (the device is a column of its own), and the names that its makers use.
fn usual_name(name: &'static str) -> &'static str {
    match name {
        "Chrome Mobile" | "Chrome Mobile iOS" => "Chrome",
        "Chrome Mobile WebView" => "Android WebView",
        "Mobile Safari" => "Safari",
        "Mobile Safari UI/WKWebView" => "iOS WebView",
        "Firefox Mobile" | "Firefox iOS" => "Firefox",
        "Edge Mobile" => "Edge",
        "Opera Mobile" | "Opera Tablet" => "Opera",
        "IE" | "IE Mobile" | "IE Large Screen" => "Internet Explorer",
        "DuckDuckGo Mobile" => "DuckDuckGo",
        "Yandex Browser" => "Yandex",
        "Mac OS X" => "macOS",
        "Chrome OS" => "ChromeOS",
        "Other" => UNKNOWN,
        name => name,
    }
}

/// The device class, by the usual marks in user agents.
fn device(text: &str) -> Device {
    let has = |marks: &[&str]| marks.iter().any(|mark| text.contains(mark));
    const TV: &[&str] = &[
        "SmartTV",
        "SMART-TV",
        "Smart TV",
        "SmartHub",
        "HbbTV",
        "AppleTV",
        "Apple TV",
        "GoogleTV",
        "Google TV",
        "Android TV",
        "BRAVIA",
        "Roku",
        "CrKey",
        "NetCast",
        "NETTV",
        "Web0S",
        "AFTT",
        "AFTM",
        "AFTS",
        "AFTB",
        "AFTN",
        "AFTK",
        "; AFT",
        "VIDAA",
        "TV Safari",
        "PlayStation",
        "PLAYSTATION",
        "Xbox",
        "Nintendo",
    ];
    if has(TV) {
        Device::Tv
    } else if has(&["iPad", "Tablet", "tablet", "PlayBook", "Kindle", "KFAPWI", "Nexus 7", "Nexus 10"]) {
        Device::Tablet
    } else if has(&["Mobi", "iPhone", "iPod", "Opera Mini", "Windows Phone", "BlackBerry", "KAIOS", "Symbian"]) {
        Device::Mobile
    } else if has(&["Android", "Silk/"]) {
        Device::Tablet // Android's own rule: a phone has "Mobile" in its user agent.
    } else if has(&["Windows NT", "Macintosh", "X11", "CrOS", "Linux", "Windows"]) {
        Device::Desktop
    } else {
        Device::Unknown
    }
}

#[cfg(test)]
mod tests;
