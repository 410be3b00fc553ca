//! What an event says of itself, in words that may be kept: its name as its kind wants it, properties the site declared,
//! and on the marketing lane a campaign and an order.
//!
//! | kind | name |
//! |---|---|
//! | outbound | the host left for, lower case, without `www.` |
//! | download | the path of the file, clean as a page's |
//! | search | the words, lower case, masked |
//! | error | what it was called, if it is a word or a number; else `error` |
//! | others | as sent, masked |
//!
//! Names and properties are cut at 128 characters, words of campaigns at 64 and lower-cased.

use std::borrow::Cow;

use schema::event::Kind;
use schema::extra::{Campaign, Engagement, ExtraBuf, OrderItem};

use super::mask::mask;
use super::path;
use crate::accept::{Bought, Opened, Page, Utm, host_of};
use crate::hit::Hit;

/// Longest word of a campaign, in characters.
pub const CAMPAIGN_CHARS_MAX: usize = 64;
/// Longest name or value, in characters.
pub const WORD_CHARS_MAX: usize = 128;

/// Writes the clean name of an event. `decoded` is scratch.
pub(super) fn name(kind: Kind, raw: &str, decoded: &mut String, out: &mut String) {
    out.clear();
    match kind {
        Kind::Pageview | Kind::Engagement | Kind::Consent | Kind::Open => {}
        Kind::Outbound => {
            out.push_str(host_of(raw).unwrap_or("unknown"));
            out.make_ascii_lowercase();
        }
        Kind::Download => {
            let page = match raw.starts_with('/') {
                true => Some(Page::of_path("".into(), raw.into())),
                false => Page::of_url(raw.into(), false),
            };
            match page {
                Some(page) => path::clean(page.path(), "", decoded, out),
                None => out.push_str("unknown"),
            }
        }
        Kind::Search => word(&raw.trim().to_lowercase(), WORD_CHARS_MAX, out),
        Kind::Error => {
            let is_class = (1..=40).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            out.push_str(if is_class { raw } else { "error" });
        }
        Kind::Custom | Kind::Form | Kind::Vital => word(raw, WORD_CHARS_MAX, out),
    }
}

/// Writes what an event says beyond its name. `text` is scratch.
pub(super) fn extra(hit: &Hit<'_>, text: &mut String, out: &mut ExtraBuf) {
    out.clear();
    if let Some(Opened { campaign: utm, order }) = &hit.marketing {
        if !utm.is_empty() {
            campaign(utm, out);
        }
        if let Some(bought) = order {
            bought_words(bought, out);
        }
    }
    for (name, value) in hit.properties {
        property(hit, name, value, text, out);
    }
    if let Some(Engagement { ms, scroll }) = hit.engagement {
        out.engagement(Engagement { ms, scroll });
    }
    out.amount(hit.amount);
}

fn campaign(utm: &Utm<'_>, out: &mut ExtraBuf) {
    let of = |raw: &Cow<'_, str>| {
        let mut clean = String::new();
        word(&raw.trim().to_lowercase(), CAMPAIGN_CHARS_MAX, &mut clean);
        clean
    };
    let [source, medium, name, content, term] = [&utm.source, &utm.medium, &utm.name, &utm.content, &utm.term].map(of);
    out.campaign(&Campaign { source: &source, medium: &medium, name: &name, content: &content, term: &term });
}

fn bought_words(bought: &Bought<'_>, out: &mut ExtraBuf) {
    let of = |raw: &str| {
        let mut clean = String::new();
        word(raw.trim(), WORD_CHARS_MAX, &mut clean);
        clean
    };
    let words: Vec<_> = bought.items.iter().map(|item| (of(&item.product), of(&item.category), item)).collect();
    let items = words.iter().map(|(product, category, item)| OrderItem {
        product,
        category,
        units: item.units,
        revenue: item.revenue,
    });
    out.order(bought.currency, bought.revenue, items);
}

fn property(hit: &Hit<'_>, name: &str, value: &str, text: &mut String, out: &mut ExtraBuf) {
    let is_kept = match hit.kind {
        // Ours, made by `accept`: a vital's figure is kept as how good it is, a search's as whether there was any.
        Kind::Vital => return vital(name, value, out),
        Kind::Search if name == "results" => true,
        Kind::Pageview | Kind::Engagement | Kind::Consent | Kind::Open => false,
        Kind::Custom | Kind::Error | Kind::Outbound | Kind::Download | Kind::Search | Kind::Form => {
            hit.site.properties.iter().any(|declared| declared == name)
        }
    };
    if is_kept {
        text.clear();
        word(value.trim(), WORD_CHARS_MAX, text);
        out.property(name, text);
    }
}

/// How good a page's figure is, by the thresholds that web.dev publishes ("Web Vitals").
fn vital(name: &str, value: &str, out: &mut ExtraBuf) {
    let (good, poor) = match name {
        "LCP" => (2500.0, 4000.0),
        "INP" => (200.0, 500.0),
        "CLS" => (0.1, 0.25),
        "FCP" => (1800.0, 3000.0),
        "TTFB" => (800.0, 1800.0),
        _ => return,
    };
    if let Some(value) = value.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0) {
        let how = if value <= good {
            "good"
        } else if value <= poor {
            "needs improvement"
        } else {
            "poor"
        };
        out.property(name, how);
    }
}

/// Masked, without control characters, cut.
fn word(raw: &str, chars_max: usize, out: &mut String) {
    let start = out.len();
    match raw.chars().any(char::is_control) {
        true => mask(&raw.chars().filter(|c| !c.is_control()).collect::<String>(), out),
        false => mask(raw, out),
    }
    if let Some((end, _)) = out[start..].char_indices().nth(chars_max) {
        out.truncate(start + end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: Kind, raw: &str) -> String {
        let (mut decoded, mut out) = (String::new(), String::new());
        name(kind, raw, &mut decoded, &mut out);
        out
    }

    #[test]
    fn a_name_is_what_its_kind_may_keep() {
        for (kind, raw, want) in [
            (Kind::Pageview, "x", ""),
            (Kind::Outbound, "https://user:pw@www.Other.example:8443/secret?token=1", "other.example"),
            (Kind::Outbound, "mailto:x@y.z", "unknown"),
            (Kind::Download, "https://a.org/files/x%40y.z.pdf?key=1", "/files/(email)"),
            (Kind::Download, "/a/report.pdf#page=2", "/a/report.pdf"),
            (Kind::Search, " Jean.Dupont@Example.ORG tea ", "(email) tea"),
            (Kind::Error, "TypeError", "TypeError"),
            (Kind::Error, "404", "404"),
            (Kind::Error, "Cannot read x of someone@example.org", "error"),
            (Kind::Custom, "Sign up\u{0} x@y.z", "Sign up (email)"),
        ] {
            assert_eq!(named(kind, raw), want, "{kind:?} {raw}");
        }
        assert_eq!(named(Kind::Custom, &"é".repeat(300)).chars().count(), WORD_CHARS_MAX);
    }

    #[test]
    fn a_vital_is_kept_as_how_good_it_is() {
        let mut out = ExtraBuf::default();
        for (name, value) in
            [("LCP", "2500"), ("INP", "201"), ("CLS", "0.3"), ("FCP", "x"), ("Secret", "1"), ("TTFB", "-1")]
        {
            vital(name, value, &mut out);
        }
        let kept: Vec<_> = out.extra().properties().collect();
        assert_eq!(kept, [("LCP", "good"), ("INP", "needs improvement"), ("CLS", "poor")]);
    }
}
