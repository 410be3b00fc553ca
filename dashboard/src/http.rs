//! Requests and answers of the stats API and the pages, on whatever origin the binary mounts this.
//!
//! | | |
//! |---|---|
//! | `POST /api/v2/query` | a question of at most 64 KiB; its answer as JSON |
//! | `GET /api/sites` | the sites the token sees: `[{id, domain, time_zone, crowd}]` |
//! | `GET /`, `/favicon.svg`, `/assets/*` | the pages |
//!
//! What goes wrong is `{"error": "a sentence"}`: 400 for a question that cannot be answered, 401 without a known token,
//! 403 for a site it does not see, 413 for a body too large, 503 when ClickHouse does not answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use arc_swap::ArcSwap;
use schema::clock::now_s;
use schema::sites::CurrentSites;
use serde_json::json;
use warehouse::Warehouse;

use crate::answer::{self, answer};
use crate::assets;
use crate::auth::{Denied, Token, Tokens};
use crate::live::Live;
use crate::metrics::{self, Ended};
use crate::query::{Dimension, Metric, Query};
use crate::range::DateRange;

/// Largest question.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Longest wait for the rest of a question's body.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);
/// Nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What answers need.
pub struct State {
    sites: Arc<CurrentSites>,
    tokens: ArcSwap<Tokens>,
    live: Live,
}

impl State {
    /// `step`: how often what open days may say is computed anew; zero: for each question, where anything is new.
    pub fn new(sites: Arc<CurrentSites>, tokens: Vec<Token>, step: Duration, client: clickhouse::Client) -> State {
        let live = Live::new(Warehouse::new(client), step);
        State { sites, tokens: ArcSwap::from_pointee(Tokens::new(tokens)), live }
    }

    /// From now on these may ask. To be called after the sites were replaced: what was kept for them is forgotten, as the
    /// crowd they ask for may have changed.
    pub fn replace_tokens(&self, tokens: Vec<Token>) {
        self.tokens.store(Arc::new(Tokens::new(tokens)));
        self.live.forget();
    }

    /// The answer to a question's body. `now_s`: UTC seconds.
    async fn query(&self, token: &Token, body: &[u8], now_s: i64) -> Result<serde_json::Value, Failed> {
        let query = Query::parse(body).map_err(|sentence| Failed::Question(sentence.0))?;
        let sites = self.sites.get();
        let site = token.site(&sites, &query.site_id)?;
        let today = site.zone.at(now_s).day;
        let stored = match query.date_range {
            DateRange::All => self.live.warehouse().first_day(site.id).await?,
            _ => None,
        };
        let days = query.date_range.days(today, stored);
        let told = match answer::resolved(&query, days) {
            None | Some(Dimension::Day) => query.metrics.contains(&Metric::Events),
            Some(_) => true,
        };
        let parts = self.live.parts(site, days, told, token.live, now_s).await?;
        Ok(answer(&query, site, days, &parts))
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Question(String),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("the question is over {} KiB", BODY_BYTES_MAX >> 10)]
    TooLarge,
    #[error("the question did not arrive whole")]
    Cut,
    #[error("the statistics cannot be read right now: ask again in a moment")]
    ClickHouse(#[from] warehouse::Error),
}

impl Failed {
    fn status(&self) -> StatusCode {
        match self {
            Failed::Question(_) | Failed::Cut => StatusCode::BAD_REQUEST,
            Failed::Denied(Denied::NoToken | Denied::Unknown) => StatusCode::UNAUTHORIZED,
            Failed::Denied(Denied::Site) => StatusCode::FORBIDDEN,
            Failed::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Failed::ClickHouse(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn ended(&self) -> Ended {
        match self {
            Failed::Question(_) | Failed::Denied(_) | Failed::TooLarge | Failed::Cut => Ended::Refused,
            Failed::ClickHouse(_) => Ended::Failed,
        }
    }
}

/// Mounts the API and the pages.
pub fn configure(config: &mut ServiceConfig, state: Data<State>) {
    let query = web::resource("/api/v2/query")
        .app_data(state.clone())
        .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
        .route(web::post().to(query))
        .default_service(web::to(|| wrong_method("POST")));
    let sites = web::resource("/api/sites")
        .app_data(state)
        .route(web::get().to(sites))
        .default_service(web::to(|| wrong_method("GET")));
    config.service(query).service(sites);
    for path in ["/", "/index.html", "/favicon.svg", "/assets/{file}"] {
        config.service(web::resource(path).route(web::get().to(page)).route(web::head().to(page)));
    }
}

async fn query(request: HttpRequest, state: Data<State>, payload: web::Payload) -> HttpResponse {
    let began = Instant::now();
    let answered = match token(&request, &state) {
        Err(denied) => Err(denied.into()),
        Ok(token) => match body(payload).await {
            Ok(body) => state.query(&token, &body, now_s()).await,
            Err(failed) => Err(failed),
        },
    };
    match answered {
        Ok(answer) => {
            metrics::query(Ended::Answered, began.elapsed());
            plain(StatusCode::OK).json(answer)
        }
        Err(failed) => {
            metrics::query(failed.ended(), began.elapsed());
            if let Failed::ClickHouse(error) = &failed {
                tracing::error!(%error, "a question could not be answered: {error}");
            }
            refused(&failed)
        }
    }
}

async fn body(payload: web::Payload) -> Result<Bytes, Failed> {
    match actix_web::rt::time::timeout(BODY_TIME_MAX, payload.to_bytes_limited(BODY_BYTES_MAX)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Err(_)) => Err(Failed::TooLarge),
        Ok(Ok(Err(_))) | Err(_) => Err(Failed::Cut),
    }
}

async fn sites(request: HttpRequest, state: Data<State>) -> HttpResponse {
    match token(&request, &state) {
        Err(denied) => refused(&denied.into()),
        Ok(token) => {
            let sites = state.sites.get();
            let sites = token.sees(&sites).map(|site| {
                json!({"id": site.id, "domain": site.domain, "time_zone": site.zone.name(), "crowd": site.crowd})
            });
            plain(StatusCode::OK).json(sites.collect::<Vec<_>>())
        }
    }
}

fn token(request: &HttpRequest, state: &State) -> Result<Token, Denied> {
    let header = request.headers().get(header::AUTHORIZATION);
    state.tokens.load().of(header.and_then(|header| header.to_str().ok())).cloned()
}

async fn page(request: HttpRequest) -> HttpResponse {
    match assets::find(request.path()) {
        None => plain(StatusCode::NOT_FOUND).content_type("text/plain; charset=utf-8").body("there is no such page"),
        Some(asset) => guarded(StatusCode::OK)
            .insert_header((header::CACHE_CONTROL, asset.cache_control))
            .content_type(asset.content_type)
            .body(Bytes::from_static(asset.bytes)),
    }
}

async fn wrong_method(right: &'static str) -> HttpResponse {
    plain(StatusCode::METHOD_NOT_ALLOWED)
        .insert_header((header::ALLOW, right))
        .json(json!({"error": format!("this is asked with {right}")}))
}

fn refused(failed: &Failed) -> HttpResponse {
    let mut response = plain(failed.status());
    if failed.status() == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if failed.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, "5"));
    }
    response.json(json!({"error": failed.to_string()}))
}

/// An answer that nobody keeps.
fn plain(status: StatusCode) -> HttpResponseBuilder {
    let mut response = guarded(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    response
}

#[cfg(test)]
mod tests;
