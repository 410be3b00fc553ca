//! The results of one question, as its rounds add up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crowd::{K, Numbers, PublishedView};
use schema::day::Day;
use schema::sites::Site;

use super::TimeGroup;
use super::sum::ResultSum;
use crate::plan::{Grouping, Plan};
use crate::range::labels;
use crate::sources::{Detail, KnownRound, RoundSnapshot};

/// Sums by label, and what `meta` lists about them.
#[derive(Default)]
pub(super) struct Results {
    /// Without a breakdown.
    pub(super) total: ResultSum,
    pub(super) named: HashMap<Arc<str>, ResultSum>,
    pub(super) other: Option<ResultSum>,
    /// Days of which nothing but bare totals was read.
    pub(super) left_out: BTreeSet<Day>,
    /// When the oldest snapshot of an open round was computed (UTC seconds).
    pub(super) as_of: Option<i64>,
    /// By the label of the first hour, the labels of hours that were merged.
    merged_hours: BTreeMap<String, BTreeSet<String>>,
}

impl Results {
    /// Adds a round.
    pub(super) fn add(&mut self, plan: &Plan, site: &Site, known: &KnownRound) {
        let snapshot = match plan.detail {
            // A request of several questions may have read more than this one needs.
            Detail::BareTotals => None,
            Detail::PublishedIfSettled | Detail::Published => known.snapshot.as_deref(),
        };
        if let Some(snapshot) = snapshot.filter(|_| !known.round.settled) {
            self.as_of = Some(self.as_of.map_or(snapshot.computed_s, |before| before.min(snapshot.computed_s)));
        }
        let day = known.round.day;
        match plan.grouping {
            Grouping::Total => self.total.add(&known.bare_totals(snapshot, K::of(site))),
            Grouping::Day => {
                self.named(day.to_string().into()).add(&known.bare_totals(snapshot, K::of(site)));
            }
            Grouping::Hour => self.add_hours(site, day, snapshot),
            Grouping::View(view) => match snapshot.and_then(|snapshot| snapshot.published.view(view)) {
                Some(view) => self.add_view(view),
                None => {
                    self.left_out.insert(day);
                }
            },
        }
    }

    pub(super) fn time_groups(&self) -> Vec<TimeGroup> {
        let groups = self.merged_hours.iter();
        groups.map(|(time, hours)| TimeGroup { time: time.clone(), hours: hours.iter().cloned().collect() }).collect()
    }

    fn named(&mut self, label: Arc<str>) -> &mut ResultSum {
        self.named.entry(label).or_default()
    }

    fn add_view(&mut self, view: &PublishedView) {
        for cell in view.cells() {
            self.named(Arc::clone(cell.name())).add(cell.numbers());
        }
        if let Some(other) = view.other() {
            self.other.get_or_insert_default().add(other);
        }
    }

    fn add_hours(&mut self, site: &Site, day: Day, snapshot: Option<&RoundSnapshot>) {
        let Some(snapshot) = snapshot else {
            self.left_out.insert(day);
            return;
        };
        let hours = labels::hours(&site.zone, day);
        if snapshot.published.hours().is_empty() {
            // The whole day has fewer than k visitors: it is one group, so that no hour is published.
            self.add_hour_group(site, &hours, snapshot.published.totals());
        }
        for group in snapshot.published.hours() {
            let span = i64::from(group.first())..=i64::from(group.last());
            let merged: Vec<i64> = hours.iter().copied().filter(|hour| span.contains(hour)).collect();
            let merged = if merged.is_empty() { vec![i64::from(group.first())] } else { merged };
            self.add_hour_group(site, &merged, group.numbers());
        }
    }

    fn add_hour_group(&mut self, site: &Site, hours: &[i64], numbers: &Numbers) {
        let labels: Vec<String> = hours.iter().map(|hour| labels::hour(&site.zone, *hour)).collect();
        let Some(first) = labels.first().cloned() else { return };
        self.named(first.as_str().into()).add(numbers);
        if labels.len() > 1 {
            self.merged_hours.entry(first).or_default().extend(labels);
        }
    }
}
