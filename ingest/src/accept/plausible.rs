//! `POST /api/event`: Plausible's JSON, whatever the content type says, and our own tracker's (the same, and `w`, `c`).
//!
//! | field | long name | meaning |
//! |---|---|---|
//! | `n` | `name` | what happened: `pageview`, or a name of the site's own (`404` and `error` are errors); a number counts as text |
//! | `u` | `url` | the page, absolute |
//! | `d` | `domain` | the site, or several separated by commas; without it, the page's host |
//! | `r` | `referrer` | the page before |
//! | `i` | `interactive` | `false`: does not show that someone stayed |
//! | `h` | `hashMode` | the site routes by fragment |
//! | `w` | | width of the screen, CSS pixels |
//! | `c` | | consent to marketing measures |
//! | `p`, `m`, `props`, `meta`, `v`, others | | read over |
//!
//! Short names win over long ones. `engagement` pings are understood and not a hit yet: see [`Read::Engagement`].

use std::borrow::Cow;
use std::fmt;

use schema::event::Kind;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Unexpected, Visitor};

use super::{Bad, NAME_CHARS_MAX, Page, Sent, URL_BYTES_MAX, check_domains};

/// What a body was.
pub enum Read<'a> {
    /// A hit.
    Hit(Sent<'a>),
    /// Time and scroll depth of a page already counted: answered, counted in a metric of its own, not stored.
    Engagement,
}

#[derive(Deserialize)]
struct Wire<'a> {
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
}

/// Reads a body.
pub fn read(body: &[u8]) -> Result<Read<'_>, Bad> {
    let wire: Wire<'_> = serde_json::from_slice(body).map_err(|error| match error.is_data() {
        true => Bad::Malformed("a field of the event has the wrong type"),
        false => Bad::Malformed("the body is not JSON"),
    })?;
    let Some(Text(name)) = wire.n.or(wire.name).filter(|name| !name.0.trim().is_empty()) else {
        return Err(Bad::Malformed("n (name) is missing"));
    };
    if name == "engagement" {
        return Ok(Read::Engagement);
    }
    if name.len() > NAME_CHARS_MAX && name.chars().count() > NAME_CHARS_MAX {
        return Err(Bad::Malformed("n (name) is longer than 120 characters"));
    }
    let Some(Text(url)) = wire.u.or(wire.url) else { return Err(Bad::Malformed("u (url) is missing")) };
    if url.len() > URL_BYTES_MAX {
        return Err(Bad::TooLarge("u (url) is longer than 2 KiB"));
    }
    let fragment = wire.h.or(wire.hash_mode).is_some_and(|flag| flag.0);
    let Some(page) = Page::of_url(url, fragment) else { return Err(Bad::Malformed("u (url) is not an absolute URL")) };
    let domains = match wire.d.or(wire.domain) {
        Some(Text(domains)) => domains,
        None => Cow::Owned(page.host().to_owned()),
    };
    check_domains(&domains)?;
    let (kind, name) = match &*name {
        "pageview" => (Kind::Pageview, Cow::Borrowed("")),
        "404" | "error" => (Kind::Error, name),
        _ => (Kind::Custom, name),
    };
    Ok(Read::Hit(Sent {
        domains,
        kind,
        name,
        interactive: wire.i.or(wire.interactive).is_none_or(|flag| flag.0),
        page,
        referrer: wire.r.or(wire.referrer).map_or(Cow::Borrowed(""), |text| text.0),
        screen_px: wire.w.and_then(|width| width.0),
        consent: wire.c.is_some_and(|flag| flag.0),
    }))
}

/// Text, or a whole number as text: a tracker may send 404 as a number.
struct Text<'a>(Cow<'a, str>);

/// `true`, or a number that is not 0, or either of them as text.
struct Flag(bool);

/// A number of pixels; anything else is read over.
struct Pixels(Option<u32>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Flag, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Flag, E> {
                Ok(Flag(number != 0))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Flag, E> {
                match text {
                    "true" | "1" => Ok(Flag(true)),
                    "false" | "0" | "" => Ok(Flag(false)),
                    _ => Err(E::invalid_value(Unexpected::Other("text"), &self)),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Pixels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pixels, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Any {
            Whole(u32),
            Part(f64),
            Other(IgnoredAny),
        }
        Ok(Pixels(match Any::deserialize(deserializer)? {
            Any::Whole(px) => Some(px),
            Any::Part(px) if px.is_finite() && px >= 0.0 => Some(px as u32),
            Any::Part(_) | Any::Other(IgnoredAny) => None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(body: &str) -> Sent<'_> {
        match read(body.as_bytes()) {
            Ok(Read::Hit(sent)) => sent,
            Ok(Read::Engagement) => panic!("engagement: {body}"),
            Err(bad) => panic!("{bad}: {body}"),
        }
    }

    fn bad(body: &str) -> Bad {
        read(body.as_bytes()).err().unwrap_or_else(|| panic!("is a hit: {body}"))
    }

    #[test]
    fn plausibles_script_is_understood() {
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
    fn long_names_are_understood_and_short_ones_win() {
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
    fn engagement_is_understood() {
        let body = br#"{"n":"engagement","u":"https://a.org/","d":"a.org","sd":40,"e":3100,"v":29}"#;
        assert!(matches!(read(body), Ok(Read::Engagement)));
    }

    #[test]
    fn what_is_no_hit_is_told_why_and_never_quoted() {
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
            assert_eq!(bad(body), Bad::Malformed(why), "{body}");
        }
        let many = format!(r#"{{"n":"pageview","u":"https://a.org/","d":"{}"}}"#, "a,".repeat(16) + "a");
        assert_eq!(bad(&many), Bad::Malformed("d (domain) names more than 16 sites"));
        let long = format!(r#"{{"n":"pageview","u":"https://a.org/{}"}}"#, "x".repeat(URL_BYTES_MAX));
        assert_eq!(bad(&long).refusal(), schema::fate::Refusal::TooLarge);
        let name = format!(r#"{{"n":"{}","u":"https://a.org/"}}"#, "é".repeat(NAME_CHARS_MAX + 1));
        assert_eq!(bad(&name), Bad::Malformed("n (name) is longer than 120 characters"));
    }
}
