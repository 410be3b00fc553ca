//! A request's headers to a hit's [`Head`]: who sent it, and what they ask for.

use std::net::SocketAddr;

use actix_web::HttpRequest;
use actix_web::dev::RequestHead;
use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::admit::{OPT_OUT_COOKIE, OWN_COOKIE, Wishes};
use crate::client::{Header, Prefix, Proxies};
use crate::collect::Head;
use crate::enrich::agent::Hints;
use crate::hit::Visitor;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Reads the head of a request. The address is truncated before anything else is looked at.
pub(super) fn of<'a>(request: &'a RequestHead, proxies: &Proxies) -> Head<'a> {
    let forwarded = request.headers.get_all(forwarded(proxies)).map(|value| value.to_str().unwrap_or_default());
    let prefix = proxies.prefix(request.peer_addr, forwarded);
    said(&request.headers).head(prefix)
}

/// The same, of headers as they came.
pub(super) fn of_plain<'a>(headers: &[httparse::Header<'a>], peer: Option<SocketAddr>, proxies: &Proxies) -> Head<'a> {
    let name = forwarded(proxies).as_str();
    let values = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
    let forwarded = values.map(|value| std::str::from_utf8(value).ok().filter(|value| value.is_ascii()));
    let prefix = proxies.prefix(peer, forwarded.map(Option::unwrap_or_default));
    let mut said = Said::default();
    for header in headers {
        let mut name = [0; LONGEST_NAME];
        if let Some(name) = name.get_mut(..header.name.len()) {
            name.copy_from_slice(header.name.as_bytes());
            name.make_ascii_lowercase();
            said.hears(name, header.value);
        }
    }
    said.head(prefix)
}

/// The header that proxies write.
fn forwarded(proxies: &Proxies) -> &'static HeaderName {
    static FORWARDED: HeaderName = header::FORWARDED;
    match proxies.header {
        Header::XForwardedFor => &X_FORWARDED_FOR,
        Header::Forwarded => &FORWARDED,
    }
}

/// What the headers say, but for addresses.
#[derive(Default)]
struct Said<'a> {
    agent: &'a [u8],
    language: &'a [u8],
    hints: Hints<'a>,
    wishes: Wishes,
}

/// The longest name that is listened for.
const LONGEST_NAME: usize = "sec-ch-ua-platform".len();

/// Once through all headers: asking the map for a dozen that most requests do not have costs more.
fn said(headers: &HeaderMap) -> Said<'_> {
    let mut said = Said::default();
    headers.iter().for_each(|(name, value)| said.hears(name.as_str().as_bytes(), value.as_bytes()));
    said
}

impl<'a> Said<'a> {
    /// One more header, its name in lower case. Of one that comes twice the first counts, but any cookie and any wish does.
    fn hears(&mut self, name: &[u8], value: &'a [u8]) {
        match name {
            b"user-agent" => first(&mut self.agent, value),
            b"accept-language" => first(&mut self.language, value),
            b"sec-ch-ua" => first(&mut self.hints.brands, value),
            b"sec-ch-ua-platform" => first(&mut self.hints.platform, value),
            b"sec-gpc" => self.wishes.gpc |= value.trim_ascii() == b"1",
            b"dnt" => self.wishes.dnt |= value.trim_ascii() == b"1",
            b"cookie" => {
                for cookie in value.split(|b| *b == b';').map(<[u8]>::trim_ascii) {
                    self.wishes.opt_out |= cookie == OPT_OUT_COOKIE.as_bytes();
                    self.wishes.own |= cookie == OWN_COOKIE.as_bytes();
                }
            }
            // What browsers and proxies say when nobody is looking yet.
            b"sec-purpose" | b"purpose" | b"x-purpose" | b"x-moz" => self.wishes.prefetch |= is_ahead(value),
            _ => {}
        }
    }

    fn head(self, prefix: Prefix) -> Head<'a> {
        let Said { agent, language, hints, wishes } = self;
        Head { visitor: Visitor { prefix, agent, language }, hints, wishes }
    }
}

fn first<'a>(place: &mut &'a [u8], value: &'a [u8]) {
    if place.is_empty() {
        *place = value;
    }
}

fn is_ahead(value: &[u8]) -> bool {
    let words = [&b"prefetch"[..], b"prerender", b"preview"];
    words.iter().any(|word| value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word)))
}

/// A header as text; empty if it is missing or no text.
pub(super) fn text<'a>(request: &'a HttpRequest, name: &HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).unwrap_or_default()
}

pub(super) fn wishes(headers: &HeaderMap) -> Wishes {
    said(headers).wishes
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        lines.iter().map(pair).collect()
    }

    #[test]
    fn of_what_comes_twice_the_first_that_says_something_counts() {
        let headers = headers(&[
            ("user-agent", ""),
            ("user-agent", "first"),
            ("user-agent", "second"),
            ("accept-language", "fr"),
            ("accept-language", "en"),
        ]);
        let said = said(&headers);
        assert_eq!((said.agent, said.language), (&b"first"[..], &b"fr"[..]));
    }

    /// Whoever objects in one place is not overruled in another: a proxy may have added its own.
    #[test]
    fn a_wish_counts_wherever_it_stands() {
        type Asks = fn(&Wishes) -> bool;
        let asked: [(&str, &str, &str, Asks); 5] = [
            ("sec-gpc", "0", " 1", |wishes| wishes.gpc),
            ("dnt", "0", "1", |wishes| wishes.dnt),
            ("cookie", "a=b", "c=d; footfall_optout=1", |wishes| wishes.opt_out),
            ("cookie", "a=b", "footfall_own=1;c=d", |wishes| wishes.own),
            ("sec-purpose", "", "prefetch;prerender", |wishes| wishes.prefetch),
        ];
        for (name, no, yes, asks) in asked {
            for (first, second, expected) in [(yes, no, true), (no, yes, true), (no, no, false)] {
                assert_eq!(
                    asks(&wishes(&headers(&[(name, first), (name, second)]))),
                    expected,
                    "{name}: {first}, {second}"
                );
            }
        }
    }
}
