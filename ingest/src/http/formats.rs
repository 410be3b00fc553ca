//! The addresses that other counters' trackers send to, and the answers they expect. None of them tells about a person.
//!
//! | | |
//! |---|---|
//! | `GET|POST /count` | GoatCounter: the picture |
//! | `POST /api/send` | Umami: 200 `{"beep":"boop"}`: no session, no cache |
//! | `POST /api/batch` | the same for a list: 200 `{"size", "processed", "errors", "details"}` |
//! | `GET|POST /matomo.php` | Matomo: the picture; 204 with `send_image=0`; for a list 200 `{"status", "tracked", "invalid"}` |
//!
//! A refused hit is answered like a counted one, with `x-footfall-dropped`, and so is a request that asks for nothing to be
//! counted. What is no hit is 400 or 413; our fault 503. Matomo's script sends its POSTs with credentials, and sends a
//! picture's request after one whose answer it may not read: that answer names the page's origin, or hits would come twice.

use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Bytes, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use schema::clock::now_s;
use schema::fate::Refusal;
use serde_json::json;

use super::{BodyMax, SEVERAL_HITS, Worker, answer, head, stored, whole_body, worker};
use crate::accept::{ParseError, Sent, goatcounter, matomo, umami};
use crate::collect::{Outcome, Walk};
use crate::fate;

pub(super) fn configure(config: &mut ServiceConfig) {
    let preflight = || web::method(Method::OPTIONS).to(answer::preflight);
    config
        .service(
            web::resource("/count")
                .route(web::get().to(count))
                .route(web::post().to(count))
                .route(web::head().to(answer::gif_head))
                .route(preflight()),
        )
        .service(web::resource("/api/send").route(web::post().to(send)).route(preflight()))
        .service(web::resource("/api/batch").route(web::post().to(batch)).route(preflight()))
        .service(
            web::resource("/matomo.php")
                .route(web::get().to(matomo_get))
                .route(web::post().to(matomo_post))
                .route(web::head().to(answer::gif_head))
                .route(web::method(Method::OPTIONS).to(matomo_preflight)),
        );
}

/// What became of the hits of one request.
#[derive(Default)]
struct Hits {
    outcome: Outcome,
    /// What was no hit, by its place in the list, and why.
    bad: Vec<(usize, ParseError)>,
    all: usize,
}

impl Worker {
    /// Walks what a request sent. Nothing awaits in here.
    fn hits(
        &self,
        request: &HttpRequest,
        read: impl FnOnce(&mut dyn FnMut(Result<Option<Sent<'_>>, ParseError>)),
    ) -> Hits {
        let mut walk = self.walk.borrow_mut();
        let walk: &mut Walk = &mut walk;
        walk.begin();
        let head = head::of(request.head(), &self.edge.collector.proxies);
        let (mut hits, now_s) = (Hits::default(), now_s());
        read(&mut |sent| {
            let place = hits.all;
            hits.all += 1;
            let Some(sent) = sent.transpose() else { return }; // there is nothing to count
            hits.bad.extend(sent.as_ref().err().map(|bad| (place, *bad)));
            let Outcome { ticket, refused, failed } = walk.collect(sent, &head, now_s);
            hits.outcome.ticket = ticket.or(hits.outcome.ticket.take());
            hits.outcome.refused = hits.outcome.refused.or(refused);
            hits.outcome.failed = failed.or(hits.outcome.failed);
        });
        hits
    }

    /// The whole body, or its refusal, counted.
    async fn body(
        &self,
        request: &HttpRequest,
        payload: Payload,
        max: BodyMax,
    ) -> Result<Bytes, (Refusal, &'static str)> {
        let body = whole_body(request.headers(), request.conn_data(), payload.into_inner(), max).await;
        body.inspect_err(|(refusal, _)| self.walk.borrow().refuse(*refusal, now_s()))
    }
}

async fn count(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let mut hits = worker.hits(&request, |hit| {
        let [referer, origin] = [header::REFERER, header::ORIGIN].map(|name| head::text(&request, &name));
        hit(goatcounter::parse(request.query_string(), referer, origin).map(Some));
    });
    drop((request, worker));
    stored(&mut hits.outcome).await;
    answer::open_to_all(answer::gif(&hits.outcome))
}

async fn send(request: HttpRequest, payload: Payload) -> HttpResponse {
    let worker = worker(&request);
    let body = match worker.body(&request, payload, SEVERAL_HITS).await {
        Ok(body) => body,
        Err((refusal, why)) => return umami_no(refusal, why),
    };
    let mut hits = worker.hits(&request, |hit| hit(umami::parse(&body)));
    drop((request, body, worker));
    stored(&mut hits.outcome).await;
    match hits.bad.first() {
        Some((_, bad)) => umami_no(bad.refusal(), bad.why()),
        None => answer::json(StatusCode::OK, &json!({ "beep": "boop" }), &hits.outcome),
    }
}

async fn batch(request: HttpRequest, payload: Payload) -> HttpResponse {
    let worker = worker(&request);
    let body = match worker.body(&request, payload, SEVERAL_HITS).await {
        Ok(body) => body,
        Err((refusal, why)) => return umami_no(refusal, why),
    };
    let mut is_list = true;
    let mut hits = worker.hits(&request, |hit| match umami::batch(&body) {
        Ok(all) => all.iter().for_each(|one| hit(umami::parse(one.get().as_bytes()))),
        Err(bad) => {
            is_list = false;
            hit(Err(bad));
        }
    });
    drop((request, body, worker));
    stored(&mut hits.outcome).await;
    let Hits { outcome, bad, all } = hits;
    if let (false, Some((_, bad))) = (is_list, bad.first()) {
        return umami_no(bad.refusal(), bad.why());
    }
    let details: Vec<_> = bad
        .iter()
        .map(|(index, bad)| json!({ "index": index, "response": { "error": { "message": bad.why() } } }))
        .collect();
    let counts = json!({ "size": all, "processed": all - bad.len(), "errors": bad.len(), "details": details });
    answer::json(StatusCode::OK, &counts, &outcome)
}

/// To what is no hit, as Umami says it.
fn umami_no(refusal: Refusal, why: &str) -> HttpResponse {
    let outcome = Outcome { refused: Some(refusal), ..Outcome::default() };
    answer::json(fate::status(refusal), &json!({ "error": { "message": why } }), &outcome)
}

async fn matomo_get(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let hits = worker.hits(&request, |hit| hit(matomo::parse(request.query_string(), b"", referer(&request))));
    let (origin, no_image) = (origin(&request), matomo::wants_no_image(request.query_string(), b""));
    drop((request, worker));
    matomo_one(hits, origin, no_image).await
}

async fn matomo_post(request: HttpRequest, payload: Payload) -> HttpResponse {
    let worker = worker(&request);
    let origin = origin(&request);
    let body = match worker.body(&request, payload, SEVERAL_HITS).await {
        Ok(body) => body,
        Err((refusal, why)) => return for_page(answer::refused_event(refusal, why), origin),
    };
    if !matomo::is_bulk(&body) {
        let hits = worker.hits(&request, |hit| hit(matomo::parse(request.query_string(), &body, referer(&request))));
        let no_image = matomo::wants_no_image(request.query_string(), &body);
        drop((request, body, worker));
        return matomo_one(hits, origin, no_image).await;
    }
    let mut is_list = true;
    let mut hits = worker.hits(&request, |hit| match matomo::bulk(&body) {
        Ok(all) => all.iter().for_each(|one| hit(matomo::parse(one, b"", ""))),
        Err(bad) => {
            is_list = false;
            hit(Err(bad));
        }
    });
    drop((request, body, worker));
    stored(&mut hits.outcome).await;
    let Hits { outcome, bad, all } = hits;
    let answer = match (is_list, bad.first()) {
        (false, Some((_, bad))) => answer::refused_event(bad.refusal(), bad.why()),
        _ => {
            let counts = json!({ "status": "success", "tracked": all - bad.len(), "invalid": bad.len() });
            answer::json(StatusCode::OK, &counts, &outcome)
        }
    };
    for_page(answer, origin)
}

async fn matomo_one(mut hits: Hits, origin: Option<HeaderValue>, no_image: bool) -> HttpResponse {
    stored(&mut hits.outcome).await;
    let mut answer = answer::gif(&hits.outcome);
    if no_image && answer.status() == StatusCode::OK {
        answer.headers_mut().remove(header::CONTENT_TYPE);
        *answer.status_mut() = StatusCode::NO_CONTENT;
        answer = answer.drop_body().map_into_boxed_body();
    }
    for_page(answer, origin)
}

async fn matomo_preflight(request: HttpRequest) -> HttpResponse {
    for_page(answer::preflight().await, origin(&request))
}

fn referer(request: &HttpRequest) -> &str {
    head::text(request, &header::REFERER)
}

fn origin(request: &HttpRequest) -> Option<HeaderValue> {
    request.headers().get(header::ORIGIN).cloned()
}

/// Lets the page that asks read the answer, also if it sent credentials. There is nothing in it that is anybody's.
fn for_page(mut answer: HttpResponse, origin: Option<HeaderValue>) -> HttpResponse {
    let Some(origin) = origin else { return answer::open_to_all(answer) };
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    answer
}
