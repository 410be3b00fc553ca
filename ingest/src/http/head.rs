//! A request's headers to a hit's [`Head`]: who sent it, and what they ask for.

use actix_web::HttpRequest;
use actix_web::dev::RequestHead;
use actix_web::http::header::{self, HeaderMap, HeaderName};

use crate::admit::{OPT_OUT_COOKIE, OWN_COOKIE, Wishes};
use crate::client::{Header, Prefix, Proxies};
use crate::collect::Head;
use crate::enrich::agent::Hints;
use crate::hit::Visitor;

static SEC_CH_UA: HeaderName = HeaderName::from_static("sec-ch-ua");
static SEC_CH_UA_PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");
static SEC_GPC: HeaderName = HeaderName::from_static("sec-gpc");
static DNT: HeaderName = HeaderName::from_static("dnt");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What browsers and proxies say when nobody is looking yet.
static PURPOSES: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// Reads the head of a request. The address is truncated before anything else is looked at.
pub(super) fn of<'a>(request: &'a RequestHead, proxies: &Proxies) -> Head<'a> {
    let prefix = prefix(request, proxies);
    let headers = &request.headers;
    let bytes = |name: &HeaderName| headers.get(name).map_or(&b""[..], |value| value.as_bytes());
    let agent = bytes(&header::USER_AGENT);
    let language = bytes(&header::ACCEPT_LANGUAGE);
    let hints = Hints { brands: bytes(&SEC_CH_UA), platform: bytes(&SEC_CH_UA_PLATFORM) };
    Head { visitor: Visitor { prefix, agent, language }, hints, wishes: wishes(headers) }
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
    let is_one = |name: &HeaderName| headers.get(name).is_some_and(|value| value.as_bytes().trim_ascii() == b"1");
    let has_cookie = |wanted: &str| {
        let cookies = headers.get_all(header::COOKIE).flat_map(|value| value.as_bytes().split(|b| *b == b';'));
        cookies.map(<[u8]>::trim_ascii).any(|cookie| cookie == wanted.as_bytes())
    };
    let ahead = |value: &[u8]| {
        [&b"prefetch"[..], b"prerender", b"preview"]
            .iter()
            .any(|word| value.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word)))
    };
    Wishes {
        opt_out: has_cookie(OPT_OUT_COOKIE),
        gpc: is_one(&SEC_GPC),
        dnt: is_one(&DNT),
        prefetch: PURPOSES.iter().flat_map(|name| headers.get(name)).any(|value| ahead(value.as_bytes())),
        own: has_cookie(OWN_COOKIE),
    }
}
