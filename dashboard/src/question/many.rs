//! Many questions in one request.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Question, QuestionBody, Unanswerable, field, no};

/// Most questions in one request.
pub const QUESTIONS_MAX: usize = 32;

/// Several questions.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Questions)]
pub struct QuestionsBody {
    /// The questions, at most 32.
    #[serde(default)]
    #[schema(value_type = Vec<QuestionBody>, required = true, min_items = 1, max_items = 32)]
    pub queries: Value,
}

/// Parses the body of a request with many questions, each by itself. The outer error is about the request as a whole.
pub fn parse_many(body: &[u8]) -> Result<Vec<Result<Question, Unanswerable>>, Unanswerable> {
    let shape = "the body must be an object with queries, a list of questions as POST /api/v2/query takes them";
    let body: QuestionsBody = field::object(field::json(body)?, "the body", shape)?;
    let Value::Array(questions) = body.queries else { return no(shape) };
    if !(1..=QUESTIONS_MAX).contains(&questions.len()) {
        return no(format!("queries must have from 1 to {QUESTIONS_MAX} questions"));
    }
    Ok(questions.into_iter().map(Question::from_json).collect())
}
