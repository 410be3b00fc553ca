//! `POST /api/hits`: many hits that a server tells of, each with who and when.
//!
//! `{"site": DOMAIN, "hits": [...]}`, 1,000 at most; a hit has the fields of [`plausible`] without `d`, and
//!
//! | field | meaning |
//! |---|---|
//! | `ip` | the visitor's address; truncated before anything else is done with it |
//! | `user_agent`, `language` | the visitor's `User-Agent` and `Accept-Language` |
//! | `time` | when it happened: RFC 3339, or seconds since 1970 in UTC |
//! | `opt_out`, `gpc`, `dnt` | `true`: the visitor objects, by a choice of the site's own or by the browser's header |

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Flag, Text};
use super::{BATCH_HITS_MAX, Bad, Sent, plausible};
use crate::admit::Wishes;
use crate::client::Prefix;
use crate::hit::Visitor;

/// Longest body, in bytes.
pub const HITS_BYTES_MAX: usize = 1 << 20;

/// The hits of one body, unread.
pub struct Hits<'a> {
    /// The site of all of them.
    pub site: Cow<'a, str>,
    all: Vec<&'a RawValue>,
}

/// One hit, as told.
pub struct Told<'a> {
    prefix: Prefix,
    agent: Cow<'a, str>,
    language: Cow<'a, str>,
    /// What its visitor asks for.
    pub wishes: Wishes,
    /// UTC seconds.
    pub time_s: i64,
    /// The rest.
    pub sent: Sent<'a>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    site: Text<'a>,
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Who<'a> {
    #[serde(borrow)]
    ip: Option<Text<'a>>,
    user_agent: Option<Text<'a>>,
    language: Option<Text<'a>>,
    time: Option<Text<'a>>,
    opt_out: Option<Flag>,
    gpc: Option<Flag>,
    dnt: Option<Flag>,
}

/// Reads a body as far as its list.
pub fn read(body: &[u8]) -> Result<Hits<'_>, Bad> {
    let Wire { site: Text(site), hits: all } = serde_json::from_slice(body).map_err(|error| match error.is_data() {
        true => Bad::Malformed("the body is no {\"site\": DOMAIN, \"hits\": [...]}"),
        false => Bad::Malformed("the body is not JSON"),
    })?;
    if all.len() > BATCH_HITS_MAX {
        return Err(Bad::TooLarge("there are more than 1,000 hits"));
    }
    Ok(Hits { site, all })
}

impl<'a> Hits<'a> {
    /// Each hit, or why it is none. `key` is the sender's own of this body: a hit is a repeat if key and place are.
    pub fn each(&self, key: &str) -> impl Iterator<Item = Result<Told<'a>, Bad>> {
        self.all.iter().enumerate().map(move |(place, raw)| told(raw, format!("{key}:{place}")))
    }
}

fn told<'a>(raw: &'a RawValue, once: String) -> Result<Told<'a>, Bad> {
    let Who { ip, user_agent, language, time, opt_out, gpc, dnt } =
        serde_json::from_str(raw.get()).map_err(|_| Bad::Malformed("a field of the hit has the wrong type"))?;
    let prefix = ip.map_or(Prefix::UNKNOWN, |ip| Prefix::of_text(ip.0.trim()));
    if prefix == Prefix::UNKNOWN {
        return Err(Bad::Malformed("ip is missing or no address"));
    }
    let Some(time_s) = time.and_then(|time| schema::clock::seconds_of(time.0.trim())) else {
        return Err(Bad::Malformed("time is missing, or neither RFC 3339 nor UTC seconds"));
    };
    let is = |flag: Option<Flag>| flag.is_some_and(|flag| flag.0);
    let wishes = Wishes { opt_out: is(opt_out), gpc: is(gpc), dnt: is(dnt), prefetch: false, own: false };
    let [agent, language] = [user_agent, language].map(|text| text.map_or("".into(), |text| text.0));
    let sent = Sent { once: once.into(), ..plausible::read(raw.get().as_bytes())? };
    Ok(Told { prefix, agent, language, wishes, time_s, sent })
}

impl Told<'_> {
    /// Who did it.
    pub fn visitor(&self) -> Visitor<'_> {
        Visitor { prefix: self.prefix, agent: self.agent.as_bytes(), language: self.language.as_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(hit: &str) -> Result<(i64, Wishes, String, String), Bad> {
        let body = format!(r#"{{"site":"a.org","hits":[{hit}]}}"#);
        let hits = read(body.as_bytes())?;
        let told = hits.each("k-1").next().unwrap()?;
        Ok((told.time_s, told.wishes, told.sent.once.to_string(), told.sent.page.path().to_owned()))
    }

    #[test]
    fn a_hit_says_who_when_and_what() {
        let hit = |time: &str| {
            format!(
                r#"{{"ip":"203.0.113.77","user_agent":"Firefox","language":"fr","time":{time},"n":"pageview","u":"https://a.org/x","gpc":true}}"#
            )
        };
        let wishes = Wishes { gpc: true, ..Wishes::default() };
        for time in ["1795521600", "\"1795521600\"", "\"2026-11-24T12:00:00Z\"", "\"2026-11-24T13:00:00.9+01:00\""] {
            assert_eq!(first(&hit(time)), Ok((1_795_521_600, wishes, "k-1:0".to_owned(), "/x".to_owned())), "{time}");
        }
        let bad = Bad::Malformed("time is missing, or neither RFC 3339 nor UTC seconds");
        for time in ["\"yesterday\"", "null", "\"2026-11-24T12:00:00\""] {
            assert_eq!(first(&hit(time)), Err(bad), "{time}");
        }
    }

    #[test]
    fn the_visitor_is_the_one_told_of_and_the_address_is_truncated_at_once() {
        let body = r#"{"site":"a.org","hits":[{"ip":"203.0.113.77","user_agent":"Firefox","time":1,"n":"a","u":"https://a.org/"}]}"#;
        let told = read(body.as_bytes()).unwrap().each("k").next().unwrap().unwrap();
        let visitor = told.visitor();
        assert_eq!(
            (visitor.prefix.bytes(), visitor.agent, visitor.language),
            (&[203, 0, 113][..], &b"Firefox"[..], &b""[..])
        );
    }

    #[test]
    fn what_is_no_hit_is_told_why() {
        for (hit, why) in [
            ("7", "a field of the hit has the wrong type"),
            (r#"{"time":1,"n":"a","u":"https://a.org/"}"#, "ip is missing or no address"),
            (r#"{"ip":"host.example","time":1,"n":"a","u":"https://a.org/"}"#, "ip is missing or no address"),
            (r#"{"ip":"::1","time":1,"n":"a"}"#, "u (url) is missing"),
        ] {
            assert_eq!(first(hit), Err(Bad::Malformed(why)), "{hit}");
        }
        assert!(read(b"[]").is_err() && read(b"{").is_err() && read(br#"{"site":"a.org"}"#).is_err());
        let many = format!(r#"{{"site":"a.org","hits":[{}0]}}"#, "0,".repeat(BATCH_HITS_MAX));
        assert!(matches!(read(many.as_bytes()), Err(Bad::TooLarge(_))));
    }
}
