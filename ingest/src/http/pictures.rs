//! Hits that are answered with a transparent picture: `GET /f.gif`, and beacons in mails and advertisements.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use schema::clock::now_s;

use super::{answer, head, worker};
use crate::accept::{beacon, pixel};

pub(super) async fn gif(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let referer = head::text(&request, &header::REFERER);
    let read_head = |proxies: &_| head::from_actix(request.head(), proxies);
    let mut collected =
        worker.collect(now_s(), read_head, |hits| hits.push(pixel::parse(request.query_string(), referer)));
    drop((request, worker));
    collected.wait_until_stored().await;
    answer::gif(&collected.outcome)
}

pub(super) async fn beacon(request: HttpRequest) -> HttpResponse {
    let worker = worker(&request);
    let part = |name| request.match_info().get(name).unwrap_or_default();
    let read_head = |proxies: &_| head::from_actix(request.head(), proxies);
    let mut collected = worker.collect(now_s(), read_head, |hits| hits.push(beacon::parse(part("site"), part("file"))));
    drop((request, worker));
    collected.wait_until_stored().await;
    answer::gif(&collected.outcome)
}
