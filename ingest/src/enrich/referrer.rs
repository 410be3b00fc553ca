//! From the host of the page before to a source and its channel. The path is never kept.
//!
//! The table consists of a few additions of our own (assistants, mailers, video, shops, and hosts that the list puts
//! into another channel) and, after them, of the public list. A subdomain that is in neither has the source of its
//! parent. Below a search engine such a subdomain is a [`Channel::Referral`] (another service of the same company),
//! unless search engines use its label for search. Advertising networks are referrals here, because only the
//! marketing lane may show that a visit was paid for. A host that is not in the table is its own source.

use std::sync::LazyLock;

use hashbrown::HashMap;
use schema::event::Channel;
use schema::sites::Site;

use super::lists::REFERRERS;
use super::mask::mask;
use crate::accept::{bare_host, host_of};

/// The source of visits without a referrer, or with the site itself as referrer.
pub const DIRECT: &str = "Direct";
/// The source of all hosts that are IP addresses, because the address can be a person's.
const NUMBERED: &str = "(IP address)";

/// Our own additions. They take precedence over the list.
static OURS: &[(&str, &str, Channel)] = &[
    ("aliexpress.com", "AliExpress", Channel::Shopping),
    ("amazon.ca", "Amazon", Channel::Shopping),
    ("amazon.co.jp", "Amazon", Channel::Shopping),
    ("amazon.co.uk", "Amazon", Channel::Shopping),
    ("amazon.com", "Amazon", Channel::Shopping),
    ("amazon.de", "Amazon", Channel::Shopping),
    ("amazon.es", "Amazon", Channel::Shopping),
    ("amazon.fr", "Amazon", Channel::Shopping),
    ("amazon.it", "Amazon", Channel::Shopping),
    ("app.slack.com", "Slack", Channel::Social),
    ("app.tuta.com", "Tuta", Channel::Email),
    ("chat.deepseek.com", "DeepSeek", Channel::Assistant),
    ("chat.mistral.ai", "Mistral", Channel::Assistant),
    ("chat.openai.com", "ChatGPT", Channel::Assistant),
    ("chatgpt.com", "ChatGPT", Channel::Assistant),
    ("claude.ai", "Claude", Channel::Assistant),
    ("copilot.microsoft.com", "Copilot", Channel::Assistant),
    ("dailymotion.com", "Dailymotion", Channel::Video),
    ("discord.com", "Discord", Channel::Social),
    ("ebay.co.uk", "eBay", Channel::Shopping),
    ("ebay.com", "eBay", Channel::Shopping),
    ("ebay.de", "eBay", Channel::Shopping),
    ("ebay.fr", "eBay", Channel::Shopping),
    ("etsy.com", "Etsy", Channel::Shopping),
    ("gemini.google.com", "Gemini", Channel::Assistant),
    ("grok.com", "Grok", Channel::Assistant),
    ("idealo.de", "idealo", Channel::Shopping),
    ("idealo.fr", "idealo", Channel::Shopping),
    ("kagi.com", "Kagi", Channel::Search),
    ("leboncoin.fr", "leboncoin", Channel::Shopping),
    ("lobste.rs", "Lobsters", Channel::Social),
    ("m.youtube.com", "YouTube", Channel::Video),
    ("mail.proton.me", "Proton Mail", Channel::Email),
    ("messages.google.com", "Google Messages", Channel::Social),
    ("meta.ai", "Meta AI", Channel::Assistant),
    ("naver.com", "Naver", Channel::Search),
    ("navigator.gmx.net", "GMX", Channel::Email),
    ("navigator.web.de", "WEB.DE", Channel::Email),
    ("outlook.office.com", "Outlook.com", Channel::Email),
    ("outlook.office365.com", "Outlook.com", Channel::Email),
    ("peertube.tv", "PeerTube", Channel::Video),
    ("perplexity.ai", "Perplexity", Channel::Assistant),
    ("poe.com", "Poe", Channel::Assistant),
    ("producthunt.com", "Product Hunt", Channel::Social),
    ("rumble.com", "Rumble", Channel::Video),
    ("search.seznam.cz", "Seznam", Channel::Search),
    ("shopping.google.com", "Google Shopping", Channel::Shopping),
    ("startpage.com", "Startpage", Channel::Search),
    ("t.me", "Telegram", Channel::Social),
    ("teams.microsoft.com", "Microsoft Teams", Channel::Social),
    ("threads.com", "Threads", Channel::Social),
    ("threads.net", "Threads", Channel::Social),
    ("tiktok.com", "TikTok", Channel::Social),
    ("twitch.tv", "Twitch", Channel::Video),
    ("vimeo.com", "Vimeo", Channel::Video),
    ("web.telegram.org", "Telegram", Channel::Social),
    ("webmail.free.fr", "Free", Channel::Email),
    ("youtu.be", "YouTube", Channel::Video),
    ("youtube.com", "YouTube", Channel::Video),
    ("zimbra.free.fr", "Free", Channel::Email),
];

/// Labels of subdomains that search engines use for search itself.
const SEARCHES: &[&str] = &["m", "r", "cn", "ww", "html", "lite", "safe", "start", "search", "images", "noai"];

/// Writes the source's name to `out` and returns its channel. `page_host` is the bare host of the page itself.
pub fn source(referrer: &str, site: &Site, page_host: &str, out: &mut String) -> Channel {
    out.clear();
    let Some(host) = cut(referrer).and_then(host_of).filter(|host| !is_own(host, site, page_host)) else {
        out.push_str(DIRECT);
        return Channel::Direct;
    };
    let is_numbered = host.bytes().rfind(|b| !b.is_ascii_digit()).is_none_or(|before| before == b'.');
    if host.starts_with('[') || is_numbered {
        out.push_str(NUMBERED);
        return Channel::Referral;
    }
    let mut lower = [0; 255];
    let lower = &mut lower[..host.len()];
    lower.copy_from_slice(host.as_bytes());
    lower.make_ascii_lowercase();
    let host = std::str::from_utf8(lower).unwrap_or_default();
    match look_up(host) {
        Some((name, channel)) => {
            out.push_str(name);
            channel
        }
        None => {
            mask(host, out);
            Channel::Referral
        }
    }
}

/// The first part of a referrer, which is long enough to contain the host.
fn cut(referrer: &str) -> Option<&str> {
    referrer.get(..referrer.floor_char_boundary(2048)).filter(|text| !text.is_empty())
}

fn is_own(host: &str, site: &Site, page_host: &str) -> bool {
    let same = |other: &str| bare_host(other).eq_ignore_ascii_case(host);
    same(page_host)
        || same(&site.domain)
        || site.hostnames.iter().chain(&site.aliases).any(|name| same(name))
        || host.eq_ignore_ascii_case("localhost")
}

fn look_up(host: &str) -> Option<(&'static str, Channel)> {
    if let Some(found) = exactly(host) {
        return Some(found);
    }
    let mut parent = host;
    while let Some((label, rest)) = parent.split_once('.') {
        parent = rest;
        match exactly(parent) {
            Some((name, Channel::Search)) if !SEARCHES.contains(&label) => return Some((name, Channel::Referral)),
            Some(found) => return Some(found),
            None => {}
        }
    }
    None
}

type SourceTable = HashMap<&'static str, (&'static str, Channel), foldhash::fast::FixedState>;

/// Both tables as one, by host without `www.`. Its keys are fixed, so an attacker cannot add hosts that collide; a fast
/// hash is enough.
static TABLE: LazyLock<SourceTable> = LazyLock::new(|| {
    let listed = |medium| match medium {
        "search" => Channel::Search,
        "social" => Channel::Social,
        "email" => Channel::Email,
        _ => Channel::Referral,
    };
    let ours = OURS.iter().copied();
    let bare = REFERRERS.iter().map(|&(host, name, medium)| (host, name, listed(medium)));
    let with_www = bare.clone().filter_map(|(host, name, channel)| Some((host.strip_prefix("www.")?, name, channel)));
    let mut table = SourceTable::default();
    for (host, name, channel) in ours.chain(bare).chain(with_www) {
        table.entry(host).or_insert((name, channel));
    }
    table
});

fn exactly(host: &str) -> Option<(&'static str, Channel)> {
    TABLE.get(host).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(referrer: &str) -> (String, Channel) {
        let site = Site { hostnames: vec!["shop.example.com".into()], ..Site::new(1, "example.org") };
        let mut out = String::new();
        let channel = source(referrer, &site, "blog.example.net", &mut out);
        (out, channel)
    }

    #[test]
    fn no_host_is_in_a_table_twice_and_our_additions_take_precedence() {
        assert!(OURS.is_sorted_by(|a, b| a.0 < b.0), "sorted, so that people find an entry");
        assert!(REFERRERS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(REFERRERS.len() > 1500 && TABLE.len() > 1500);
        for (host, name, channel) in OURS {
            assert_eq!(exactly(host), Some((*name, *channel)));
        }
    }

    #[test]
    fn a_known_host_has_a_name_and_a_channel_and_any_other_host_is_its_own_source() {
        for (referrer, name, channel) in [
            ("https://www.google.com/search?q=secret", "Google", Channel::Search),
            ("https://www.google.co.uk/", "Google", Channel::Search),
            ("HTTPS://WWW.GOOGLE.FR", "Google", Channel::Search),
            ("https://r.duckduckgo.com/l/", "DuckDuckGo", Channel::Search),
            ("https://docs.google.com/document/d/1", "Google", Channel::Referral),
            ("https://mail.google.com/", "Gmail", Channel::Email),
            ("android-app://com.google.android.gm/", "Gmail", Channel::Email),
            ("https://duckduckgo.com/", "DuckDuckGo", Channel::Search),
            ("https://chatgpt.com/", "ChatGPT", Channel::Assistant),
            ("https://www.perplexity.ai/search/x", "Perplexity", Channel::Assistant),
            ("https://l.facebook.com/l.php?u=x", "Facebook", Channel::Social),
            ("https://t.co/abc", "Twitter", Channel::Social),
            ("https://news.ycombinator.com/item?id=1", "Hacker News", Channel::Social),
            ("https://someone.substack.com/p/x", "Substack", Channel::Referral),
            ("https://www.youtube.com/watch?v=x", "YouTube", Channel::Video),
            ("https://www.amazon.de/gp", "Amazon", Channel::Shopping),
            ("https://ad.doubleclick.net/x", "Doubleclick", Channel::Referral),
            ("https://user:pw@www.Blog.example:8080/a/b?c", "blog.example", Channel::Referral),
            ("http://203.0.113.77/x", "(IP address)", Channel::Referral),
            ("http://[2001:db8::1]/x", "(IP address)", Channel::Referral),
            ("https://0123456789abcdef.example/", "(token).example", Channel::Referral),
        ] {
            let (got, of) = from(referrer);
            let same = got.eq_ignore_ascii_case(name); // The list changes its spelling now and then.
            assert!(same && of == channel, "{referrer}: {got} {of:?}");
        }
    }

    #[test]
    fn without_a_referrer_or_from_the_site_itself_a_visit_is_direct() {
        for referrer in [
            "",
            "-",
            "nonsense",
            "about:blank",
            "https://example.org/other",
            "https://www.example.org",
            "https://shop.example.com/",
            "https://www.BLOG.example.net/x",
            "http://localhost:3000/",
        ] {
            assert_eq!(from(referrer), (DIRECT.to_owned(), Channel::Direct), "{referrer}");
        }
    }
}
