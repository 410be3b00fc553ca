//! Adds up what parts say of one result, and remembers what of it could not be said.

use crowd::{Numbers, Told};
use serde_json::{Value, json};

use crate::query::Metric;

/// How much of a number is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// All of it.
    Exact,
    /// The number is this or more.
    AtLeast,
    /// A ratio over the visits of which it may be told.
    Partial,
    /// Nothing.
    Withheld,
}

/// A number of one result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Whole(i64),
    Broken(f64),
    None,
}

impl Number {
    pub(super) fn json(self) -> Value {
        match self {
            Number::Whole(n) => json!(n),
            Number::Broken(n) => json!(n),
            Number::None => Value::Null,
        }
    }

    /// To compare numbers of one metric with each other.
    pub(super) fn size(self) -> Option<f64> {
        match self {
            Number::Whole(n) => Some(n as f64),
            Number::Broken(n) => Some(n),
            Number::None => None,
        }
    }
}

#[derive(Debug, Default)]
struct Total {
    sum: i64,
    parts_told: bool,
    parts_missing: bool,
}

impl Total {
    fn add(&mut self, told: Told) {
        match told {
            Told::Exactly(n) => (self.sum, self.parts_told) = (self.sum + n, true),
            Told::AtLeast(n) => {
                (self.sum, self.parts_told, self.parts_missing) = (self.sum + n, true, true);
            }
            Told::Withheld => self.parts_missing = true,
        }
    }

    fn get(&self) -> (Number, Telling) {
        match (self.parts_told, self.parts_missing) {
            (false, true) => (Number::None, Telling::Withheld),
            (true, true) => (Number::Whole(self.sum), Telling::AtLeast),
            (_, false) => (Number::Whole(self.sum), Telling::Exact),
        }
    }
}

/// Over the visits of the parts that tell both sides of it.
#[derive(Debug, Default)]
struct Ratio {
    over: i64,
    visits: i64,
    parts_missing: bool,
}

impl Ratio {
    fn add(&mut self, over: Option<i64>, visits: Told) {
        match (over, visits) {
            (Some(over), Told::Exactly(visits)) => (self.over, self.visits) = (self.over + over, self.visits + visits),
            (None, Told::Exactly(0)) => {}
            (Some(_) | None, Told::Exactly(_) | Told::AtLeast(_) | Told::Withheld) => self.parts_missing = true,
        }
    }

    fn get(&self, number: impl Fn(f64) -> Number) -> (Number, Telling) {
        match (self.visits > 0, self.parts_missing) {
            (false, true) => (Number::None, Telling::Withheld),
            (false, false) => (Number::Whole(0), Telling::Exact),
            (true, true) => (number(self.over as f64 / self.visits as f64), Telling::Partial),
            (true, false) => (number(self.over as f64 / self.visits as f64), Telling::Exact),
        }
    }
}

/// The sum of the parts of one result.
#[derive(Debug, Default)]
pub(super) struct Sum {
    visits: Total,
    visitors: Total,
    pageviews: Total,
    events: Total,
    bounces: Ratio,
    seconds: Ratio,
    views: Ratio,
}

impl Sum {
    pub(super) fn add(&mut self, numbers: &Numbers) {
        let Numbers { visits, visitors, pageviews, events, bounces, seconds } = *numbers;
        self.visits.add(visits);
        self.visitors.add(visitors);
        self.pageviews.add(pageviews);
        self.events.add(events);
        self.bounces.add(bounces, visits);
        self.seconds.add(seconds, visits);
        let views = if let Told::Exactly(views) = pageviews { Some(views) } else { None };
        self.views.add(views, visits);
    }

    pub(super) fn get(&self, metric: Metric) -> (Number, Telling) {
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
    Number::Broken((n * 100.0).round() / 100.0)
}
