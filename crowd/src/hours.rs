//! Neighbouring hours merge until each group is a crowd; then the numbers of each group.

use std::collections::BTreeMap;

use schema::measures::Measure as M;

use crate::K;
use crate::bounces::{Stay, told};
use crate::custom::{By, hour_name};
use crate::numbers::{Numbers, Told};
use crate::people::People;
use crate::published::HourGroup;
use crate::table::Rows;

/// A group of hours and its rows: of the visits that began in it, and of the pages seen in it.
#[derive(Debug, Default)]
pub(crate) struct Span {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) visits: Vec<u32>,
    pub(crate) pages: Vec<u32>,
}

impl Span {
    fn join(&mut self, next: Span) {
        self.last = next.last;
        for (mine, more) in [(&mut self.visits, next.visits), (&mut self.pages, next.pages)] {
            mine.extend(more);
            mine.sort_unstable();
        }
    }
}

/// The groups, by time. An hour with page views in which no visit began joins like any other that is no crowd. There
/// are no groups where the whole day is no crowd: then an hour could be one visitor's.
pub(crate) fn merge(visits: &Rows, pages: &Rows, k: K, people: &People<'_>) -> Vec<Span> {
    let mut hours: BTreeMap<u32, Span> = BTreeMap::new();
    for (row, hour) in visits.hour.iter().enumerate() {
        at(&mut hours, *hour).visits.push(row as u32);
    }
    for (row, hour) in pages.hour.iter().enumerate() {
        at(&mut hours, *hour).pages.push(row as u32);
    }
    let is_crowd = |span: &Span| people.count(&span.visits) >= k.get();
    let mut spans: Vec<Span> = vec![];
    for span in hours.into_values() {
        match spans.last_mut() {
            Some(last) if !is_crowd(last) => last.join(span),
            _ => spans.push(span),
        }
    }
    if let Some(last) = spans.pop_if(|last| !is_crowd(last))
        && let Some(before) = spans.last_mut()
    {
        before.join(last);
    }
    spans
}

fn at(hours: &mut BTreeMap<u32, Span>, hour: u32) -> &mut Span {
    hours.entry(hour).or_insert_with(|| Span { first: hour, last: hour, ..Span::default() })
}

/// The numbers of each group. Visitors are a lower bound: a tag may begin visits in several hours.
pub(crate) fn publish(
    (visits, pages): (&Rows, &Rows),
    people: &People<'_>,
    spans: &[Span],
    custom: &By,
    k: K,
) -> Vec<HourGroup> {
    let stays = spans.iter().map(|span| (Stay::of(visits, &span.visits), hour_name(span.first).to_string()));
    let told = told(&stays.collect::<Vec<_>>(), k);
    let group = |(span, told): (&Span, bool)| {
        let pageviews = pages.sum(M::Pageviews, &span.pages);
        let mut numbers = vec![
            (M::Visits, Told::Exactly(visits.sum(M::Visits, &span.visits))),
            (M::Visitors, Told::AtLeast(people.count(&span.visits))),
            (M::Pageviews, Told::Exactly(pageviews)),
            (M::Events, custom.events(None, &hour_name(span.first), pageviews)),
        ];
        if told {
            numbers.extend([M::Bounces, M::Seconds].map(|m| (m, Told::Exactly(visits.sum(m, &span.visits)))));
        }
        HourGroup { first: span.first, last: span.last, numbers: Numbers::new(numbers) }
    };
    spans.iter().zip(told).map(group).collect()
}
