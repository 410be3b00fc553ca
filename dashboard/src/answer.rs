//! From what days and rounds may say to the answer of one question.
//!
//! A result is the sum of its parts. Where a part says less than all, so does the sum, and `meta` says which results are
//! meant, by their `dimensions`:
//!
//! | `meta` | says |
//! |---|---|
//! | `crowd` | k: values of fewer visitors on a day are in "(other)" |
//! | `visitors` | over several days: "sum of daily visitors" |
//! | `at_least` | by metric: results whose number is a lower bound |
//! | `partial` | by metric: results whose ratio is over the visits of which it may be told |
//! | `withheld` | by metric: results whose number is null, because it would tell about too few |
//! | `time_groups` | hours that were merged: the result has the label of the first, and counts all of `hours` |
//! | `as_of` | when what open days may say was computed; bare totals are newer |
//! | `open_days_left_out` | days that are not settled yet, which this token sees in bare totals only |
//! | `total_rows`, `time_labels` | as asked for with `include` |
//!
//! Pure.

mod bare;
mod sum;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crowd::{Numbers, OTHER, View};
use schema::day::Day;
use schema::dimensions::Dimension as D;
use schema::sites::Site;
use serde_json::{Map, Value, json};

use crate::live::Part;
use crate::query::{Dimension, Direction, Key, Query};
use crate::range::{self, Days};
use sum::{Number, Sum, Telling};

/// What the dimension means for these days: `time` is hours of one day, or days.
pub fn resolved(query: &Query, days: Days) -> Option<Dimension> {
    match query.dimension {
        Some(Dimension::Time) if days.is_one() => Some(Dimension::Hour),
        Some(Dimension::Time) => Some(Dimension::Day),
        other => other,
    }
}

/// Answers from the parts of these days.
pub fn answer(query: &Query, site: &Site, days: Days, parts: &[Part]) -> Value {
    let mut results = Results::default();
    let by = resolved(query, days);
    for part in parts {
        results.add(by, site, part);
    }
    let mut rows = results.rows(query, by);
    rows.sort_by(|a, b| compare(query, a, b));
    let total_rows = rows.len();
    let rows: Vec<Row> = rows.into_iter().skip(query.offset).take(query.limit).collect();

    let mut meta = Map::new();
    meta.insert("crowd".into(), json!(site.crowd));
    let over_days = !days.is_one() && !by.is_some_and(Dimension::is_time);
    if over_days && query.metrics.contains(&crate::query::Metric::Visitors) {
        meta.insert("visitors".into(), json!("sum of daily visitors"));
    }
    for (word, telling) in
        [("at_least", Telling::AtLeast), ("partial", Telling::Partial), ("withheld", Telling::Withheld)]
    {
        let told = told_so(query, &rows, telling);
        if !told.is_empty() {
            meta.insert(word.into(), Value::Object(told));
        }
    }
    if !results.groups.is_empty() {
        let groups = results.groups.iter().map(|(time, hours)| json!({"time": time, "hours": hours}));
        meta.insert("time_groups".into(), groups.collect());
    }
    if let Some(computed_s) = results.as_of {
        meta.insert("as_of".into(), json!(range::moment(&site.zone, computed_s)));
    }
    if !results.left_out.is_empty() {
        let days: Vec<String> = results.left_out.iter().map(Day::to_string).collect();
        meta.insert("open_days_left_out".into(), json!(days));
    }
    if query.include.total_rows {
        meta.insert("total_rows".into(), json!(total_rows));
    }
    if query.include.time_labels {
        meta.insert("time_labels".into(), json!(time_labels(by, site, days)));
    }
    let results: Vec<Value> = rows.iter().map(Row::json).collect();
    json!({"results": results, "meta": meta, "query": normalised(query, site, days)})
}

/// Results as they add up.
#[derive(Default)]
struct Results {
    total: Sum,
    named: HashMap<Arc<str>, Sum>,
    other: Option<Sum>,
    groups: BTreeMap<String, BTreeSet<String>>,
    left_out: BTreeSet<Day>,
    as_of: Option<i64>,
}

impl Results {
    fn add(&mut self, by: Option<Dimension>, site: &Site, part: &Part) {
        if let Some(told) = part.told.as_deref().filter(|_| !part.round.settled) {
            self.as_of = Some(self.as_of.map_or(told.computed_s, |before| before.min(told.computed_s)));
        }
        match by {
            None => self.total.add(&bare::totals(part, site)),
            Some(Dimension::Day) => {
                self.named(part.round.day.to_string().into()).add(&bare::totals(part, site));
            }
            Some(Dimension::Hour | Dimension::Time) => self.hours(site, part),
            Some(dimension) => match part.told.as_ref().and_then(|told| told.published.view(column(dimension)?)) {
                Some(view) => self.view(view),
                None => {
                    self.left_out.insert(part.round.day);
                }
            },
        }
    }

    fn named(&mut self, label: Arc<str>) -> &mut Sum {
        self.named.entry(label).or_default()
    }

    fn view(&mut self, view: &View) {
        for cell in &view.cells {
            self.named(cell.name.clone()).add(&cell.numbers);
        }
        if let Some(other) = &view.other {
            self.other.get_or_insert_default().add(other);
        }
    }

    fn hours(&mut self, site: &Site, part: &Part) {
        let Some(told) = &part.told else {
            self.left_out.insert(part.round.day);
            return;
        };
        let hours = range::hours(&site.zone, part.round.day);
        if told.published.hours.is_empty() {
            // The whole day is no crowd: when it came is not told.
            self.group(site, &hours, &told.published.totals);
        }
        for group in &told.published.hours {
            let of = i64::from(group.first)..=i64::from(group.last);
            let merged: Vec<i64> = hours.iter().copied().filter(|hour| of.contains(hour)).collect();
            let merged = if merged.is_empty() { vec![i64::from(group.first)] } else { merged };
            self.group(site, &merged, &group.numbers);
        }
    }

    fn group(&mut self, site: &Site, hours: &[i64], numbers: &Numbers) {
        let labels: Vec<String> = hours.iter().map(|hour| range::hour(&site.zone, *hour)).collect();
        let Some(first) = labels.first().cloned() else { return };
        self.named(first.as_str().into()).add(numbers);
        if labels.len() > 1 {
            self.groups.entry(first).or_default().extend(labels);
        }
    }

    fn rows(&mut self, query: &Query, by: Option<Dimension>) -> Vec<Row> {
        let row = |label: Option<Arc<str>>, is_other: bool, sum: &Sum| Row {
            label,
            is_other,
            numbers: query.metrics.iter().map(|metric| sum.get(*metric)).collect(),
        };
        if by.is_none() {
            return vec![row(None, false, &self.total)];
        }
        let named = self.named.iter().map(|(label, sum)| row(Some(label.clone()), false, sum));
        named.chain(self.other.iter().map(|sum| row(Some(OTHER.into()), true, sum))).collect()
    }
}

/// One result.
struct Row {
    label: Option<Arc<str>>,
    is_other: bool,
    numbers: Vec<(Number, Telling)>,
}

impl Row {
    fn dimensions(&self) -> Value {
        self.label.iter().map(|label| json!(**label)).collect()
    }

    fn json(&self) -> Value {
        let metrics: Vec<Value> = self.numbers.iter().map(|(number, _)| number.json()).collect();
        json!({"dimensions": self.dimensions(), "metrics": metrics})
    }
}

/// As asked for; what is hidden comes last, what is withheld before it, and names decide between equals.
fn compare(query: &Query, a: &Row, b: &Row) -> Ordering {
    let keyed = query.order_by.iter().map(|(key, direction)| match key {
        Key::Dimension => turned(a.label.cmp(&b.label), *direction),
        Key::Metric(at) => match (a.numbers[*at].0.size(), b.numbers[*at].0.size()) {
            (Some(a), Some(b)) => turned(a.total_cmp(&b), *direction),
            (a, b) => b.is_some().cmp(&a.is_some()),
        },
    });
    let keyed = keyed.fold(Ordering::Equal, Ordering::then);
    a.is_other.cmp(&b.is_other).then(keyed).then_with(|| a.label.cmp(&b.label))
}

fn turned(order: Ordering, direction: Direction) -> Ordering {
    match direction {
        Direction::Ascending => order,
        Direction::Descending => order.reverse(),
    }
}

/// By metric, the dimensions of the results that are told so.
fn told_so(query: &Query, rows: &[Row], telling: Telling) -> Map<String, Value> {
    let mut told = Map::new();
    for (at, metric) in query.metrics.iter().enumerate() {
        let rows: Vec<Value> = rows.iter().filter(|row| row.numbers[at].1 == telling).map(Row::dimensions).collect();
        if !rows.is_empty() {
            told.insert(metric.word().into(), Value::Array(rows));
        }
    }
    told
}

fn time_labels(by: Option<Dimension>, site: &Site, days: Days) -> Vec<String> {
    if by == Some(Dimension::Day) {
        return days.iter().map(|day| day.to_string()).collect();
    }
    let hours = days.iter().flat_map(|day| range::hours(&site.zone, day));
    let mut labels: Vec<String> = hours.map(|hour| range::hour(&site.zone, hour)).collect();
    labels.dedup();
    labels
}

/// The question as it was understood.
fn normalised(query: &Query, site: &Site, days: Days) -> Value {
    let from = range::moment(&site.zone, site.zone.begins_s(days.first));
    let until = range::moment(&site.zone, site.zone.ends_s(days.last) - 1);
    let by: Vec<&str> = resolved(query, days).iter().map(|dimension| dimension.word()).collect();
    let order = query.order_by.iter().map(|(key, direction)| {
        let key = match key {
            Key::Metric(at) => query.metrics[*at].word(),
            Key::Dimension => by.first().copied().unwrap_or_default(),
        };
        let direction = match direction {
            Direction::Ascending => "asc",
            Direction::Descending => "desc",
        };
        json!([key, direction])
    });
    json!({
        "site_id": site.domain,
        "metrics": query.metrics.iter().map(|metric| metric.word()).collect::<Vec<_>>(),
        "date_range": [from, until],
        "dimensions": by,
        "filters": [],
        "order_by": order.collect::<Vec<_>>(),
        "include": {"total_rows": query.include.total_rows, "time_labels": query.include.time_labels},
        "pagination": {"limit": query.limit, "offset": query.offset},
    })
}

/// The column of the cubes; none: it is time.
fn column(dimension: Dimension) -> Option<D> {
    match dimension {
        Dimension::Page => Some(D::Page),
        Dimension::Name => Some(D::Name),
        Dimension::Source => Some(D::Source),
        Dimension::Channel => Some(D::Channel),
        Dimension::Country => Some(D::Country),
        Dimension::Device => Some(D::Device),
        Dimension::Browser => Some(D::Browser),
        Dimension::Os => Some(D::Os),
        Dimension::EntryPage => Some(D::EntryPage),
        Dimension::Time | Dimension::Hour | Dimension::Day => None,
    }
}

#[cfg(test)]
mod tests;
