//! `POST /api/event` as actix reads it, and its answer, which is the same for a plain hit.

use std::rc::Rc;

use actix_http::Request;
use actix_web::HttpResponse;
use schema::clock::now_s;

use super::body::ONE_HIT;
use super::worker::{Collected, Worker};
use super::{answer, head};
use crate::accept::plausible;

pub(super) async fn event(worker: Rc<Worker>, mut request: Request) -> HttpResponse {
    let payload = request.take_payload();
    let body = match worker.read_body(&request.head().headers, request.conn_data(), payload, ONE_HIT).await {
        Ok(body) => body,
        Err((refusal, why)) => return answer::refused_event(refusal, why),
    };
    let read_head = |proxies: &_| head::from_actix(request.head(), proxies);
    let mut collected = worker.collect(now_s(), read_head, |hits| hits.push(plausible::parse(&body)));
    drop((request, body, worker));
    collected.wait_until_stored().await;
    answer_to(&collected)
}

pub(super) fn answer_to(Collected { outcome, bad, .. }: &Collected) -> HttpResponse {
    match (bad.first(), outcome.failed, outcome.refused) {
        (Some((_, bad)), _, Some(refusal)) => answer::refused_event(refusal, bad.why()),
        (_, Some(_), _) => answer::failed_event(),
        (_, None, refused) => answer::event(refused),
    }
}
