//! In which order results come.

use serde_json::Value;

use super::{Dimension, Metric, Unanswerable, no};

/// What results are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The metric at this place of the question.
    Metric(usize),
    /// The dimension.
    Dimension,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

/// One key after the other decides.
pub type Order = (Key, Direction);

const LIKE: &str = "order_by must be a list of pairs, like [[\"visitors\", \"desc\"]]";

/// Time rises and other results fall by the first metric, unless something else is asked for.
pub(super) fn parse(
    value: Option<&Value>,
    metrics: &[Metric],
    dimension: Option<Dimension>,
) -> Result<Vec<Order>, Unanswerable> {
    let pairs = match value {
        None => return Ok(vec![usual(dimension)]),
        Some(Value::Array(pairs)) if pairs.is_empty() => return Ok(vec![usual(dimension)]),
        Some(Value::Array(pairs)) => pairs,
        Some(_) => return no(LIKE),
    };
    pairs.iter().map(|pair| one(pair, metrics, dimension)).collect()
}

fn usual(dimension: Option<Dimension>) -> Order {
    if dimension.is_some_and(Dimension::is_time) {
        (Key::Dimension, Direction::Ascending)
    } else {
        (Key::Metric(0), Direction::Descending)
    }
}

fn one(pair: &Value, metrics: &[Metric], dimension: Option<Dimension>) -> Result<Order, Unanswerable> {
    let Some([Value::String(key), Value::String(direction)]) = pair.as_array().map(Vec::as_slice) else {
        return no(LIKE);
    };
    let direction = match direction.as_str() {
        "asc" => Direction::Ascending,
        "desc" => Direction::Descending,
        _ => return no("order_by takes \"asc\" or \"desc\""),
    };
    if let Some(at) = metrics.iter().position(|metric| metric.word() == key) {
        return Ok((Key::Metric(at), direction));
    }
    if dimension.is_some_and(|dimension| dimension.word() == key) {
        return Ok((Key::Dimension, direction));
    }
    no("order_by can only be a metric or the dimension that is asked for too")
}
