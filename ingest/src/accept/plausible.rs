//! `POST /api/event`: Plausible's JSON with any content type, and the JSON of our own tracker, which has a few more
//! fields.
//!
//! | field | long name | meaning |
//! |---|---|---|
//! | `n` | `name` | the event's name (see `named`); a number counts as text |
//! | `u` | `url` | the page, as an absolute URL |
//! | `d` | `domain` | the site, or several separated by commas; if absent, the page's host |
//! | `r` | `referrer` | the page before |
//! | `p` | `m`, `meta`, `props` | properties: an object of plain values, or text that contains one; at most 64 |
//! | `i` | `interactive` | `false`: the visitor did not interact |
//! | `h` | `hashMode` | the site routes by fragment |
//! | `e`, `sd` | | engagement: milliseconds since the last such event, deepest point scrolled to in percent |
//! | `w` | | width of the screen, CSS pixels |
//! | `c` | | consent to marketing measures |
//! | `$` | | revenue of an order: `{"currency": "EUR", "amount": 12.3}`; parsed only with a basis |
//! | `items`, `o` | | the order's products, `[{"id", "name", "category", "price", "quantity"}]`, and its number; likewise |
//! | `v`, others | | ignored |
//!
//! If both a short and a long name are there, the short one counts. `named` defines what the names of events mean.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Flag, Pixels, Properties, Text};
use super::named::{Named, named};
use super::page::query_of;
use super::reserved::{RawOrder, Reserved};
use super::{NAME_CHARS_MAX, PageUrl, ParseError, Sent, URL_BYTES_MAX, check_domains};

#[derive(Deserialize)]
struct PlausibleEvent<'a> {
    #[serde(borrow)]
    n: Option<Text<'a>>,
    name: Option<Text<'a>>,
    u: Option<Text<'a>>,
    url: Option<Text<'a>>,
    d: Option<Text<'a>>,
    domain: Option<Text<'a>>,
    r: Option<Text<'a>>,
    referrer: Option<Text<'a>>,
    i: Option<Flag>,
    interactive: Option<Flag>,
    h: Option<Flag>,
    #[serde(rename = "hashMode")]
    hash_mode: Option<Flag>,
    w: Option<Pixels>,
    c: Option<Flag>,
    m: Option<Properties<'a>>,
    meta: Option<Properties<'a>>,
    p: Option<Properties<'a>>,
    props: Option<Properties<'a>>,
    e: Option<Text<'a>>,
    sd: Option<Text<'a>>,
    #[serde(rename = "$")]
    revenue: Option<&'a RawValue>,
    items: Option<&'a RawValue>,
    o: Option<&'a RawValue>,
}

/// Parses a body.
pub fn parse(body: &[u8]) -> Result<Sent<'_>, ParseError> {
    // Checking UTF-8 once is faster than checking each text. Bytes that are no UTF-8 may be in a field that is ignored.
    let wire: Result<PlausibleEvent<'_>, _> = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    };
    let wire = wire.map_err(|error| match error.is_data() {
        true => ParseError::Malformed("a field of the event has the wrong type"),
        false => ParseError::Malformed("the body is not JSON"),
    })?;
    let Some(Text(name)) = wire.n.or(wire.name).filter(|name| !name.0.trim().is_empty()) else {
        return Err(ParseError::Malformed("n (name) is missing"));
    };
    if name.len() > NAME_CHARS_MAX && name.chars().count() > NAME_CHARS_MAX {
        return Err(ParseError::Malformed("n (name) is longer than 120 characters"));
    }
    let Some(Text(url)) = wire.u.or(wire.url) else { return Err(ParseError::Malformed("u (url) is missing")) };
    if url.len() > URL_BYTES_MAX {
        return Err(ParseError::TooLarge("u (url) is longer than 2 KiB"));
    }
    let fragment = wire.h.or(wire.hash_mode).is_some_and(|flag| flag.0);
    let query = query_of(&url);
    let Some(page) = PageUrl::of_url(url, fragment) else {
        return Err(ParseError::Malformed("u (url) is not an absolute URL"));
    };
    let domains = match wire.d.or(wire.domain) {
        Some(Text(domains)) => domains,
        None => page.host().to_owned().into(),
    };
    check_domains(&domains)?;
    let properties = wire.m.or(wire.meta).or(wire.p).or(wire.props).unwrap_or_default().0;
    let number = |text: Option<Text<'_>>| text.and_then(|text| text.0.trim().parse().ok());
    let Named { kind, name, amount, properties, engagement } =
        named(name, properties, number(wire.e), number(wire.sd)).map_err(ParseError::Malformed)?;
    let order = match (wire.revenue, wire.items) {
        (None, None) => RawOrder::None,
        (revenue, items) => RawOrder::Json { revenue, items, id: wire.o },
    };
    Ok(Sent {
        domains,
        kind,
        name,
        automated: false,
        interactive: wire.i.or(wire.interactive).is_none_or(|flag| flag.0),
        page,
        referrer: wire.r.or(wire.referrer).map_or("".into(), |text| text.0),
        screen_px: wire.w.and_then(|width| width.0),
        consent: wire.c.is_some_and(|flag| flag.0),
        properties,
        engagement,
        amount,
        once: "".into(),
        reserved: Reserved::new(query, order),
    })
}

#[cfg(test)]
mod tests {
    use schema::event::Kind;
    use schema::extra::Engagement;

    use super::*;

    fn hit(body: &str) -> Sent<'_> {
        parse(body.as_bytes()).unwrap_or_else(|bad| panic!("{bad}: {body}"))
    }

    fn bad(body: &str) -> ParseError {
        parse(body.as_bytes()).err().unwrap_or_else(|| panic!("is a hit: {body}"))
    }

    #[test]
    fn a_page_view_of_plausibles_script_is_parsed() {
        let sent = hit(
            r#"{"n":"pageview","v":29,"u":"https://www.example.org/a?utm_source=x","d":"example.org","r":"https://duckduckgo.com/","p":{"k":["v"]},"i":false}"#,
        );
        assert_eq!((sent.kind, &*sent.name, &*sent.domains), (Kind::Pageview, "", "example.org"));
        assert_eq!(
            (sent.page.host(), sent.page.path(), &*sent.referrer),
            ("example.org", "/a", "https://duckduckgo.com/")
        );
        assert!(!sent.interactive && !sent.consent && sent.screen_px.is_none());
    }

    #[test]
    fn long_names_are_accepted_and_short_ones_win() {
        let sent = hit(
            r#"{"name":"Signup","url":"https:\/\/example.org\/b#x","domain":"a","referrer":null,"interactive":true,"hashMode":1,"n":null}"#,
        );
        assert_eq!((sent.kind, &*sent.name, &*sent.domains), (Kind::Custom, "Signup", "a"));
        assert_eq!((sent.page.path(), sent.page.fragment(), sent.interactive), ("/b", "x", true));
        let both = hit(r#"{"name":"long","n":"short","u":"https://example.org","url":"https://other.org"}"#);
        assert_eq!((&*both.name, &*both.domains), ("short", "example.org"));
    }

    #[test]
    fn a_404_is_an_error_also_as_a_number() {
        for body in [r#"{"n":404,"u":"https://a.org/x"}"#, r#"{"n":"404","u":"https://a.org/x"}"#] {
            let sent = hit(body);
            assert_eq!((sent.kind, &*sent.name), (Kind::Error, "404"));
        }
    }

    #[test]
    fn our_own_tracker_adds_width_and_consent() {
        let sent = hit(r#"{"n":"pageview","u":"https://a.org/","w":1440,"c":true,"h":0}"#);
        assert_eq!((sent.screen_px, sent.consent), (Some(1440), true));
        for odd in ["\"wide\"", "-3", "null", "[1]", "{}", "1e99"] {
            let body = format!(r#"{{"n":"pageview","u":"https://a.org/","w":{odd}}}"#);
            assert!(matches!(hit(&body).screen_px, None | Some(u32::MAX)), "{odd}");
        }
    }

    #[test]
    fn engagement_has_a_duration_and_a_scroll_depth() {
        let sent = hit(r#"{"n":"engagement","u":"https://a.org/","d":"a.org","sd":140,"e":3100,"v":29}"#);
        assert_eq!((sent.kind, sent.engagement), (Kind::Engagement, Some(Engagement { ms: 3100, scroll: 100 })));
        let sent = hit(r#"{"n":"engagement","u":"https://a.org/","sd":"40"}"#);
        assert_eq!(sent.engagement, Some(Engagement { ms: 0, scroll: 40 }));
        let neither = ParseError::Malformed("an engagement event needs e (milliseconds) or sd (percent)");
        for body in [r#"{"n":"engagement","u":"https://a.org/"}"#, r#"{"n":"engagement","u":"https://a.org/","e":-1}"#]
        {
            assert_eq!(bad(body), neither, "{body}");
        }
    }

    #[test]
    fn an_order_and_the_query_are_not_parsed_until_there_is_a_basis() {
        let body = r#"{"n":"purchase","u":"https://a.org/thanks?utm_campaign=Spring","c":true,"o":"A-1",
            "$":{"currency":"EUR","amount":"12.30"},"items":[{"name":"Tea","price":12.3}],"p":{"plan":"free"}}"#;
        let sent = hit(body);
        assert_eq!((sent.kind, &*sent.name, sent.page.path()), (Kind::Custom, "purchase", "/thanks"));
        assert_eq!(format!("{:?}", sent.reserved), "Reserved(..)");
        let site = schema::sites::Site::new(1, "a.org");
        let opened = sent.reserved.open(crate::lane::Basis::of(&site, sent.consent).unwrap(), "");
        let order = opened.order.unwrap();
        assert_eq!((&*opened.campaign.name, &*order.id, order.revenue), ("Spring", "A-1", 1230));
        assert_eq!((order.items.len(), &*sent.properties[0].1), (1, "free"));
    }

    #[test]
    fn a_body_that_is_no_hit_gets_the_reason_and_is_never_quoted() {
        for (body, why) in [
            ("", "the body is not JSON"),
            ("{", "the body is not JSON"),
            (r#"{"n":"pageview","u":"https://a.org/"} x"#, "the body is not JSON"),
            ("[]", "a field of the event has the wrong type"),
            (r#"{"n":["x@y.z"],"u":"https://a.org/"}"#, "a field of the event has the wrong type"),
            (r#"{"n":"a","u":"https://a.org/","i":"x@y.z"}"#, "a field of the event has the wrong type"),
            (r#"{"u":"https://a.org/"}"#, "n (name) is missing"),
            (r#"{"n":" ","u":"https://a.org/"}"#, "n (name) is missing"),
            (r#"{"n":"pageview"}"#, "u (url) is missing"),
            (r#"{"n":"pageview","u":"data:text/html,x"}"#, "u (url) is not an absolute URL"),
            (r#"{"n":"pageview","u":"https://a.org/","d":"a.org,,b.org"}"#, "d (domain) is empty"),
            (r#"{"n":"pageview","u":"file:///x"}"#, "d (domain) is empty"),
        ] {
            assert_eq!(bad(body), ParseError::Malformed(why), "{body}");
        }
        let many = format!(r#"{{"n":"pageview","u":"https://a.org/","d":"{}"}}"#, "a,".repeat(16) + "a");
        assert_eq!(bad(&many), ParseError::Malformed("d (domain) names more than 16 sites"));
        let long = format!(r#"{{"n":"pageview","u":"https://a.org/{}"}}"#, "x".repeat(URL_BYTES_MAX));
        assert_eq!(bad(&long).refusal(), schema::fate::Refusal::TooLarge);
        let name = format!(r#"{{"n":"{}","u":"https://a.org/"}}"#, "é".repeat(NAME_CHARS_MAX + 1));
        assert_eq!(bad(&name), ParseError::Malformed("n (name) is longer than 120 characters"));
    }
}
