//! A round with what the dashboard compares and publishes of it without asking the crowd rule: its bare sums.

use schema::cubes::Cube;
use schema::day::Day;
use schema::measures::Measure;
use schema::round::RoundKey;

/// The sums of `live_visits` over a (site, day, round).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Visits.
    pub visits: i64,
    /// Visits of one page view and no interactive event.
    pub bounces: i64,
    /// Page views.
    pub pageviews: i64,
    /// Page views and custom events: never published as they are.
    pub events: i64,
    /// Seconds from a visit's first event to its last.
    pub seconds: i64,
    /// Visitor tags.
    pub visitors: i64,
    /// How many rows the cubes of visits, pages and events have: it changes with every insert. Rows of other cubes do
    /// not change an answer.
    pub rows: [i64; 3],
}

/// A (day, round) of a site in which the site had visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// The site's local date.
    pub day: Day,
    /// 0 for the day's own events, more for late ones.
    pub round: u32,
    /// Whether all its rows are final.
    pub settled: bool,
    /// What its visits add up to.
    pub sums: Sums,
}

impl Round {
    /// Its key among the site's rounds.
    pub fn key(&self) -> RoundKey {
        (self.day, self.round)
    }

    /// `None` if the round has no visits: a day with refusals or beacon loads only is no day with visits, and must not
    /// appear in an answer.
    pub(super) fn with_visits(round: &warehouse::Round) -> Option<Round> {
        let sum = |measure| round.visit_sum(measure);
        let rows = |cube| i64::try_from(round.row_count(cube)).unwrap_or(i64::MAX);
        let sums = Sums {
            visits: sum(Measure::Visits),
            bounces: sum(Measure::Bounces),
            pageviews: sum(Measure::Pageviews),
            events: sum(Measure::Events),
            seconds: sum(Measure::Seconds),
            visitors: sum(Measure::Visitors),
            rows: [Cube::Visits, Cube::Pages, Cube::Events].map(rows),
        };
        (sums.visits != 0).then_some(Round { day: round.day, round: round.round, settled: round.settled, sums })
    }
}
