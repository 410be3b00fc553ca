//! The fates of hits to HTTP answers. No answer but those of `opt_out` sets a cookie, and none contains anything about
//! a visitor.

use actix_http::ResponseHead;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use schema::fate::Refusal;

use crate::collect::Outcome;
use crate::fate;

/// The header with the reason why a hit was not counted, so that a mistake in a site's setup can be seen.
pub(super) static DROPPED: HeaderName = HeaderName::from_static("x-footfall-dropped");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

// Checked byte by byte once, and not for each answer.
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static PICTURE: HeaderValue = HeaderValue::from_static("image/gif");
static SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
static ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
static NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
static CROSS_ORIGIN: HeaderValue = HeaderValue::from_static("cross-origin");

/// One transparent pixel.
pub(super) static GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff\
    !\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// The headers that pages of other origins may send. Umami's script sends the last three, which are not read.
const ALLOWED_HEADERS: &str = "content-type, x-umami-cache, x-umami-website-id, x-umami-hostname";

/// When the client may try again, in seconds.
const RETRY_AFTER_S: &str = "10";

/// The tracker for pages; its version is the hash of its bytes.
#[derive(Clone)]
pub struct Script {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Script {
    /// `bytes` are sent as they are.
    pub fn new(bytes: &'static [u8]) -> Script {
        let tag = format!("\"{}\"", &blake3::hash(bytes).to_hex()[..16]);
        let etag = HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes are a valid header");
        Script { bytes: Bytes::from_static(bytes), etag }
    }

    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let is_cached = request.headers().get_all(header::IF_NONE_MATCH).any(|value| {
            let tags = value.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii);
            tags.map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag)).any(|tag| tag == self.etag.as_bytes())
        });
        let mut answer = match is_cached {
            true => HttpResponse::new(StatusCode::NOT_MODIFIED),
            false => with_body(StatusCode::OK, self.bytes.clone(), &SCRIPT),
        };
        let headers = answer.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN.clone());
        headers.insert(RESOURCE_POLICY.clone(), CROSS_ORIGIN.clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }
}

fn with_body(status: StatusCode, body: Bytes, content_type: &HeaderValue) -> HttpResponse {
    let mut answer = HttpResponse::with_body(status, body).map_into_boxed_body();
    answer.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    answer
}

/// One line of text.
pub(super) fn line(status: StatusCode, text: &'static str) -> HttpResponse {
    with_body(status, Bytes::from_static(text.as_bytes()), &TEXT)
}

/// Lets pages of all origins read the answer.
pub(super) fn open_to_all(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN.clone());
    answer
}

fn set_dropped(answer: &mut HttpResponse, why: &'static str) {
    let headers = answer.headers_mut();
    headers.insert(DROPPED.clone(), HeaderValue::from_static(why));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-footfall-dropped"));
}

fn set_retry_after(answer: &mut HttpResponse) {
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
}

/// The answer to a hit that is stored or refused.
pub(super) fn event(refused: Option<Refusal>) -> HttpResponse {
    let mut answer = open_to_all(line(StatusCode::ACCEPTED, "ok"));
    if let Some(refusal) = refused {
        set_dropped(&mut answer, refusal.label());
    }
    answer
}

/// Makes the answer one of HTTP/1.1, before [`is_last`] is asked.
///
/// Actix reuses the heads of answers with the version of their last answer. If that was HTTP/1.0, an answer without
/// a `connection` header would be the last one. (Each answer is written in the version of its request anyway.)
pub(super) fn reset_version(head: &mut ResponseHead) {
    head.version = Version::HTTP_11;
}

/// Whether the answer is the last of its connection.
pub(super) fn is_last(head: &ResponseHead) -> bool {
    head.connection_type() == ConnectionType::Close
}

/// The answer to a request that is not a hit, with one line of reason. If the body was not read to its end, the
/// connection is closed.
pub(super) fn refused_event(refusal: Refusal, why: &'static str) -> HttpResponse {
    let mut answer = open_to_all(line(fate::status(refusal), why));
    set_dropped(&mut answer, refusal.label());
    if matches!(refusal, Refusal::TooLarge | Refusal::Slow) {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    answer
}

/// The answer to a hit that could not be stored.
pub(super) fn failed_event() -> HttpResponse {
    let mut answer = open_to_all(line(StatusCode::SERVICE_UNAVAILABLE, "not stored; try again later"));
    set_retry_after(&mut answer);
    answer
}

/// JSON for the trackers of other products; 503 if a hit could not be stored.
pub(super) fn json(status: StatusCode, body: &serde_json::Value, outcome: &Outcome) -> HttpResponse {
    let (status, text) = match outcome.failed {
        Some(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"error":{"message":"not stored; try again later"}}"#.to_owned())
        }
        None => (status, body.to_string()),
    };
    let mut answer = open_to_all(with_body(status, Bytes::from(text), &JSON));
    if let Some(refusal) = outcome.refused {
        set_dropped(&mut answer, refusal.label());
    }
    if outcome.failed.is_some() {
        set_retry_after(&mut answer);
    }
    answer
}

/// The answer to a server that sent many hits.
pub(super) fn fates(status: StatusCode, body: &serde_json::Value) -> HttpResponse {
    let mut answer = with_body(status, Bytes::from(body.to_string()), &JSON);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        set_retry_after(&mut answer);
    }
    answer
}

/// The picture, whatever the fate of the hit: a mail client cannot show an error page in its place.
pub(super) fn gif(outcome: &Outcome) -> HttpResponse {
    let status = match (outcome.failed, outcome.refused.map(fate::status)) {
        (Some(_), _) => StatusCode::SERVICE_UNAVAILABLE,
        (None, None | Some(StatusCode::ACCEPTED)) => StatusCode::OK,
        (None, Some(status)) => status,
    };
    let mut answer = picture(status);
    if let Some(refusal) = outcome.refused {
        answer.headers_mut().insert(DROPPED.clone(), HeaderValue::from_static(refusal.label()));
    }
    if outcome.failed.is_some() {
        set_retry_after(&mut answer);
    }
    answer
}

/// `HEAD` of the picture: no visitor sees it, so no hit is counted.
pub(super) async fn gif_head() -> HttpResponse {
    picture(StatusCode::OK)
}

fn picture(status: StatusCode) -> HttpResponse {
    let mut answer = with_body(status, Bytes::from_static(GIF), &PICTURE);
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, NO_STORE.clone());
    headers.insert(RESOURCE_POLICY.clone(), CROSS_ORIGIN.clone());
    answer
}

/// The answer to a CORS preflight.
pub(super) async fn preflight() -> HttpResponse {
    let mut answer = open_to_all(HttpResponse::new(StatusCode::NO_CONTENT));
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

/// The answer to methods that `/api/event` does not have.
pub(super) async fn only_post() -> HttpResponse {
    let mut answer = HttpResponse::new(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    answer
}

/// The liveness probe.
pub(super) async fn live() -> HttpResponse {
    line(StatusCode::OK, "live")
}
