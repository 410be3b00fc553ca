//! From a question and its days to what answers it: the days, what results are, and how much of each round is read.
//!
//! The plan does not know where numbers come from (`sources`) nor how they add up (`answer`).

pub mod served;

use schema::views::View;

use crate::question::Question;
use crate::range::DaySpan;
use crate::sources::Detail;
use crate::words::{Breakdown, Metric};

/// What results are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// One result for the whole range.
    Total,
    /// One result per day.
    Day,
    /// One result per group of hours.
    Hour,
    /// One result per value of this view.
    View(&'static View),
}

/// What answers a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The days that are read.
    pub days: DaySpan,
    /// The breakdown for these days: `time` is replaced by hours or days.
    pub breakdown: Option<Breakdown>,
    /// What results are.
    pub grouping: Grouping,
    /// How much of each round is read.
    pub detail: Detail,
}

impl Plan {
    /// `sees_open_days`: whether the client may see more than bare totals of days that are not settled.
    pub fn of(question: &Question, days: DaySpan, sees_open_days: bool) -> Plan {
        let breakdown = match question.breakdown {
            Some(Breakdown::Time) if days.is_one() => Some(Breakdown::Hour),
            Some(Breakdown::Time) => Some(Breakdown::Day),
            other => other,
        };
        let grouping = grouping(breakdown);
        let bare = match grouping {
            // Custom events are no bare total.
            Grouping::Total | Grouping::Day => !question.metrics.contains(&Metric::Events),
            Grouping::Hour | Grouping::View(_) => false,
        };
        let detail = match (bare, sees_open_days) {
            (true, _) => Detail::BareTotals,
            (false, false) => Detail::PublishedIfSettled,
            (false, true) => Detail::Published,
        };
        Plan { days, breakdown, grouping, detail }
    }
}

fn grouping(breakdown: Option<Breakdown>) -> Grouping {
    match (breakdown, breakdown.and_then(Breakdown::view)) {
        (None, _) => Grouping::Total,
        (Some(_), Some(view)) => Grouping::View(view),
        (Some(Breakdown::Day), None) => Grouping::Day,
        (Some(_), None) => Grouping::Hour,
    }
}
