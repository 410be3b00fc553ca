//! A request's headers to a hit's [`Head`]: who sent it, and what they ask for.

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
    let prefix = prefix(request, proxies);
    let Said { agent, language, hints, wishes } = said(&request.headers);
    Head { visitor: Visitor { prefix, agent, language }, hints, wishes }
}

/// What the headers say, but for addresses.
#[derive(Default)]
struct Said<'a> {
    agent: &'a [u8],
    language: &'a [u8],
    hints: Hints<'a>,
    wishes: Wishes,
}

/// Once through all headers: asking the map for a dozen that most requests do not have costs more. Of a header that
/// comes twice the first counts, but any cookie and any wish does.
fn said(headers: &HeaderMap) -> Said<'_> {
    let mut said = Said::default();
    for (name, value) in headers {
        let value = value.as_bytes();
        match name.as_str() {
            "user-agent" => first(&mut said.agent, value),
            "accept-language" => first(&mut said.language, value),
            "sec-ch-ua" => first(&mut said.hints.brands, value),
            "sec-ch-ua-platform" => first(&mut said.hints.platform, value),
            "sec-gpc" => said.wishes.gpc |= value.trim_ascii() == b"1",
            "dnt" => said.wishes.dnt |= value.trim_ascii() == b"1",
            "cookie" => {
                for cookie in value.split(|b| *b == b';').map(<[u8]>::trim_ascii) {
                    said.wishes.opt_out |= cookie == OPT_OUT_COOKIE.as_bytes();
                    said.wishes.own |= cookie == OWN_COOKIE.as_bytes();
                }
            }
            // What browsers and proxies say when nobody is looking yet.
            "sec-purpose" | "purpose" | "x-purpose" | "x-moz" => said.wishes.prefetch |= is_ahead(value),
            _ => {}
        }
    }
    said
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

fn prefix(request: &RequestHead, proxies: &Proxies) -> Prefix {
    let name = match proxies.header {
        Header::XForwardedFor => &X_FORWARDED_FOR,
        Header::Forwarded => &header::FORWARDED,
    };
    let values = request.headers.get_all(name).map(|value| value.to_str().unwrap_or_default());
    proxies.prefix(request.peer_addr, values)
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
