//! From the JSON of a request to a question that can be answered, or to a sentence that names what to ask instead.
//!
//! The shape is that of Plausible's Stats API v2, with at most one dimension and no filters. This module does not know
//! which sites and tokens exist: a site's name is only a text here.
//!
//! ```text
//! body     the fields of a request as serde reads them
//! field    how each field is read, with the sentence for a mistake in it
//! sort     the order of results
//! instead  what to ask instead of a word that is not served
//! many     many questions in one request
//! ```

mod body;
mod field;
mod instead;
mod many;
mod sort;

use serde_json::Value;

pub use body::{Include, Pagination, QuestionBody};
pub use many::{QUESTIONS_MAX, QuestionsBody, parse_many};
pub use sort::{SortDirection, SortKey, SortRule};

use crate::plan::served;
use crate::range::DateRange;
use crate::words::{Breakdown, Metric};

/// Most results in one answer, and the number of results unless the request names another.
pub const LIMIT_MAX: usize = 10_000;

/// Why a question is not answered: a sentence for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswerable(pub String);

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// A site's domain, alias or number.
    pub site_id: String,
    /// In the order of the answer.
    pub metrics: Vec<Metric>,
    /// None: totals.
    pub breakdown: Option<Breakdown>,
    /// Which days.
    pub date_range: DateRange,
    /// How results are sorted: a later rule decides only between results that the earlier rules leave equal.
    pub order_by: Vec<SortRule>,
    /// What else the answer contains.
    pub include: Include,
    /// Which part of the results the answer contains.
    pub pagination: Pagination,
}

impl Question {
    /// Parses the body of a request.
    pub fn parse(body: &[u8]) -> Result<Question, Unanswerable> {
        Question::from_json(field::json(body)?)
    }

    /// Parses a question that is part of a larger body.
    pub fn from_json(value: Value) -> Result<Question, Unanswerable> {
        let body: QuestionBody = field::object(value, "the body", field::BODY_SHAPE)?;
        let site_id = body.site_id.ok_or_else(|| Unanswerable(field::SITE_ID.to_owned()))?;
        let metrics = body.metrics.ok_or_else(|| Unanswerable(field::metrics_shape()))?;
        let breakdown = body.dimensions;
        let date_range = body.date_range.ok_or_else(|| {
            let like = "like \"7d\" or [\"2026-11-01\", \"2026-11-07\"]";
            Unanswerable(format!("date_range is missing: say which days, {like}"))
        })?;
        for metric in &metrics {
            served::check(*metric, breakdown)?;
        }
        if body.include.time_labels && !breakdown.is_some_and(Breakdown::is_time) {
            return no("include.time_labels needs a time dimension: time, time:hour or time:day");
        }
        Ok(Question {
            site_id,
            order_by: sort::rules(&body.order_by, &metrics, breakdown)?,
            metrics,
            breakdown,
            date_range,
            include: body.include,
            pagination: body.pagination,
        })
    }
}

pub(crate) fn no<T>(sentence: impl Into<String>) -> Result<T, Unanswerable> {
    Err(Unanswerable(sentence.into()))
}

#[cfg(test)]
mod tests;
