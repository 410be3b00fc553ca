//! Client hints: headers that browsers based on Chromium send beside the user agent, on every request and with low
//! entropy.
//!
//! Many browsers name themselves Chrome in the user agent and use their own name in `Sec-CH-UA` only. A browser that
//! shows the desktop version of a page hides its system in the user agent, but not in `Sec-CH-UA-Platform`. Both
//! headers are parsed as structured fields (RFC 9651), and only names of the tables below are used. Hints are no part
//! of a tag.

use schema::event::Device;
use sfv::{BareItem, ListEntry, Parser};

use super::{Agent, HEADLESS};

/// The headers as sent; empty if they were not.
#[derive(Clone, Copy, Default, Hash)]
pub struct Hints<'a> {
    /// `Sec-CH-UA`.
    pub brands: &'a [u8],
    /// `Sec-CH-UA-Platform`.
    pub platform: &'a [u8],
}

/// Longest header that is parsed, in bytes; a longer one is ignored.
const HEADER_BYTES_MAX: usize = 512;

/// Brands whose user agent may have Chrome's name.
const BRANDS: &[(&str, &str)] = &[
    ("Android WebView", "Android WebView"),
    ("Avast Secure Browser", "Avast Secure Browser"),
    ("Brave", "Brave"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Microsoft Edge", "Edge"),
    ("NAVER Whale", "Whale"),
    ("Opera", "Opera"),
    ("Opera GX", "Opera"),
    ("Samsung Internet", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("Whale", "Whale"),
    ("YaBrowser", "Yandex"),
    ("Yandex", "Yandex"),
];

/// Corrects the attributes from the user agent by the hints.
pub(super) fn apply(hints: Hints<'_>, agent: &mut Agent) {
    for (brand, version) in brands(hints.brands) {
        if brand == "HeadlessChrome" {
            agent.crawler = agent.crawler.or(Some(HEADLESS));
            agent.device = Device::Bot;
        } else if let Ok(at) = BRANDS.binary_search_by_key(&&*brand, |&(brand, _)| brand) {
            let name = BRANDS[at].1;
            let is_number = matches!(version.len(), 1..=4) && version.bytes().all(|b| b.is_ascii_digit());
            agent.browser = if is_number { format!("{name} {version}").into() } else { name.into() };
        }
    }
    if platform(hints.platform).as_deref() == Some("Android") && agent.os == "Linux" {
        agent.os = "Android";
        if agent.device == Device::Desktop {
            agent.device = Device::Tablet; // Tablets request desktop versions by default.
        }
    }
}

/// Brands with their versions; nothing if the header is not a list of them.
fn brands(header: &[u8]) -> Vec<(String, String)> {
    if header.is_empty() || header.len() > HEADER_BYTES_MAX {
        return Vec::new();
    }
    let text = |item: &BareItem| item.as_string().map(|text| text.as_str().to_owned());
    let list = Parser::new(header).parse::<sfv::List>().unwrap_or_default();
    let items = list.into_iter().filter_map(|entry| match entry {
        ListEntry::Item(item) => Some(item),
        ListEntry::InnerList(_) => None,
    });
    items
        .filter_map(|item| Some((text(&item.bare_item)?, item.params.get("v").and_then(text).unwrap_or_default())))
        .collect()
}

fn platform(header: &[u8]) -> Option<String> {
    let item = Parser::new(header).parse::<sfv::Item>().ok().filter(|_| header.len() <= HEADER_BYTES_MAX)?;
    Some(item.bare_item.as_string()?.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::agent::parse;

    const CHROME: &str =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    fn with(brands: &str, platform: &str) -> Agent {
        parse(CHROME.as_bytes(), Hints { brands: brands.as_bytes(), platform: platform.as_bytes() })
    }

    #[test]
    fn a_browser_with_chromes_user_agent_is_recognised_by_its_brand() {
        assert!(BRANDS.is_sorted_by(|a, b| a.0 < b.0), "binary search needs it");
        for (brands, browser) in [
            (r#""Brave";v="131", "Chromium";v="131", "Not_A Brand";v="24""#, "Brave 131"),
            (r#""Chromium";v="131", "Not_A Brand";v="24", "Microsoft Edge";v="131""#, "Edge 131"),
            (r#""Chromium";v="130", "Opera GX";v="115", "Not?A_Brand";v="99""#, "Opera 115"),
            (r#""Chromium";v="131", "Google Chrome";v="131", "Not,\\"Brand";v="8""#, "Chrome 131"),
            (r#""Vivaldi";v="canary@example.net""#, "Vivaldi"),
            (r#""Canary Browser 4711";v="1""#, "Chrome 131"),
            ("Brave", "Chrome 131"),
            (r#"("Brave" "Vivaldi"), "Brave"#, "Chrome 131"),
            ("\u{e9}\0", "Chrome 131"),
            ("", "Chrome 131"),
        ] {
            let agent = with(brands, "");
            assert_eq!((&*agent.browser, agent.os, agent.crawler), (browser, "Linux", None), "{brands}");
        }
    }

    #[test]
    fn a_headless_browser_is_recognised_by_its_brand() {
        let agent = with(r#""HeadlessChrome";v="131", "Chromium";v="131""#, r#""Linux""#);
        assert_eq!((agent.crawler, agent.device), (Some(HEADLESS), Device::Bot));
    }

    #[test]
    fn a_tablet_that_shows_the_desktop_version_is_recognised() {
        let agent = with("", r#""Android""#);
        assert_eq!((agent.os, agent.device), ("Android", Device::Tablet));
        for other in [r#""Linux""#, "Android", r#""Canary""#, "\""] {
            let agent = with("", other);
            assert_eq!((agent.os, agent.device), ("Linux", Device::Desktop), "{other}");
        }
    }
}
