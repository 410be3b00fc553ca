//! `POST /api/hits`: many hits that a server sends for its visitors. Each hit names its visitor and its time.
//!
//! The body is `{"site": DOMAIN, "hits": [...]}` with at most 1,000 hits. A hit has the fields of [`plausible`] without
//! `d`, and
//!
//! | field | meaning |
//! |---|---|
//! | `ip` | the visitor's address; it is truncated before anything else is done with it |
//! | `user_agent`, `language` | the visitor's `User-Agent` and `Accept-Language` |
//! | `time` | when it happened: RFC 3339, or seconds since 1970 in UTC |
//! | `opt_out`, `gpc`, `dnt` | `true`: the visitor objects, by a choice on the site or by the browser's header |

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Flag, Text};
use super::{BATCH_HITS_MAX, ParseError, Sent, plausible};
use crate::admit::Wishes;
use crate::client::Prefix;
use crate::hit::Visitor;

/// Longest body, in bytes.
pub const HITS_BYTES_MAX: usize = 1 << 20;

/// The hits of one body, not parsed yet.
pub struct ServerHits<'a> {
    /// The site of all of them.
    pub site: Cow<'a, str>,
    all: Vec<&'a RawValue>,
}

/// One hit of a server's list.
pub struct ServerHit<'a> {
    prefix: Prefix,
    agent: Cow<'a, str>,
    language: Cow<'a, str>,
    /// The visitor's objections.
    pub wishes: Wishes,
    /// UTC seconds.
    pub time_s: i64,
    /// The hit itself.
    pub sent: Sent<'a>,
}

#[derive(Deserialize)]
struct ServerBody<'a> {
    #[serde(borrow)]
    site: Text<'a>,
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct SenderFields<'a> {
    #[serde(borrow)]
    ip: Option<Text<'a>>,
    user_agent: Option<Text<'a>>,
    language: Option<Text<'a>>,
    time: Option<Text<'a>>,
    opt_out: Option<Flag>,
    gpc: Option<Flag>,
    dnt: Option<Flag>,
}

/// Parses a body up to its list of hits.
pub fn parse(body: &[u8]) -> Result<ServerHits<'_>, ParseError> {
    let ServerBody { site: Text(site), hits: all } =
        serde_json::from_slice(body).map_err(|error| match error.is_data() {
            true => ParseError::Malformed("the body is no {\"site\": DOMAIN, \"hits\": [...]}"),
            false => ParseError::Malformed("the body is not JSON"),
        })?;
    if all.len() > BATCH_HITS_MAX {
        return Err(ParseError::TooLarge("there are more than 1,000 hits"));
    }
    Ok(ServerHits { site, all })
}

impl<'a> ServerHits<'a> {
    /// Each hit, or why it is none. `key` is the sender's idempotency key of this body: a hit with the same key and
    /// the same index is a repeat.
    pub fn each(&self, key: &str) -> impl Iterator<Item = Result<ServerHit<'a>, ParseError>> {
        self.all.iter().enumerate().map(move |(index, raw)| server_hit(raw, format!("{key}:{index}")))
    }
}

fn server_hit<'a>(raw: &'a RawValue, once: String) -> Result<ServerHit<'a>, ParseError> {
    let SenderFields { ip, user_agent, language, time, opt_out, gpc, dnt } =
        serde_json::from_str(raw.get()).map_err(|_| ParseError::Malformed("a field of the hit has the wrong type"))?;
    let prefix = ip.map_or(Prefix::UNKNOWN, |ip| Prefix::of_text(ip.0.trim()));
    if prefix == Prefix::UNKNOWN {
        return Err(ParseError::Malformed("ip is missing or no address"));
    }
    let Some(time_s) = time.and_then(|time| schema::clock::seconds_of(time.0.trim())) else {
        return Err(ParseError::Malformed("time is missing, or neither RFC 3339 nor UTC seconds"));
    };
    let is = |flag: Option<Flag>| flag.is_some_and(|flag| flag.0);
    let wishes = Wishes { opt_out: is(opt_out), gpc: is(gpc), dnt: is(dnt), prefetch: false, own: false };
    let [agent, language] = [user_agent, language].map(|text| text.map_or("".into(), |text| text.0));
    let sent = Sent { once: once.into(), ..plausible::parse(raw.get().as_bytes())? };
    Ok(ServerHit { prefix, agent, language, wishes, time_s, sent })
}

impl ServerHit<'_> {
    /// The visitor that the server names.
    pub fn visitor(&self) -> Visitor<'_> {
        Visitor { prefix: self.prefix, agent: self.agent.as_bytes(), language: self.language.as_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(hit: &str) -> Result<(i64, Wishes, String, String), ParseError> {
        let body = format!(r#"{{"site":"a.org","hits":[{hit}]}}"#);
        let hits = parse(body.as_bytes())?;
        let hit = hits.each("k-1").next().unwrap()?;
        Ok((hit.time_s, hit.wishes, hit.sent.once.to_string(), hit.sent.page.path().to_owned()))
    }

    #[test]
    fn a_hit_has_a_time_objections_a_number_and_a_page() {
        let hit = |time: &str| {
            format!(
                r#"{{"ip":"203.0.113.77","user_agent":"Firefox","language":"fr","time":{time},"n":"pageview","u":"https://a.org/x","gpc":true}}"#
            )
        };
        let wishes = Wishes { gpc: true, ..Wishes::default() };
        for time in ["1795521600", "\"1795521600\"", "\"2026-11-24T12:00:00Z\"", "\"2026-11-24T13:00:00.9+01:00\""] {
            assert_eq!(first(&hit(time)), Ok((1_795_521_600, wishes, "k-1:0".to_owned(), "/x".to_owned())), "{time}");
        }
        let bad = ParseError::Malformed("time is missing, or neither RFC 3339 nor UTC seconds");
        for time in ["\"yesterday\"", "null", "\"2026-11-24T12:00:00\""] {
            assert_eq!(first(&hit(time)), Err(bad), "{time}");
        }
    }

    #[test]
    fn the_visitor_is_the_one_that_the_server_names_and_the_address_is_truncated() {
        let body = r#"{"site":"a.org","hits":[{"ip":"203.0.113.77","user_agent":"Firefox","time":1,"n":"a","u":"https://a.org/"}]}"#;
        let hit = parse(body.as_bytes()).unwrap().each("k").next().unwrap().unwrap();
        let visitor = hit.visitor();
        assert_eq!(
            (visitor.prefix.bytes(), visitor.agent, visitor.language),
            (&[203, 0, 113][..], &b"Firefox"[..], &b""[..])
        );
    }

    #[test]
    fn an_entry_that_is_no_hit_gets_the_reason() {
        for (hit, why) in [
            ("7", "a field of the hit has the wrong type"),
            (r#"{"time":1,"n":"a","u":"https://a.org/"}"#, "ip is missing or no address"),
            (r#"{"ip":"host.example","time":1,"n":"a","u":"https://a.org/"}"#, "ip is missing or no address"),
            (r#"{"ip":"::1","time":1,"n":"a"}"#, "u (url) is missing"),
        ] {
            assert_eq!(first(hit), Err(ParseError::Malformed(why)), "{hit}");
        }
        assert!(parse(b"[]").is_err() && parse(b"{").is_err() && parse(br#"{"site":"a.org"}"#).is_err());
        let many = format!(r#"{{"site":"a.org","hits":[{}0]}}"#, "0,".repeat(BATCH_HITS_MAX));
        assert!(matches!(parse(many.as_bytes()), Err(ParseError::TooLarge(_))));
    }
}
