//! Adds up the numbers of one result, and remembers what is missing of each.

use crowd::{Numbers, Told};
use schema::measures::Measure as M;

use super::Number;
use crate::words::Metric;

/// How much of a number is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exactness {
    /// All of it.
    Exact,
    /// The number is this or more.
    AtLeast,
    /// A ratio over those visits for which it is published.
    Partial,
    /// Nothing.
    Withheld,
}

/// The sum of one measure.
#[derive(Debug, Default)]
struct MeasureTotal {
    sum: i64,
    is_known: bool,
    is_incomplete: bool,
}

impl MeasureTotal {
    fn add(&mut self, number: Told) {
        match number {
            Told::Exactly(n) => (self.sum, self.is_known) = (self.sum + n, true),
            Told::AtLeast(n) => {
                (self.sum, self.is_known, self.is_incomplete) = (self.sum + n, true, true);
            }
            Told::Withheld => self.is_incomplete = true,
        }
    }

    fn get(&self) -> (Number, Exactness) {
        match (self.is_known, self.is_incomplete) {
            (false, true) => (Number::Withheld, Exactness::Withheld),
            (true, true) => (Number::Whole(self.sum), Exactness::AtLeast),
            (_, false) => (Number::Whole(self.sum), Exactness::Exact),
        }
    }
}

/// A ratio over the visits of the rounds that publish both of its numbers.
#[derive(Debug, Default)]
struct Ratio {
    over: i64,
    visits: i64,
    is_incomplete: bool,
}

impl Ratio {
    fn add(&mut self, over: Option<i64>, visits: Told) {
        match (over, visits) {
            (Some(over), Told::Exactly(visits)) => (self.over, self.visits) = (self.over + over, self.visits + visits),
            (None, Told::Exactly(0)) => {}
            (Some(_) | None, Told::Exactly(_) | Told::AtLeast(_) | Told::Withheld) => self.is_incomplete = true,
        }
    }

    fn get(&self, number: impl Fn(f64) -> Number) -> (Number, Exactness) {
        match (self.visits > 0, self.is_incomplete) {
            (false, true) => (Number::Withheld, Exactness::Withheld),
            (false, false) => (Number::Whole(0), Exactness::Exact),
            (true, true) => (number(self.over as f64 / self.visits as f64), Exactness::Partial),
            (true, false) => (number(self.over as f64 / self.visits as f64), Exactness::Exact),
        }
    }
}

/// The sum of one result over its rounds.
#[derive(Debug, Default)]
pub(super) struct ResultSum {
    visits: MeasureTotal,
    visitors: MeasureTotal,
    pageviews: MeasureTotal,
    events: MeasureTotal,
    bounces: Ratio,
    seconds: Ratio,
    views: Ratio,
}

impl ResultSum {
    pub(super) fn add(&mut self, numbers: &Numbers) {
        let visits = numbers.get(M::Visits);
        self.visits.add(visits);
        self.visitors.add(numbers.get(M::Visitors));
        self.pageviews.add(numbers.get(M::Pageviews));
        self.events.add(numbers.get(M::Events));
        self.bounces.add(numbers.get(M::Bounces).exactly(), visits);
        self.seconds.add(numbers.get(M::Seconds).exactly(), visits);
        self.views.add(numbers.get(M::Pageviews).exactly(), visits);
    }

    pub(super) fn get(&self, metric: Metric) -> (Number, Exactness) {
        match metric {
            Metric::Visitors => self.visitors.get(),
            Metric::Visits => self.visits.get(),
            Metric::Pageviews => self.pageviews.get(),
            Metric::Events => self.events.get(),
            Metric::BounceRate => self.bounces.get(|rate| hundredths(rate * 100.0)),
            Metric::VisitDuration => self.seconds.get(|seconds| Number::Whole(seconds.round() as i64)),
            Metric::ViewsPerVisit => self.views.get(hundredths),
        }
    }
}

fn hundredths(n: f64) -> Number {
    Number::Fraction((n * 100.0).round() / 100.0)
}
