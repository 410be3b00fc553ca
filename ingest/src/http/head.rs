//! The headers of a request to a hit's [`Head`]: the visitor, client hints, and objections.
//!
//! Requests arrive in two forms: actix's map of headers, and the headers of a plain request as `httparse` found them.
//! Both are read by one table of names, [`HeaderName`]. The address is truncated before anything else is looked at.

use std::net::SocketAddr;

use actix_web::HttpRequest;
use actix_web::dev::RequestHead;
use actix_web::http::header::{self, HeaderMap};

use crate::admit::{OPT_OUT_COOKIE, OWN_COOKIE, Wishes};
use crate::client::{Prefix, Proxies, ProxyHeader};
use crate::collect::Head;
use crate::enrich::agent::Hints;
use crate::hit::Visitor;

static X_FORWARDED_FOR: header::HeaderName = header::HeaderName::from_static("x-forwarded-for");
static FORWARDED: header::HeaderName = header::FORWARDED;

/// The head of a request that actix has read.
pub(super) fn from_actix<'a>(request: &'a RequestHead, proxies: &Proxies) -> Head<'a> {
    let forwarded = request.headers.get_all(proxy_header(proxies)).map(|value| value.to_str().unwrap_or_default());
    let prefix = proxies.prefix(request.peer_addr, forwarded);
    HeaderFields::of_map(&request.headers).into_head(prefix)
}

/// The head of a plain request.
pub(super) fn from_plain<'a>(
    headers: &[httparse::Header<'a>],
    peer: Option<SocketAddr>,
    proxies: &Proxies,
) -> Head<'a> {
    let name = proxy_header(proxies).as_str();
    let values = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value);
    let forwarded = values.map(|value| std::str::from_utf8(value).ok().filter(|value| value.is_ascii()));
    let prefix = proxies.prefix(peer, forwarded.map(Option::unwrap_or_default));
    let mut fields = HeaderFields::default();
    for header in headers {
        let mut name = [0; HeaderName::BYTES_MAX];
        // A longer name is none of the table's.
        if let Some(name) = name.get_mut(..header.name.len()) {
            name.copy_from_slice(header.name.as_bytes());
            name.make_ascii_lowercase();
            fields.read(name, header.value);
        }
    }
    fields.into_head(prefix)
}

/// The name of the header in which proxies write the client's address.
fn proxy_header(proxies: &Proxies) -> &'static header::HeaderName {
    match proxies.header {
        ProxyHeader::XForwardedFor => &X_FORWARDED_FOR,
        ProxyHeader::Forwarded => &FORWARDED,
    }
}

/// Declares the table of header names, so that all of its uses follow from one list.
macro_rules! header_names {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A header that a hit's head is read from, but for the proxies' header.
        #[derive(Clone, Copy)]
        enum HeaderName {
            $($variant),+
        }

        impl HeaderName {
            /// All names, in lower case.
            const ALL: &[&[u8]] = &[$($name),+];

            /// The header of this name, which is in lower case.
            fn of(name: &[u8]) -> Option<HeaderName> {
                match name {
                    $($name => Some(HeaderName::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

header_names! {
    UserAgent = b"user-agent",
    AcceptLanguage = b"accept-language",
    SecChUa = b"sec-ch-ua",
    SecChUaPlatform = b"sec-ch-ua-platform",
    SecGpc = b"sec-gpc",
    Dnt = b"dnt",
    Cookie = b"cookie",
    SecPurpose = b"sec-purpose",
    Purpose = b"purpose",
    XPurpose = b"x-purpose",
    XMoz = b"x-moz",
}

impl HeaderName {
    /// The length of the longest name.
    const BYTES_MAX: usize = {
        let (mut longest, mut at) = (0, 0);
        while at < Self::ALL.len() {
            if Self::ALL[at].len() > longest {
                longest = Self::ALL[at].len();
            }
            at += 1;
        }
        longest
    };
}

/// The values of the headers in the table.
#[derive(Default)]
struct HeaderFields<'a> {
    agent: &'a [u8],
    language: &'a [u8],
    hints: Hints<'a>,
    wishes: Wishes,
}

impl<'a> HeaderFields<'a> {
    /// Goes through all headers once: a look-up in the map for each name of the table, most of which a request does not
    /// have, costs more.
    fn of_map(headers: &'a HeaderMap) -> HeaderFields<'a> {
        let mut fields = HeaderFields::default();
        headers.iter().for_each(|(name, value)| fields.read(name.as_str().as_bytes(), value.as_bytes()));
        fields
    }

    /// Reads one header, its name in lower case. If a header is sent several times, the first value that is not empty
    /// counts; but a cookie, an objection or a prefetch counts in whichever of them it is.
    fn read(&mut self, name: &[u8], value: &'a [u8]) {
        let Some(name) = HeaderName::of(name) else { return };
        match name {
            HeaderName::UserAgent => set_if_empty(&mut self.agent, value),
            HeaderName::AcceptLanguage => set_if_empty(&mut self.language, value),
            HeaderName::SecChUa => set_if_empty(&mut self.hints.brands, value),
            HeaderName::SecChUaPlatform => set_if_empty(&mut self.hints.platform, value),
            HeaderName::SecGpc => self.wishes.gpc |= value.trim_ascii() == b"1",
            HeaderName::Dnt => self.wishes.dnt |= value.trim_ascii() == b"1",
            HeaderName::Cookie => {
                for cookie in value.split(|b| *b == b';').map(<[u8]>::trim_ascii) {
                    self.wishes.opt_out |= cookie == OPT_OUT_COOKIE.as_bytes();
                    self.wishes.own |= cookie == OWN_COOKIE.as_bytes();
                }
            }
            // Browsers and proxies that load a page before the visitor opens it use different names.
            HeaderName::SecPurpose | HeaderName::Purpose | HeaderName::XPurpose | HeaderName::XMoz => {
                self.wishes.prefetch |= is_prefetch(value);
            }
        }
    }

    fn into_head(self, prefix: Prefix) -> Head<'a> {
        let HeaderFields { agent, language, hints, wishes } = self;
        Head { visitor: Visitor { prefix, agent, language }, hints, wishes }
    }
}

fn set_if_empty<'a>(field: &mut &'a [u8], value: &'a [u8]) {
    if field.is_empty() {
        *field = value;
    }
}

fn is_prefetch(value: &[u8]) -> bool {
    let words = [&b"prefetch"[..], b"prerender", b"preview"];
    words.iter().any(|word| value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word)))
}

/// A header as text; empty if it is missing or is not UTF-8.
pub(super) fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> &'a str {
    request.headers().get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok()).unwrap_or_default()
}

/// What the headers ask for.
pub(super) fn wishes(headers: &HeaderMap) -> Wishes {
    HeaderFields::of_map(headers).wishes
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value));
        lines.iter().map(pair).collect()
    }

    /// The head that each path reads from one header: as actix reads it, and as a plain request has it.
    fn on_both_paths(name: &'static str, value: &'static str, proxies: &Proxies) -> [String; 2] {
        let peer: Option<SocketAddr> = Some("198.51.100.7:4711".parse().unwrap());
        let mut request = RequestHead::default();
        (request.headers, request.peer_addr) = (map(&[(name, value)]), peer);
        let name = name.split('-').map(|part| part[..1].to_uppercase() + &part[1..]).collect::<Vec<_>>().join("-");
        let plain = [httparse::Header { name: &name, value: value.as_bytes() }];
        [from_actix(&request, proxies), from_plain(&plain, peer, proxies)].map(|head| {
            let Head { visitor: Visitor { prefix, agent, language }, hints, wishes } = head;
            format!("{:?} {:?} {wishes:?}", prefix.bytes(), [agent, language, hints.brands, hints.platform])
        })
    }

    #[test]
    fn every_name_of_the_table_is_read_on_both_paths() {
        let proxies = Proxies { trusted: vec![], header: ProxyHeader::XForwardedFor };
        let [nothing, _] = on_both_paths("x-other", "1", &proxies);
        for name in HeaderName::ALL {
            let name = std::str::from_utf8(name).unwrap();
            let mut was_read = false;
            // Each header of the table is read from one of these values.
            for value in ["1", "prefetch", OPT_OUT_COOKIE, OWN_COOKIE] {
                let [actix, plain] = on_both_paths(name, value, &proxies);
                assert_eq!(actix, plain, "{name}: {value}");
                was_read |= plain != nothing;
            }
            assert!(was_read, "{name}");
        }
    }

    #[test]
    fn the_proxies_header_is_read_on_both_paths() {
        for (header, name, value) in [
            (ProxyHeader::XForwardedFor, "x-forwarded-for", "203.0.113.77"),
            (ProxyHeader::Forwarded, "forwarded", "for=203.0.113.77"),
        ] {
            let proxies = Proxies { trusted: vec!["198.51.100.0/24".parse().unwrap()], header };
            let [actix, plain] = on_both_paths(name, value, &proxies);
            assert!(actix == plain && plain.starts_with("[203, 0, 113]"), "{name}: {actix}, {plain}");
            let [_, other] = on_both_paths("x-other", value, &proxies);
            assert!(other.starts_with("[198, 51, 100]"), "{other}");
        }
    }

    #[test]
    fn of_a_repeated_header_the_first_value_that_is_not_empty_counts() {
        let headers = map(&[
            ("user-agent", ""),
            ("user-agent", "first"),
            ("user-agent", "second"),
            ("accept-language", "fr"),
            ("accept-language", "en"),
        ]);
        let fields = HeaderFields::of_map(&headers);
        assert_eq!((fields.agent, fields.language), (&b"first"[..], &b"fr"[..]));
    }

    /// A proxy may have added a header of its own: it does not overrule the objection in another.
    #[test]
    fn an_objection_counts_in_whichever_header_of_a_name_it_is() {
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
                let wishes = wishes(&map(&[(name, first), (name, second)]));
                assert_eq!(asks(&wishes), expected, "{name}: {first}, {second}");
            }
        }
    }
}
