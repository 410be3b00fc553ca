//! Rule 4: neighbouring hours merge until each group is a crowd.

use std::collections::BTreeMap;

use crate::K;
use crate::people::People;
use crate::table::Rows;

/// A group of hours and its rows: of visits that began in it, of pages seen in it.
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

/// The groups, by time. An hour with page views and no start joins like any other that is no crowd. None at all where the
/// whole day is no crowd: then even the hour is one visitor's.
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
