//! HTTP of the stats API and the pages, on whatever address the binary mounts it.
//!
//! | | |
//! |---|---|
//! | `POST /api/v2/query` | one question; its answer |
//! | `POST /api/v2/queries` | up to 32 questions; their answers, in order |
//! | `GET /api/sites` | the sites that the token sees |
//! | `GET /api/views` | which metrics are served by which dimension |
//! | `GET /api/openapi.json` | this API, as an OpenAPI document |
//! | `GET /`, `/favicon.svg`, `/assets/*` | the pages |
//!
//! An error is `{"error": "a sentence"}`: 400 for a question that cannot be answered, 401 without a known token, 403
//! for a site that the token does not see, 413 for a body over 64 KiB, 503 if ClickHouse does not answer.

mod page;
mod respond;

use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use schema::clock::now_s;
use serde::Serialize;
use strum::VariantArray;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::auth::{AccessDenied, ApiToken};
use crate::metrics::{self, QuestionOutcome};
use crate::openapi;
use crate::plan::served;
use crate::question::{Question, QuestionBody, QuestionsBody, parse_many};
use crate::stats_api::{QuestionError, StatsApi, VisibleSite};
use crate::words::{Breakdown, Metric};
use respond::{ErrorBody, ErrorResponses, RequestError};

/// Largest body of a request.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Longest wait for the rest of a body.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// Mounts the API and the pages.
pub fn configure(config: &mut ServiceConfig, api: Data<StatsApi>) {
    let post = |path: &'static str| {
        web::resource(path)
            .app_data(api.clone())
            .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
            .default_service(web::to(|| respond::wrong_method("POST")))
    };
    let get = |path: &'static str| {
        web::resource(path).app_data(api.clone()).default_service(web::to(|| respond::wrong_method("GET")))
    };
    config
        .service(post("/api/v2/query").route(web::post().to(query)))
        .service(post("/api/v2/queries").route(web::post().to(queries)))
        .service(get("/api/sites").route(web::get().to(sites)))
        .service(get("/api/views").route(web::get().to(views)))
        .service(get("/api/openapi.json").route(web::get().to(openapi_json)));
    for path in ["/", "/index.html", "/favicon.svg", "/assets/{file}"] {
        config.service(web::resource(path).route(web::get().to(page::page)).route(web::head().to(page::page)));
    }
}

/// Answers one question.
#[utoipa::path(
    post,
    path = "/api/v2/query",
    tag = "stats",
    request_body = QuestionBody,
    responses((status = 200, description = "The answer", body = Answer), ErrorResponses),
    security(("token" = []))
)]
pub(crate) async fn query(request: HttpRequest, api: Data<StatsApi>, payload: web::Payload) -> HttpResponse {
    let began = Instant::now();
    let answered = async {
        let token = token(&request, &api)?;
        let question = Question::parse(&body(payload).await?).map_err(QuestionError::from)?;
        Ok::<Answer, RequestError>(api.answer(&token, question, now_s()).await?)
    };
    match answered.await {
        Ok(answer) => {
            metrics::question(QuestionOutcome::Answered, began.elapsed());
            respond::json(&answer)
        }
        Err(error) => failed(&error, began),
    }
}

/// The answers of many questions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Answers)]
pub(crate) struct AnswerList {
    /// In the order of the questions.
    answers: Vec<AnswerOrError>,
}

/// The answer of one question, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum AnswerOrError {
    Answer(Box<Answer>),
    Error(ErrorBody),
}

/// Answers up to 32 questions at once. The days of a site are read once for all of them.
///
/// A question that is refused has `{"error": "a sentence"}` in place of its answer. If ClickHouse does not answer, the
/// whole request fails with 503.
#[utoipa::path(
    post,
    path = "/api/v2/queries",
    tag = "stats",
    request_body = QuestionsBody,
    responses((status = 200, description = "The answers, in order", body = AnswerList), ErrorResponses),
    security(("token" = []))
)]
pub(crate) async fn queries(request: HttpRequest, api: Data<StatsApi>, payload: web::Payload) -> HttpResponse {
    let began = Instant::now();
    let answered = async {
        let token = token(&request, &api)?;
        let questions = parse_many(&body(payload).await?).map_err(QuestionError::from)?;
        let answers = api.answer_many(&token, questions, now_s()).await.map_err(QuestionError::from)?;
        Ok::<_, RequestError>(answers)
    };
    match answered.await {
        Ok(answers) => {
            let answers = answers.into_iter().map(|answer| {
                let outcome = answer.as_ref().map_or_else(respond::outcome, |_| QuestionOutcome::Answered);
                metrics::question(outcome, began.elapsed());
                match answer {
                    Ok(answer) => AnswerOrError::Answer(Box::new(answer)),
                    Err(error) => AnswerOrError::Error(ErrorBody::new(&error)),
                }
            });
            respond::json(&AnswerList { answers: answers.collect() })
        }
        Err(error) => failed(&error, began),
    }
}

/// Counts the request as one question, logs a fault, and responds.
fn failed(error: &RequestError, began: Instant) -> HttpResponse {
    metrics::question(error.outcome(), began.elapsed());
    if let RequestError::Question(QuestionError::ClickHouse(error)) = error {
        tracing::error!(%error, "a question could not be answered: {error}");
    }
    respond::error(error)
}

async fn body(payload: web::Payload) -> Result<Bytes, RequestError> {
    match actix_web::rt::time::timeout(BODY_TIME_MAX, payload.to_bytes_limited(BODY_BYTES_MAX)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Err(_)) => Err(RequestError::TooLarge),
        Ok(Ok(Err(_))) | Err(_) => Err(RequestError::Incomplete),
    }
}

/// The sites that the token sees.
#[utoipa::path(
    get,
    path = "/api/sites",
    tag = "stats",
    responses(
        (status = 200, description = "In the order of the configuration", body = Vec<VisibleSite>),
        (status = 401, description = "There is no known token", body = ErrorBody)
    ),
    security(("token" = []))
)]
pub(crate) async fn sites(request: HttpRequest, api: Data<StatsApi>) -> HttpResponse {
    match token(&request, &api) {
        Err(denied) => respond::error(&denied.into()),
        Ok(token) => respond::json(&api.sites(&token)),
    }
}

/// A dimension that results can be broken down by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = View)]
pub(crate) struct ServedView {
    dimension: Breakdown,
    /// The metrics that are served by it.
    metrics: Vec<Metric>,
}

/// Which metrics are served by which dimension.
#[utoipa::path(
    get,
    path = "/api/views",
    tag = "stats",
    responses((status = 200, description = "All dimensions", body = Vec<ServedView>))
)]
pub(crate) async fn views() -> HttpResponse {
    let view =
        |dimension: &Breakdown| ServedView { dimension: *dimension, metrics: served::metrics(*dimension).collect() };
    respond::json(&Breakdown::VARIANTS.iter().map(view).collect::<Vec<_>>())
}

/// This API, as an OpenAPI document.
async fn openapi_json() -> HttpResponse {
    respond::json(&openapi::document())
}

fn token(request: &HttpRequest, api: &StatsApi) -> Result<ApiToken, AccessDenied> {
    let header = request.headers().get(header::AUTHORIZATION);
    api.token(header.and_then(|header| header.to_str().ok()))
}

#[cfg(test)]
mod tests;
