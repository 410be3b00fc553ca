//! The endpoints of other products' trackers, and the answers that these expect.
//!
//! | endpoint | answer |
//! |---|---|
//! | `GET`, `POST /count` | GoatCounter: the picture |
//! | `POST /api/send` | Umami: 200 `{"beep":"boop"}`, without a session or a cache token |
//! | `POST /api/batch` | Umami, a list: 200 `{"size", "processed", "errors", "details"}` |
//! | `GET`, `POST /matomo.php` | Matomo: the picture; 204 with `send_image=0` |
//! | `POST /matomo.php`, a list | 200 `{"status", "tracked", "invalid"}` |
//!
//! No answer contains anything about a visitor. A refused hit is answered like a stored one, with `x-footfall-dropped`,
//! and so is a request that asks for nothing to be counted. A request that is not a hit is answered 400 or 413, a fault
//! of ours 503.
//!
//! Matomo's script sends its POSTs with credentials. If it may not read the answer, it sends the same hit again as a
//! request for a picture. So the answer names the origin of the page, or such hits would be counted twice.

use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode, header};
use actix_web::web::{self, Bytes, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use schema::clock::now_s;
use schema::fate::Refusal;
use serde_json::json;

use super::body::{BodyRefusal, SEVERAL_HITS};
use super::worker::{Collected, HitSink, Worker};
use super::{answer, head, worker};
use crate::accept::{goatcounter, matomo, umami};
use crate::collect::Outcome;
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
        .service(web::resource("/api/send").route(web::post().to(umami_send)).route(preflight()))
        .service(web::resource("/api/batch").route(web::post().to(umami_batch)).route(preflight()))
        .service(
            web::resource("/matomo.php")
                .route(web::get().to(matomo_get))
                .route(web::post().to(matomo_post))
                .route(web::head().to(answer::gif_head))
                .route(web::method(Method::OPTIONS).to(matomo_preflight)),
        );
}

impl Worker {
    /// Collects what `parse` finds in a request.
    fn collect_from<'w>(&'w self, request: &'w HttpRequest, parse: impl FnOnce(&mut HitSink<'w>)) -> Collected {
        self.collect(now_s(), |proxies| head::from_actix(request.head(), proxies), parse)
    }

    async fn body_of(&self, request: &HttpRequest, payload: Payload) -> Result<Bytes, BodyRefusal> {
        self.read_body(request.headers(), request.conn_data(), payload.into_inner(), SEVERAL_HITS).await
    }
}

async fn count(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let mut collected = worker.collect_from(&request, |hits| {
        let [referer, origin] = [header::REFERER, header::ORIGIN].map(|name| head::text(&request, &name));
        hits.push(goatcounter::parse(request.query_string(), referer, origin));
    });
    drop((request, worker));
    collected.wait_until_stored().await;
    answer::open_to_all(answer::gif(&collected.outcome))
}

async fn umami_send(request: HttpRequest, payload: Payload) -> HttpResponse {
    let worker = worker(&request);
    let body = match worker.body_of(&request, payload).await {
        Ok(body) => body,
        Err((refusal, why)) => return umami_error(refusal, why),
    };
    let mut collected = worker.collect_from(&request, |hits| hits.push_if_any(umami::parse(&body)));
    drop((request, body, worker));
    collected.wait_until_stored().await;
    match collected.bad.first() {
        Some((_, bad)) => umami_error(bad.refusal(), bad.why()),
        None => answer::json(StatusCode::OK, &json!({ "beep": "boop" }), &collected.outcome),
    }
}

async fn umami_batch(request: HttpRequest, payload: Payload) -> HttpResponse {
    let worker = worker(&request);
    let body = match worker.body_of(&request, payload).await {
        Ok(body) => body,
        Err((refusal, why)) => return umami_error(refusal, why),
    };
    let mut is_list = true;
    let mut collected = worker.collect_from(&request, |hits| match umami::batch(&body) {
        Ok(all) => all.iter().for_each(|one| hits.push_if_any(umami::parse(one.get().as_bytes()))),
        Err(bad) => {
            is_list = false;
            hits.push(Err(bad));
        }
    });
    drop((request, body, worker));
    collected.wait_until_stored().await;
    let Collected { outcome, bad, count } = collected;
    if let (false, Some((_, bad))) = (is_list, bad.first()) {
        return umami_error(bad.refusal(), bad.why());
    }
    let details: Vec<_> = bad
        .iter()
        .map(|(index, bad)| json!({ "index": index, "response": { "error": { "message": bad.why() } } }))
        .collect();
    let counts = json!({ "size": count, "processed": count - bad.len(), "errors": bad.len(), "details": details });
    answer::json(StatusCode::OK, &counts, &outcome)
}

/// The answer to what is not a hit, in Umami's format.
fn umami_error(refusal: Refusal, why: &str) -> HttpResponse {
    let outcome = Outcome { refused: Some(refusal), ..Outcome::default() };
    answer::json(fate::status(refusal), &json!({ "error": { "message": why } }), &outcome)
}

async fn matomo_get(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let collected = worker.collect_from(&request, |hits| {
        hits.push_if_any(matomo::parse(request.query_string(), b"", referer(&request)));
    });
    let (origin, no_image) = (origin(&request), matomo::wants_no_image(request.query_string(), b""));
    drop((request, worker));
    matomo_one(collected, origin, no_image).await
}

async fn matomo_post(request: HttpRequest, payload: Payload) -> HttpResponse {
    let worker = worker(&request);
    let origin = origin(&request);
    let body = match worker.body_of(&request, payload).await {
        Ok(body) => body,
        Err((refusal, why)) => return readable_by(answer::refused_event(refusal, why), origin),
    };
    if !matomo::is_bulk(&body) {
        let collected = worker.collect_from(&request, |hits| {
            hits.push_if_any(matomo::parse(request.query_string(), &body, referer(&request)));
        });
        let no_image = matomo::wants_no_image(request.query_string(), &body);
        drop((request, body, worker));
        return matomo_one(collected, origin, no_image).await;
    }
    let mut is_list = true;
    let mut collected = worker.collect_from(&request, |hits| match matomo::bulk(&body) {
        Ok(all) => all.iter().for_each(|one| hits.push_if_any(matomo::parse(one, b"", ""))),
        Err(bad) => {
            is_list = false;
            hits.push(Err(bad));
        }
    });
    drop((request, body, worker));
    collected.wait_until_stored().await;
    let Collected { outcome, bad, count } = collected;
    let answer = match (is_list, bad.first()) {
        (false, Some((_, bad))) => answer::refused_event(bad.refusal(), bad.why()),
        _ => {
            let counts = json!({ "status": "success", "tracked": count - bad.len(), "invalid": bad.len() });
            answer::json(StatusCode::OK, &counts, &outcome)
        }
    };
    readable_by(answer, origin)
}

async fn matomo_one(mut collected: Collected, origin: Option<HeaderValue>, no_image: bool) -> HttpResponse {
    collected.wait_until_stored().await;
    let mut answer = answer::gif(&collected.outcome);
    if no_image && answer.status() == StatusCode::OK {
        answer.headers_mut().remove(header::CONTENT_TYPE);
        *answer.status_mut() = StatusCode::NO_CONTENT;
        answer = answer.drop_body().map_into_boxed_body();
    }
    readable_by(answer, origin)
}

async fn matomo_preflight(request: HttpRequest) -> HttpResponse {
    readable_by(answer::preflight().await, origin(&request))
}

fn referer(request: &HttpRequest) -> &str {
    head::text(request, &header::REFERER)
}

fn origin(request: &HttpRequest) -> Option<HeaderValue> {
    request.headers().get(header::ORIGIN).cloned()
}

/// Lets the page of this origin read the answer, also if it sent credentials: the answer is the same for everybody.
fn readable_by(mut answer: HttpResponse, origin: Option<HeaderValue>) -> HttpResponse {
    let Some(origin) = origin else { return answer::open_to_all(answer) };
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    answer
}
