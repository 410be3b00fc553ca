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

/// The name of the view that a breakdown is served from. None: it is time.
fn view_name(breakdown: Breakdown) -> Option<&'static str> {
    match breakdown {
        Breakdown::Page => Some("page"),
        Breakdown::Name => Some("name"),
        Breakdown::Source => Some("source"),
        Breakdown::Channel => Some("channel"),
        Breakdown::Country => Some("country"),
        Breakdown::Device => Some("device"),
        Breakdown::Browser => Some("browser"),
        Breakdown::Os => Some("os"),
        Breakdown::EntryPage => Some("entry"),
        Breakdown::Time | Breakdown::Hour | Breakdown::Day => None,
    }
}

fn grouping(breakdown: Option<Breakdown>) -> Grouping {
    let Some(breakdown) = breakdown else { return Grouping::Total };
    match view_name(breakdown) {
        Some(name) => Grouping::View(View::named(name).expect("the table has every view that is served")),
        None if breakdown == Breakdown::Day => Grouping::Day,
        None => Grouping::Hour,
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_breakdown_that_is_not_time_has_a_view_that_the_crowd_judges() {
        for breakdown in Breakdown::VARIANTS.iter().copied().filter(|breakdown| !breakdown.is_time()) {
            let Grouping::View(view) = grouping(Some(breakdown)) else { panic!("{breakdown:?}") };
            assert!(crowd::is_judged(view), "{view}");
        }
    }
}
