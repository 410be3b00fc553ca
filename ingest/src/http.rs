//! HTTP to hits and fates to answers, on whatever origin the binary serves.
//!
//! | | |
//! |---|---|
//! | `POST /api/event` | 202 `ok`, and `x-footfall-dropped: <reason>` if a hit of it was refused; CORS open, no credentials |
//! | `GET|POST /count`, `POST /api/send`, `/api/batch`, `GET|POST /matomo.php` | see `formats` |
//! | `POST /api/hits` | see `hits` |
//! | `GET /f.gif` | the picture, never to be cached; 200, or 503 with it as body when the hit could not be stored |
//! | `GET /b/SITE/CAMPAIGN.gif` | the same, for mails and advertisements |
//! | `GET`, `POST /opt-out`, `GET /opt-out/status` | the page on which people object |
//! | `GET /footfall.js` | the tracker, cached for an hour |
//! | `GET /healthz/live`, `/healthz/ready` | 200, or 503 |
//!
//! Over a limit is 413, no hit at all 400 with one line of reason, too slow 408 and closed, our fault 503 with
//! `Retry-After`. Nothing is answered 500. `HEAD` of the picture is answered and not counted. How long a connection may
//! take for what is [`watch`]'s to say.

mod answer;
mod formats;
pub mod front;
mod head;
mod hits;
mod opt_out;
pub mod plain;
pub mod watch;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};

use actix_http::Request;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Bytes, BytesMut, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, dev};
use futures_core::Stream;
use schema::clock::now_s;
use schema::fate::Refusal;

use crate::accept::{BATCH_BYTES_MAX, BODY_BYTES_MAX, ParseError, beacon, pixel, plausible};
use crate::collect::{Collector, Head, Outcome, Walk};

pub use answer::Script;
pub use hits::{Sender, Senders};
use plain::Answers;
use watch::Watched;

/// What is mounted.
#[derive(Clone)]
pub struct Edge {
    /// Where hits go.
    pub collector: Arc<Collector>,
    /// The tracker for pages.
    pub script: Script,
    /// Servers that may send hits.
    pub senders: Arc<Senders>,
}

/// One worker thread's.
struct Worker {
    edge: Edge,
    walk: RefCell<Walk>,
    answers: Answers,
}

impl Worker {
    fn new(edge: Edge) -> Worker {
        Worker { walk: RefCell::new(Walk::new(edge.collector.clone())), answers: Answers::new(), edge }
    }
}

/// All routes but `POST /api/event`, which does not come so far: see [`front`].
fn configure(config: &mut ServiceConfig, worker: &Rc<Worker>) {
    config
        .app_data(Rc::clone(worker))
        .service(
            web::resource("/api/event")
                .route(web::method(Method::OPTIONS).to(answer::preflight))
                .default_service(web::to(answer::only_post)),
        )
        .service(web::resource("/f.gif").route(web::get().to(gif)).route(web::head().to(answer::gif_head)))
        .service(web::resource("/b/{site}/{file}").route(web::get().to(beacon)).route(web::head().to(answer::gif_head)))
        .service(web::resource("/opt-out").route(web::get().to(opt_out::page)).route(web::post().to(opt_out::choose)))
        .service(web::resource("/opt-out/status").route(web::get().to(opt_out::status)))
        .configure(formats::configure)
        .configure(hits::configure)
        .service(web::resource("/footfall.js").route(web::get().to(script)).route(web::head().to(script)))
        .service(web::resource("/healthz/live").route(web::get().to(answer::live)))
        .service(web::resource("/healthz/ready").route(web::get().to(ready)));
}

fn worker(request: &HttpRequest) -> Rc<Worker> {
    request.app_data::<Rc<Worker>>().expect("`configure` has put it there").clone()
}

async fn event(worker: Rc<Worker>, mut request: Request) -> HttpResponse {
    let payload = request.take_payload();
    let body = match whole_body(&request.head().headers, request.conn_data(), payload, ONE_HIT).await {
        Ok(body) => body,
        Err((refusal, why)) => {
            worker.walk.borrow().refuse(refusal, now_s());
            return answer::refused_event(refusal, why);
        }
    };
    let head = || head::of(request.head(), &worker.edge.collector.proxies);
    let mut read = read(&worker, &body, head, now_s());
    drop((request, body, worker));
    stored(&mut read.outcome).await;
    answer_to(&read)
}

/// What became of the hits of one body, and what is wrong with it.
struct Read {
    outcome: Outcome,
    why: Option<ParseError>,
}

impl Read {
    /// All of it was.
    fn is_stored(&self) -> bool {
        self.outcome.failed.is_none() && self.outcome.refused.is_none()
    }
}

/// From a body that is whole to the disk's queue: nothing awaits.
fn read<'a>(worker: &Worker, body: &[u8], head: impl FnOnce() -> Head<'a>, now_s: i64) -> Read {
    let mut walk = worker.walk.borrow_mut();
    walk.begin();
    let sent = plausible::parse(body);
    let why = sent.as_ref().err().copied();
    Read { outcome: walk.collect(sent, &head(), now_s), why }
}

fn answer_to(Read { outcome, why }: &Read) -> HttpResponse {
    match (why, outcome.failed, outcome.refused) {
        (Some(bad), _, Some(refusal)) => answer::refused_event(refusal, bad.why()),
        (_, Some(_), _) => answer::failed_event(),
        (_, None, refused) => answer::event(refused),
    }
}

async fn gif(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let mut outcome = {
        let mut walk = worker.walk.borrow_mut();
        walk.begin();
        let sent = pixel::parse(request.query_string(), head::text(&request, &header::REFERER));
        let head = head::of(request.head(), &worker.edge.collector.proxies);
        walk.collect(sent, &head, now_s())
    };
    drop((request, worker));
    stored(&mut outcome).await;
    answer::gif(&outcome)
}

async fn beacon(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let mut outcome = {
        let mut walk = worker.walk.borrow_mut();
        walk.begin();
        let part = |name| request.match_info().get(name).unwrap_or_default();
        let sent = beacon::parse(part("site"), part("file"));
        let head = head::of(request.head(), &worker.edge.collector.proxies);
        walk.collect(sent, &head, now_s())
    };
    drop((request, worker));
    stored(&mut outcome).await;
    answer::gif(&outcome)
}

/// Waits until what was appended is on disk, or is known not to be.
async fn stored(outcome: &mut Outcome) {
    if let Some(ticket) = outcome.ticket.take()
        && let Err(fault) = ticket.await
    {
        outcome.failed = Some(fault);
    }
}

/// How long a body may be, and what is said of one that is longer.
type BodyMax = (usize, &'static str);

const ONE_HIT: BodyMax = (BODY_BYTES_MAX, "the body is longer than 16 KiB");
const SEVERAL_HITS: BodyMax = (BATCH_BYTES_MAX, "the body is longer than 64 KiB");

/// The whole body, if it is small and quick enough.
async fn whole_body(
    headers: &HeaderMap,
    watched: Option<&Watched>,
    payload: dev::Payload,
    (bytes_max, why): BodyMax,
) -> Result<Bytes, (Refusal, &'static str)> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > bytes_max) {
        return Err((Refusal::TooLarge, why));
    }
    watched.inspect(|watched| watched.receives());
    let body = collected(payload, bytes_max).await;
    watched.inspect(|watched| watched.answers(body.as_ref().ok().and_then(|body| Some(body.as_ref()?.len()))));
    match body {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err((Refusal::TooLarge, why)),
        Err(()) if watched.is_some_and(Watched::is_overdue) => Err((Refusal::Slow, "the body took too long")),
        Err(()) => Err((Refusal::Malformed, "the body did not arrive whole")),
    }
}

/// The body's chunks as one; `None` if there is too much of it. Most bodies are one chunk and are not copied.
///
/// No chunk wakes who waits for it: only the connection's own task brings chunks, it is the one that waits, and it asks
/// again in the same turn. Woken nevertheless, it went through all its states once more for every hit.
async fn collected(mut payload: dev::Payload, bytes_max: usize) -> Result<Option<Bytes>, ()> {
    let mut unwoken = Context::from_waker(Waker::noop());
    let mut next =
        async || poll_fn(|_| Pin::new(&mut payload).poll_next(&mut unwoken)).await.transpose().map_err(|_| ());
    let Some(first) = next().await? else { return Ok(Some(Bytes::new())) };
    let Some(second) = next().await? else { return Ok((first.len() <= bytes_max).then_some(first)) };
    let mut whole = BytesMut::from(&first[..]);
    let mut chunk = Some(second);
    while let Some(more) = chunk {
        whole.extend_from_slice(&more);
        if whole.len() > bytes_max {
            return Ok(None);
        }
        chunk = next().await?;
    }
    Ok(Some(whole.freeze()))
}

async fn script(request: HttpRequest) -> HttpResponse {
    worker(&request).edge.script.answer(&request)
}

async fn ready(request: HttpRequest) -> HttpResponse {
    match worker(&request).edge.collector.is_ready(now_s()) {
        true => answer::line(StatusCode::OK, "ready"),
        false => answer::line(StatusCode::SERVICE_UNAVAILABLE, "the spool cannot be written, or there is no salt"),
    }
}

#[cfg(test)]
mod tests;
