//! The fields of a request, as serde reads them and as the OpenAPI document describes them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::LIMIT_MAX;
use super::field;
use super::sort::SortDirection;
use crate::range::DateRange;
use crate::words::{Breakdown, Metric};

/// One question.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Question)]
pub struct QuestionBody {
    /// The site's domain, alias or number.
    #[serde(default, deserialize_with = "field::site_id")]
    #[schema(value_type = String, required = true)]
    pub site_id: Option<String>,
    /// What is counted, in the order of the answer.
    #[serde(default, deserialize_with = "field::metrics")]
    #[schema(value_type = Vec<Metric>, required = true)]
    pub metrics: Option<Vec<Metric>>,
    /// Which days, in the site's time zone.
    #[serde(default, deserialize_with = "field::date_range")]
    #[schema(value_type = DateRange, required = true)]
    pub date_range: Option<DateRange>,
    /// What results are broken down by: nothing, or one dimension.
    #[serde(default, deserialize_with = "field::dimensions")]
    #[schema(value_type = Vec<Breakdown>, max_items = 1, required = false)]
    pub dimensions: Option<Breakdown>,
    /// Not served yet: leave it out, or send an empty list.
    #[serde(default, deserialize_with = "field::filters")]
    #[schema(value_type = Vec<Object>, max_items = 0, required = false)]
    pub filters: (),
    /// Pairs of a metric or the dimension, and a direction. By default time rises, and other results fall by the first
    /// metric.
    #[serde(default, deserialize_with = "field::order_by")]
    #[schema(value_type = Vec<(String, SortDirection)>, required = false)]
    pub order_by: Vec<(String, SortDirection)>,
    /// What else the answer contains.
    #[serde(default, deserialize_with = "field::include")]
    #[schema(required = false)]
    pub include: Include,
    /// Which part of the results the answer contains.
    #[serde(default, deserialize_with = "field::pagination")]
    #[schema(required = false)]
    pub pagination: Pagination,
}

/// What else an answer contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Include {
    /// How many results there are before the answer is cut to `pagination`.
    #[schema(required = false)]
    pub total_rows: bool,
    /// All hours or days of the range, with and without results.
    #[schema(required = false)]
    pub time_labels: bool,
}

/// `include` as it is sent. Flags of Plausible's API that are not served may be sent if they are false.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IncludeBody {
    #[serde(default, deserialize_with = "field::include_total_rows")]
    total_rows: bool,
    #[serde(default, deserialize_with = "field::include_time_labels")]
    time_labels: bool,
    #[serde(default, rename = "imports", deserialize_with = "field::include_imports")]
    _imports: (),
    #[serde(default, rename = "comparisons", deserialize_with = "field::include_comparisons")]
    _comparisons: (),
    #[serde(default, rename = "trim_relative_date_range", deserialize_with = "field::include_trim")]
    _trim_relative_date_range: (),
}

impl From<IncludeBody> for Include {
    fn from(body: IncludeBody) -> Include {
        Include { total_rows: body.total_rows, time_labels: body.time_labels }
    }
}

/// Which part of the results an answer contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pagination {
    /// Most results.
    #[serde(default = "Pagination::limit_default", deserialize_with = "field::limit")]
    #[schema(minimum = 1, maximum = 10_000, required = false)]
    pub limit: usize,
    /// How many results are skipped.
    #[serde(default, deserialize_with = "field::offset")]
    #[schema(required = false)]
    pub offset: usize,
}

impl Pagination {
    fn limit_default() -> usize {
        LIMIT_MAX
    }
}

impl Default for Pagination {
    fn default() -> Pagination {
        Pagination { limit: LIMIT_MAX, offset: 0 }
    }
}
