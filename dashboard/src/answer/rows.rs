//! Results as rows: their numbers, and their order.

use std::cmp::Ordering;
use std::sync::Arc;

use crowd::OTHER;

use super::results::Results;
use super::sum::{Exactness, ResultSum};
use super::{AnswerRow, Dimensions, Number};
use crate::plan::Grouping;
use crate::question::{Question, SortDirection, SortKey};

/// One result.
pub(super) struct Row {
    label: Option<Arc<str>>,
    is_other: bool,
    /// In the order of the question.
    pub(super) numbers: Vec<(Number, Exactness)>,
}

impl Row {
    pub(super) fn dimensions(&self) -> Dimensions {
        self.label.iter().cloned().collect()
    }

    pub(super) fn into_answer(self) -> AnswerRow {
        AnswerRow {
            dimensions: self.dimensions(),
            metrics: self.numbers.into_iter().map(|(number, _)| number).collect(),
        }
    }
}

/// The rows of a question, in no order.
pub(super) fn of(results: &Results, question: &Question, grouping: Grouping) -> Vec<Row> {
    let row = |label: Option<Arc<str>>, is_other: bool, sum: &ResultSum| Row {
        label,
        is_other,
        numbers: question.metrics.iter().map(|metric| sum.get(*metric)).collect(),
    };
    if grouping == Grouping::Total {
        return vec![row(None, false, &results.total)];
    }
    let named = results.named.iter().map(|(label, sum)| row(Some(Arc::clone(label)), false, sum));
    named.chain(results.other.iter().map(|sum| row(Some(OTHER.into()), true, sum))).collect()
}

/// The order that was asked for. "(other)" comes last, withheld numbers before it. Labels decide between equals.
pub(super) fn compare(question: &Question, a: &Row, b: &Row) -> Ordering {
    let by_rules = question.order_by.iter().map(|(key, direction)| match key {
        SortKey::Breakdown => directed(a.label.cmp(&b.label), *direction),
        SortKey::Metric(index) => match (a.numbers[*index].0.size(), b.numbers[*index].0.size()) {
            (Some(a), Some(b)) => directed(a.total_cmp(&b), *direction),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
    });
    let by_rules = by_rules.fold(Ordering::Equal, Ordering::then);
    a.is_other.cmp(&b.is_other).then(by_rules).then_with(|| a.label.cmp(&b.label))
}

fn directed(order: Ordering, direction: SortDirection) -> Ordering {
    match direction {
        SortDirection::Ascending => order,
        SortDirection::Descending => order.reverse(),
    }
}
