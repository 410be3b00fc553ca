//! The order of results.

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantArray};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{Unanswerable, no};
use crate::words::{self, Breakdown, Metric};

/// What results are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// The metric with this index in the question.
    Metric(usize),
    /// The label of the result.
    Breakdown,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[serde(into = "&'static str")]
pub enum SortDirection {
    /// The smallest.
    #[strum(serialize = "asc")]
    Ascending,
    /// The largest.
    #[strum(serialize = "desc")]
    Descending,
}

impl PartialSchema for SortDirection {
    fn schema() -> RefOr<Schema> {
        words::schema::<SortDirection>("Which end comes first")
    }
}

impl ToSchema for SortDirection {}

/// A key and its direction.
pub type SortRule = (SortKey, SortDirection);

/// The sentence for an `order_by` of another shape.
pub(super) const SHAPE: &str = "order_by must be a list of pairs, like [[\"visitors\", \"desc\"]]";

/// The rules for the pairs of `order_by`. Without pairs, time rises and other results fall by the first metric.
pub(super) fn rules(
    pairs: &[(String, SortDirection)],
    metrics: &[Metric],
    breakdown: Option<Breakdown>,
) -> Result<Vec<SortRule>, Unanswerable> {
    if pairs.is_empty() {
        return Ok(vec![default_rule(breakdown)]);
    }
    let rule = |(word, direction): &(String, SortDirection)| {
        if let Some(index) = metrics.iter().position(|metric| metric.word() == word) {
            return Ok((SortKey::Metric(index), *direction));
        }
        if breakdown.is_some_and(|breakdown| breakdown.word() == word) {
            return Ok((SortKey::Breakdown, *direction));
        }
        no("order_by can only be a metric or the dimension that is asked for too")
    };
    pairs.iter().map(rule).collect()
}

fn default_rule(breakdown: Option<Breakdown>) -> SortRule {
    if breakdown.is_some_and(Breakdown::is_time) {
        (SortKey::Breakdown, SortDirection::Ascending)
    } else {
        (SortKey::Metric(0), SortDirection::Descending)
    }
}
