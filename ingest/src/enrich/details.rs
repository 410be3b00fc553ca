//! The details of an event, cleaned: its name by the rules of its kind, the properties that the site declared,
//! engagement, and on the marketing lane a campaign and an order.
//!
//! | kind | name |
//! |---|---|
//! | outbound | the host of the link, lower case, without `www.` |
//! | download | the path of the file, cleaned like a page's |
//! | search | the words, lower case, masked |
//! | error | the name as sent if it consists of ASCII letters, digits and `_`; else `error` |
//! | others | as sent, masked |
//!
//! Names and properties are cut at 128 characters. Texts of campaigns are in lower case and cut at 64.

use std::borrow::Cow;

use schema::event::Kind;
use schema::extra::{Campaign, Engagement, ExtraBuf, OrderItem};

use super::mask::mask;
use super::path;
use crate::accept::{MarketingFields, PageUrl, ParsedOrder, Utm, host_of};
use crate::hit::Hit;

/// Longest text of a campaign, in characters.
pub const CAMPAIGN_CHARS_MAX: usize = 64;
/// Longest name or value, in characters.
pub const TEXT_CHARS_MAX: usize = 128;

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
                true => Some(PageUrl::of_path("".into(), raw.into())),
                false => PageUrl::of_url(raw.into(), false),
            };
            match page {
                Some(page) => path::clean(page.path(), "", decoded, out),
                None => out.push_str("unknown"),
            }
        }
        Kind::Search => clean_text(&raw.trim().to_lowercase(), TEXT_CHARS_MAX, out),
        Kind::Error => {
            let is_class = (1..=40).contains(&raw.len()) && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            out.push_str(if is_class { raw } else { "error" });
        }
        Kind::Custom | Kind::Form | Kind::Vital => clean_text(raw, TEXT_CHARS_MAX, out),
    }
}

/// Writes the details of an event except its name. `text` is scratch.
pub(super) fn extra(hit: &Hit<'_>, text: &mut String, out: &mut ExtraBuf) {
    out.clear();
    if let Some(MarketingFields { campaign: utm, order }) = &hit.marketing {
        if !utm.is_empty() {
            campaign(utm, out);
        }
        if let Some(bought) = order {
            clean_order(bought, out);
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
        clean_text(&raw.trim().to_lowercase(), CAMPAIGN_CHARS_MAX, &mut clean);
        clean
    };
    let [source, medium, name, content, term] = [&utm.source, &utm.medium, &utm.name, &utm.content, &utm.term].map(of);
    out.campaign(&Campaign { source: &source, medium: &medium, name: &name, content: &content, term: &term });
}

fn clean_order(bought: &ParsedOrder<'_>, out: &mut ExtraBuf) {
    let of = |raw: &str| {
        let mut clean = String::new();
        clean_text(raw.trim(), TEXT_CHARS_MAX, &mut clean);
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
        // `accept` makes these properties: a vital's figures (stored as a rating), and whether a search had results.
        Kind::Vital => return vital(name, value, out),
        Kind::Search if name == "results" => true,
        Kind::Pageview | Kind::Engagement | Kind::Consent | Kind::Open => false,
        Kind::Custom | Kind::Error | Kind::Outbound | Kind::Download | Kind::Search | Kind::Form => {
            hit.site.properties.iter().any(|declared| declared == name)
        }
    };
    if is_kept {
        text.clear();
        clean_text(value.trim(), TEXT_CHARS_MAX, text);
        out.property(name, text);
    }
}

/// Rates a figure by the thresholds that web.dev publishes ("Web Vitals").
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
        let rating = if value <= good {
            "good"
        } else if value <= poor {
            "needs improvement"
        } else {
            "poor"
        };
        out.property(name, rating);
    }
}

/// Appends a text, masked, without control characters, and cut.
fn clean_text(raw: &str, chars_max: usize, out: &mut String) {
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
    fn a_name_is_cleaned_by_the_rules_of_its_kind() {
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
        assert_eq!(named(Kind::Custom, &"é".repeat(300)).chars().count(), TEXT_CHARS_MAX);
    }

    #[test]
    fn a_vital_is_stored_as_a_rating() {
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
