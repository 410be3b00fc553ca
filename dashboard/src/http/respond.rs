//! Responses: the headers that all of them carry, and what an error looks like.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::BODY_BYTES_MAX;
use crate::auth::AccessDenied;
use crate::metrics::QuestionOutcome;
use crate::stats_api::QuestionError;

/// Nothing inline, nothing from another origin, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// After how many seconds a client may ask again when ClickHouse did not answer.
const RETRY_AFTER_S: &str = "5";

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum RequestError {
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error("the question is over {} KiB", BODY_BYTES_MAX >> 10)]
    TooLarge,
    #[error("the question did not arrive whole")]
    Incomplete,
}

impl From<AccessDenied> for RequestError {
    fn from(denied: AccessDenied) -> RequestError {
        RequestError::Question(denied.into())
    }
}

impl RequestError {
    fn status(&self) -> StatusCode {
        match self {
            RequestError::Question(QuestionError::Unanswerable(_)) | RequestError::Incomplete => {
                StatusCode::BAD_REQUEST
            }
            RequestError::Question(QuestionError::Denied(AccessDenied::NoToken | AccessDenied::UnknownToken)) => {
                StatusCode::UNAUTHORIZED
            }
            RequestError::Question(QuestionError::Denied(AccessDenied::Site)) => StatusCode::FORBIDDEN,
            RequestError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RequestError::Question(QuestionError::ClickHouse(_)) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn outcome(&self) -> QuestionOutcome {
        match self {
            RequestError::Question(error) => outcome(error),
            RequestError::TooLarge | RequestError::Incomplete => QuestionOutcome::Refused,
        }
    }
}

/// How a question without an answer is counted.
pub(super) fn outcome(error: &QuestionError) -> QuestionOutcome {
    match error {
        QuestionError::Unanswerable(_) | QuestionError::Denied(_) => QuestionOutcome::Refused,
        QuestionError::ClickHouse(_) => QuestionOutcome::Failed,
    }
}

/// Why there is no answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiError)]
pub(crate) struct ErrorBody {
    /// A sentence.
    error: String,
}

impl ErrorBody {
    pub(super) fn new(error: &impl ToString) -> ErrorBody {
        ErrorBody { error: error.to_string() }
    }
}

/// The errors of the API, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it is never built: the OpenAPI document is derived from it")]
pub(super) enum ErrorResponses {
    /// The question cannot be answered.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// There is no known token.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The token does not see the site.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The body is over 64 KiB.
    #[response(status = 413)]
    PayloadTooLarge(ErrorBody),
    /// ClickHouse does not answer: ask again after `Retry-After`.
    #[response(status = 503)]
    ServiceUnavailable(ErrorBody),
}

/// A successful response of the API.
pub(super) fn json(body: &impl Serialize) -> HttpResponse {
    uncached(StatusCode::OK).json(body)
}

pub(super) fn error(error: &RequestError) -> HttpResponse {
    let mut response = uncached(error.status());
    if error.status() == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if error.status() == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, RETRY_AFTER_S));
    }
    response.json(ErrorBody::new(error))
}

pub(super) async fn wrong_method(right: &'static str) -> HttpResponse {
    uncached(StatusCode::METHOD_NOT_ALLOWED)
        .insert_header((header::ALLOW, right))
        .json(ErrorBody::new(&format!("this is asked with {right}")))
}

/// A response that no cache stores.
pub(super) fn uncached(status: StatusCode) -> HttpResponseBuilder {
    let mut response = guarded(status);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response
}

/// A response with the headers that protect the pages.
pub(super) fn guarded(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"));
    response
}
