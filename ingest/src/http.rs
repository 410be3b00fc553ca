//! The HTTP endpoints: requests to hits, and the fates of hits to answers.
//!
//! | endpoint | answer |
//! |---|---|
//! | `POST /api/event` | 202 `ok`, with `x-footfall-dropped: <reason>` if a hit was refused; open to all origins |
//! | `GET`, `POST /count`; `POST /api/send`, `/api/batch`; `GET`, `POST /matomo.php` | see `formats` |
//! | `POST /api/hits` | see `hits` |
//! | `GET /f.gif` | the picture, not to be cached; 200, or 503 with the picture if the hit could not be stored |
//! | `GET /b/SITE/CAMPAIGN.gif` | as `/f.gif`, for mails and advertisements |
//! | `GET`, `POST /opt-out`, `GET /opt-out/status` | the page on which visitors object: see `opt_out` |
//! | `GET /footfall.js` | the tracker, cached for an hour |
//! | `GET /healthz/live`, `/healthz/ready` | 200, or 503 |
//!
//! A request over a limit is answered 413; one that is not a hit 400, with one line of reason; one that is too slow
//! 408, and its connection is closed; a fault of ours 503, with `Retry-After`. No answer is a 500. `HEAD` of a picture
//! is answered and not counted. `socket` has the deadlines of connections.
//!
//! A hit takes one of two ways to `Worker::collect`: `plain` reads and answers it without actix, or actix
//! reads it, and [`front`] passes it to `event` or to one of the routes below.

mod answer;
mod body;
mod event;
mod formats;
pub mod front;
mod head;
mod hits;
mod opt_out;
mod pictures;
pub mod plain;
pub mod socket;
mod worker;

use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use schema::clock::now_s;

use crate::collect::Collector;

pub use answer::Script;
pub use hits::{Sender, Senders};
use worker::Worker;

/// The state behind all endpoints, shared by all worker threads.
#[derive(Clone)]
pub struct Edge {
    /// Where hits go.
    pub collector: Arc<Collector>,
    /// The tracker for pages.
    pub script: Script,
    /// Servers that may send hits.
    pub senders: Arc<Senders>,
}

/// Mounts all routes but `POST /api/event`: [`front`] answers that before any routing.
fn configure(config: &mut ServiceConfig, worker: &Rc<Worker>) {
    config
        .app_data(Rc::clone(worker))
        .service(
            web::resource("/api/event")
                .route(web::method(Method::OPTIONS).to(answer::preflight))
                .default_service(web::to(answer::only_post)),
        )
        .service(web::resource("/f.gif").route(web::get().to(pictures::gif)).route(web::head().to(answer::gif_head)))
        .service(
            web::resource("/b/{site}/{file}")
                .route(web::get().to(pictures::beacon))
                .route(web::head().to(answer::gif_head)),
        )
        .service(web::resource("/opt-out").route(web::get().to(opt_out::page)).route(web::post().to(opt_out::choose)))
        .service(web::resource("/opt-out/status").route(web::get().to(opt_out::status)))
        .configure(formats::configure)
        .configure(hits::configure)
        .service(web::resource("/footfall.js").route(web::get().to(script)).route(web::head().to(script)))
        .service(web::resource("/healthz/live").route(web::get().to(answer::live)))
        .service(web::resource("/healthz/ready").route(web::get().to(ready)));
}

/// The worker of the thread in which a handler runs.
fn worker(request: &HttpRequest) -> Rc<Worker> {
    request.app_data::<Rc<Worker>>().expect("`configure` adds it to the app").clone()
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
