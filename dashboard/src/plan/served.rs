//! Which metrics are served by which breakdown, derived from the table of views.

use schema::measures::Measure as M;
use schema::views::Part;
use strum::VariantArray;

use super::{Grouping, grouping};
use crate::question::{Unanswerable, no};
use crate::words::{self, Breakdown, Metric};

/// The measures that a metric is computed from.
fn needs(metric: Metric) -> &'static [M] {
    match metric {
        Metric::Visitors => &[M::Visitors],
        Metric::Visits => &[M::Visits],
        Metric::Pageviews => &[M::Pageviews],
        Metric::Events => &[M::Events],
        Metric::BounceRate => &[M::Bounces, M::Visits],
        Metric::VisitDuration => &[M::Seconds, M::Visits],
        Metric::ViewsPerVisit => &[M::Pageviews, M::Visits],
    }
}

/// Whether the metric is a mean over visits. Such a metric is served by views of visits only: a visit has many pages,
/// so a page has parts of visits, and the mean is over whole visits.
fn is_mean_of_visits(metric: Metric) -> bool {
    match metric {
        Metric::BounceRate | Metric::VisitDuration | Metric::ViewsPerVisit => true,
        Metric::Visitors | Metric::Visits | Metric::Pageviews | Metric::Events => false,
    }
}

/// Whether the metric is served by the breakdown. Totals and time serve every metric.
pub fn is_served(metric: Metric, breakdown: Option<Breakdown>) -> bool {
    let Grouping::View(view) = grouping(breakdown) else { return true };
    let measures = crowd::measures(view);
    let has_all = needs(metric).iter().all(|measure| measures.contains(measure));
    has_all && (!is_mean_of_visits(metric) || view.part == Part::Visits)
}

/// The metrics that the breakdown serves.
pub fn metrics(breakdown: Breakdown) -> impl Iterator<Item = Metric> {
    Metric::VARIANTS.iter().copied().filter(move |metric| is_served(*metric, Some(breakdown)))
}

/// If the metric is not served by the breakdown, a sentence that names what is.
pub(crate) fn check(metric: Metric, breakdown: Option<Breakdown>) -> Result<(), Unanswerable> {
    let Some(breakdown) = breakdown.filter(|breakdown| !is_served(metric, Some(*breakdown))) else { return Ok(()) };
    let others = Breakdown::VARIANTS.iter().copied();
    // `time` stands for the three breakdowns by time.
    let others = others.filter(|other| !matches!(other, Breakdown::Hour | Breakdown::Day));
    let others = words::join(others.filter(|other| is_served(metric, Some(*other))));
    let (metric, by) = (metric.word(), breakdown.word());
    let here = words::join(metrics(breakdown));
    no(format!("{metric} is not served by {by}. Ask for {metric} by {others}. By {by} you can ask for {here}"))
}
