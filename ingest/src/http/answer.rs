//! Fates to answers. No answer sets a cookie or tells anything about a person.

use actix_http::ResponseHead;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode, Version};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use schema::fate::Refusal;

use crate::collect::Outcome;
use crate::fate;

/// Says why a hit was not counted: a mistake in a site's setup is not to be hidden.
pub(super) static DROPPED: HeaderName = HeaderName::from_static("x-footfall-dropped");
static RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

// Looked at byte by byte once, not for each answer.
static TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
static JSON: HeaderValue = HeaderValue::from_static("application/json");
static PICTURE: HeaderValue = HeaderValue::from_static("image/gif");
static SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");
static ANYBODY: HeaderValue = HeaderValue::from_static("*");
static NEVER_KEPT: HeaderValue = HeaderValue::from_static("no-store");
static ANYWHERE: HeaderValue = HeaderValue::from_static("cross-origin");

/// One transparent pixel.
pub(super) static GIF: &[u8; 43] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff\
    !\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// What pages of other origins may send: Umami's script sends the last three, and no one reads them.
const ALLOWED_HEADERS: &str = "content-type, x-umami-cache, x-umami-website-id, x-umami-hostname";

/// When to try again, in seconds.
const RETRY_AFTER_S: &str = "10";

/// The tracker's bytes, with their hash as the name of their version.
#[derive(Clone)]
pub struct Script {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Script {
    /// Takes the script as it is to be sent.
    pub fn new(bytes: &'static [u8]) -> Script {
        let tag = format!("\"{}\"", &blake3::hash(bytes).to_hex()[..16]);
        let etag = HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes are a header's text");
        Script { bytes: Bytes::from_static(bytes), etag }
    }

    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let known = request.headers().get_all(header::IF_NONE_MATCH).any(|known| {
            let tags = known.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii);
            tags.map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag)).any(|tag| tag == self.etag.as_bytes())
        });
        let mut answer = match known {
            true => HttpResponse::new(StatusCode::NOT_MODIFIED),
            false => with_body(StatusCode::OK, self.bytes.clone(), &SCRIPT),
        };
        let headers = answer.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY.clone());
        headers.insert(RESOURCE_POLICY.clone(), ANYWHERE.clone());
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

pub(super) fn open_to_all(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANYBODY.clone());
    answer
}

fn dropped(answer: &mut HttpResponse, why: &'static str) {
    let headers = answer.headers_mut();
    headers.insert(DROPPED.clone(), HeaderValue::from_static(why));
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-footfall-dropped"));
}

/// To a hit that is counted, or refused.
pub(super) fn event(refused: Option<Refusal>) -> HttpResponse {
    let mut answer = open_to_all(line(StatusCode::ACCEPTED, "ok"));
    if let Some(refusal) = refused {
        dropped(&mut answer, refusal.label());
    }
    answer
}

/// Whether it says that it is its connection's last.
///
/// Actix uses the heads of answers again, with the version that the last one had: where that was HTTP/1.0, an answer that
/// says nothing of it would be a last one. It is written in its request's version in any case.
pub(super) fn closes(head: &mut ResponseHead) -> bool {
    head.version = Version::HTTP_11;
    head.connection_type() == ConnectionType::Close
}

/// To what is no hit, with one line of reason. A connection whose body was not read to its end is closed.
pub(super) fn refused_event(refusal: Refusal, why: &'static str) -> HttpResponse {
    let mut answer = open_to_all(line(fate::status(refusal), why));
    dropped(&mut answer, refusal.label());
    if matches!(refusal, Refusal::TooLarge | Refusal::Slow) {
        answer.head_mut().set_connection_type(ConnectionType::Close);
    }
    answer
}

/// To a hit that we could not keep.
pub(super) fn failed_event() -> HttpResponse {
    let mut answer = open_to_all(line(StatusCode::SERVICE_UNAVAILABLE, "not stored; try again later"));
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    answer
}

/// JSON for other counters' trackers; 503 if a hit could not be kept.
pub(super) fn json(status: StatusCode, body: &serde_json::Value, outcome: &Outcome) -> HttpResponse {
    let (status, text) = match outcome.failed {
        Some(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, r#"{"error":{"message":"not stored; try again later"}}"#.to_owned())
        }
        None => (status, body.to_string()),
    };
    let mut answer = open_to_all(with_body(status, Bytes::from(text), &JSON));
    if let Some(refusal) = outcome.refused {
        dropped(&mut answer, refusal.label());
    }
    if outcome.failed.is_some() {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    answer
}

/// To a server that sent many hits.
pub(super) fn fates(status: StatusCode, body: &serde_json::Value) -> HttpResponse {
    let mut answer = with_body(status, Bytes::from(body.to_string()), &JSON);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    answer
}

/// The picture, whatever became of the hit: an error page has no place in someone's mail.
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
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    answer
}

/// `HEAD` of the picture: nobody looks, so nobody is counted.
pub(super) async fn gif_head() -> HttpResponse {
    picture(StatusCode::OK)
}

fn picture(status: StatusCode) -> HttpResponse {
    let mut answer = with_body(status, Bytes::from_static(GIF), &PICTURE);
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, NEVER_KEPT.clone());
    headers.insert(RESOURCE_POLICY.clone(), ANYWHERE.clone());
    answer
}

/// To a browser that asks whether it may send from another origin.
pub(super) async fn preflight() -> HttpResponse {
    let mut answer = open_to_all(HttpResponse::new(StatusCode::NO_CONTENT));
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    answer
}

/// To what is neither a hit nor asks about sending one.
pub(super) async fn only_post() -> HttpResponse {
    let mut answer = HttpResponse::new(StatusCode::METHOD_NOT_ALLOWED);
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    answer
}

/// The process runs.
pub(super) async fn live() -> HttpResponse {
    line(StatusCode::OK, "live")
}
