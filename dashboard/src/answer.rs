//! From what rounds publish to the answer of one question.
//!
//! A result is the sum over its rounds. If a round publishes only a part of a number, the sum is not the whole number
//! either, and `meta` lists the results that are meant, by their `dimensions`.
//!
//! Pure: rounds come in, an [`Answer`] goes out. This module does not know where rounds are read.
//!
//! ```text
//! sum      adds up the numbers of one result, with what is missing of each
//! results  the rounds, added up by label
//! rows     results in their order
//! ```

mod results;
mod rows;
mod sum;

use std::collections::BTreeMap;
use std::sync::Arc;

use schema::day::Day;
use schema::sites::Site;
use serde::Serialize;
use utoipa::ToSchema;

use crate::plan::Plan;
use crate::question::{Include, Pagination, Question, SortDirection, SortKey};
use crate::range::{DaySpan, labels};
use crate::sources::KnownRound;
use crate::words::{Breakdown, Metric};
use results::Results;
use rows::Row;
use sum::Exactness;

/// The dimensions of a result: nothing, or its label.
type Dimensions = Vec<Arc<str>>;

/// The answer of one question.
#[derive(Debug, Serialize, ToSchema)]
pub struct Answer {
    /// In the order that was asked for, "(other)" last.
    pub results: Vec<AnswerRow>,
    /// What the numbers do not say by themselves.
    pub meta: Meta,
    /// The question as it was understood.
    pub query: UnderstoodQuestion,
}

/// One result.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerRow {
    /// Nothing, or the label of the result.
    #[schema(value_type = Vec<String>)]
    pub dimensions: Dimensions,
    /// In the order of the question. Null: withheld, because it would be about too few visitors.
    #[schema(value_type = Vec<Option<f64>>)]
    pub metrics: Vec<Number>,
}

/// A number of one result.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Number {
    /// A count.
    Whole(i64),
    /// A ratio.
    Fraction(f64),
    /// Null.
    Withheld,
}

impl Number {
    /// The value to sort by.
    fn size(self) -> Option<f64> {
        match self {
            Number::Whole(n) => Some(n as f64),
            Number::Fraction(n) => Some(n),
            Number::Withheld => None,
        }
    }
}

/// What the numbers of an answer do not say by themselves.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Meta {
    /// k: values of fewer visitors on a day are in "(other)".
    pub crowd: u32,
    /// Over several days: what visitors are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub visitors: Option<&'static str>,
    /// By metric: results whose number is a lower bound.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<Metric, Vec<Vec<String>>>, required = false)]
    pub at_least: BTreeMap<Metric, Vec<Dimensions>>,
    /// By metric: results whose ratio is over those visits for which it is published.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<Metric, Vec<Vec<String>>>, required = false)]
    pub partial: BTreeMap<Metric, Vec<Dimensions>>,
    /// By metric: results whose number is null, because it would be about too few visitors.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<Metric, Vec<Vec<String>>>, required = false)]
    pub withheld: BTreeMap<Metric, Vec<Dimensions>>,
    /// Hours that were merged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub time_groups: Vec<TimeGroup>,
    /// When the published numbers of open days were computed. Bare totals are newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    pub as_of: Option<String>,
    /// Days that are not settled yet, of which this token sees bare totals only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub open_days_left_out: Vec<String>,
    /// How many results there are before the answer is cut to `pagination`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = usize, required = false)]
    pub total_rows: Option<usize>,
    /// All hours or days of the range, with and without results.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<String>, required = false)]
    pub time_labels: Option<Vec<String>>,
}

/// Neighbouring hours that were merged until they had k visitors.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimeGroup {
    /// The label of the first hour, which is the label of the result.
    pub time: String,
    /// The labels of all its hours.
    pub hours: Vec<String>,
}

/// A question as it was understood.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnderstoodQuestion {
    /// The site's domain.
    pub site_id: String,
    /// In the order of the answer.
    pub metrics: Vec<Metric>,
    /// The first and the last second of the range, in the site's time zone.
    #[schema(min_items = 2, max_items = 2)]
    pub date_range: [String; 2],
    /// `time` is replaced by `time:hour` or `time:day`.
    pub dimensions: Vec<Breakdown>,
    /// Always empty.
    pub filters: Vec<String>,
    /// Pairs of a metric or the dimension, and a direction.
    #[schema(value_type = Vec<(String, SortDirection)>)]
    pub order_by: Vec<(&'static str, SortDirection)>,
    /// What else the answer contains.
    pub include: Include,
    /// Which part of the results the answer contains.
    pub pagination: Pagination,
}

/// Answers a question from the rounds of its days.
pub fn answer(question: &Question, plan: &Plan, site: &Site, rounds: &[KnownRound]) -> Answer {
    let mut results = Results::default();
    for round in rounds {
        results.add(plan, site, round);
    }
    let mut rows = rows::of(&results, question, plan.grouping);
    rows.sort_by(|a, b| rows::compare(question, a, b));
    let total_rows = rows.len();
    let Pagination { limit, offset } = question.pagination;
    let rows: Vec<Row> = rows.into_iter().skip(offset).take(limit).collect();

    let is_over_days = !plan.days.is_one() && !plan.breakdown.is_some_and(Breakdown::is_time);
    let is_summed = is_over_days && question.metrics.contains(&Metric::Visitors);
    let meta = Meta {
        crowd: site.crowd,
        visitors: is_summed.then_some("sum of daily visitors"),
        at_least: rows_with(question, &rows, Exactness::AtLeast),
        partial: rows_with(question, &rows, Exactness::Partial),
        withheld: rows_with(question, &rows, Exactness::Withheld),
        time_groups: results.time_groups(),
        as_of: results.as_of.map(|computed_s| labels::moment(&site.zone, computed_s)),
        open_days_left_out: results.left_out.iter().map(Day::to_string).collect(),
        total_rows: question.include.total_rows.then_some(total_rows),
        time_labels: question.include.time_labels.then(|| time_labels(plan, site)),
    };
    Answer { results: rows.into_iter().map(Row::into_answer).collect(), meta, query: understood(question, plan, site) }
}

/// By metric, the dimensions of the results whose number is that exact.
fn rows_with(question: &Question, rows: &[Row], exactness: Exactness) -> BTreeMap<Metric, Vec<Dimensions>> {
    let mut found = BTreeMap::new();
    for (index, metric) in question.metrics.iter().enumerate() {
        let rows: Vec<Dimensions> =
            rows.iter().filter(|row| row.numbers[index].1 == exactness).map(Row::dimensions).collect();
        if !rows.is_empty() {
            found.insert(*metric, rows);
        }
    }
    found
}

fn time_labels(plan: &Plan, site: &Site) -> Vec<String> {
    if plan.breakdown == Some(Breakdown::Day) {
        return plan.days.iter().map(|day| day.to_string()).collect();
    }
    let hours = plan.days.iter().flat_map(|day| labels::hours(&site.zone, day));
    let mut labels: Vec<String> = hours.map(|hour| labels::hour(&site.zone, hour)).collect();
    labels.dedup();
    labels
}

fn understood(question: &Question, plan: &Plan, site: &Site) -> UnderstoodQuestion {
    let DaySpan { first, last } = plan.days;
    let key = |key: SortKey| match key {
        SortKey::Metric(index) => question.metrics[index].word(),
        SortKey::Breakdown => plan.breakdown.map_or("", Breakdown::word),
    };
    UnderstoodQuestion {
        site_id: site.domain.clone(),
        metrics: question.metrics.clone(),
        date_range: [
            labels::moment(&site.zone, site.zone.begins_s(first)),
            labels::moment(&site.zone, site.zone.ends_s(last) - 1),
        ],
        dimensions: plan.breakdown.into_iter().collect(),
        filters: vec![],
        order_by: question.order_by.iter().map(|(by, direction)| (key(*by), *direction)).collect(),
        include: question.include,
        pagination: question.pagination,
    }
}

#[cfg(test)]
mod tests;
