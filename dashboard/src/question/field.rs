//! How each field of a request is read. The error of each is a sentence for the client.
//!
//! serde's own messages repeat what was sent and name Rust types, so each field brings its sentence.

use std::fmt::Display;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde_json::Value;

use super::body::{Include, IncludeBody, Pagination};
use super::instead;
use super::sort::{self, SortDirection};
use super::{LIMIT_MAX, Unanswerable, no};
use crate::range::DateRange;
use crate::words::{self, Breakdown, Metric};

pub(super) const SITE_ID: &str = "site_id must be a site's domain or number: GET /api/sites lists those you see";
pub(super) const BODY_SHAPE: &str =
    "the body must be an object with site_id, metrics, date_range, dimensions, filters, order_by, include, pagination";

/// The JSON of a body.
pub(super) fn json(body: &[u8]) -> Result<Value, Unanswerable> {
    serde_json::from_slice(body).or_else(|_| {
        no("the body must be JSON, like {\"site_id\": \"example.org\", \"metrics\": [\"visitors\"], \"date_range\": \
            \"7d\"}")
    })
}

/// Reads the object `name`. `shape` is the sentence for a value that is no object. The sentence for an unknown field
/// lists the known ones and does not repeat the unknown one.
pub(crate) fn object<T: DeserializeOwned>(value: Value, name: &str, shape: &str) -> Result<T, Unanswerable> {
    if !value.is_object() {
        return no(shape);
    }
    T::deserialize(value).map_err(|error| {
        let message = error.to_string();
        let known = message.strip_prefix("unknown field ").and_then(|rest| rest.rsplit_once(", expected "));
        Unanswerable(match known {
            Some((_, known)) => {
                let known = known.trim_start_matches("one of ").replace('`', "").replace(" or ", ", ");
                format!("{name} has a field that is not known; there are {known}")
            }
            None => message,
        })
    })
}

/// Reads a field that may be null. The error of a value of another shape is `sentence`.
fn shaped<'de, T, D>(field: D, sentence: impl Display) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(field).map_err(|_| D::Error::custom(sentence))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SiteName {
    Text(String),
    Number(u64),
}

pub(super) fn site_id<'de, D: Deserializer<'de>>(field: D) -> Result<Option<String>, D::Error> {
    match shaped(field, SITE_ID)? {
        Some(SiteName::Text(name)) if name.is_empty() => Err(D::Error::custom(SITE_ID)),
        Some(SiteName::Text(name)) => Ok(Some(name)),
        Some(SiteName::Number(number)) => Ok(Some(number.to_string())),
        None => Ok(None),
    }
}

pub(super) fn metrics_shape() -> String {
    format!("metrics must be a list of words; there are {}", words::list::<Metric>())
}

pub(super) fn metrics<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Vec<Metric>>, D::Error> {
    let Some(list) = shaped::<Vec<String>, D>(field, metrics_shape())? else { return Ok(None) };
    if list.is_empty() {
        let known = words::list::<Metric>();
        return Err(D::Error::custom(format!("metrics is empty: ask for at least one of {known}")));
    }
    let mut metrics = vec![];
    for word in list {
        let metric = word.parse::<Metric>().map_err(|_| D::Error::custom(instead::of_metric(&word)))?;
        if metrics.contains(&metric) {
            return Err(D::Error::custom(format!("metrics has {word} twice")));
        }
        metrics.push(metric);
    }
    Ok(Some(metrics))
}

pub(super) fn dimensions<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Breakdown>, D::Error> {
    let shape = || format!("dimensions must be a list of at most one word; there are {}", words::list::<Breakdown>());
    let list = shaped::<Vec<String>, D>(field, shape())?.unwrap_or_default();
    let mut breakdowns = vec![];
    for word in list {
        breakdowns.push(word.parse().map_err(|_| D::Error::custom(instead::of_dimension(&word)))?);
    }
    match breakdowns.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => Err(D::Error::custom("two dimensions at once are not served yet: ask once for each of them")),
    }
}

pub(super) fn date_range<'de, D: Deserializer<'de>>(field: D) -> Result<Option<DateRange>, D::Error> {
    Option::deserialize(field)
}

pub(super) fn filters<'de, D: Deserializer<'de>>(field: D) -> Result<(), D::Error> {
    let sentence = "filters are not served yet: leave them out, and pick the row from the answer by that dimension";
    match shaped::<Vec<Value>, D>(field, sentence)? {
        Some(filters) if !filters.is_empty() => Err(D::Error::custom(sentence)),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn order_by<'de, D: Deserializer<'de>>(field: D) -> Result<Vec<(String, SortDirection)>, D::Error> {
    let pairs = shaped::<Vec<(String, String)>, D>(field, sort::SHAPE)?.unwrap_or_default();
    let pair = |(key, direction): (String, String)| match direction.parse() {
        Ok(direction) => Ok((key, direction)),
        Err(_) => Err(D::Error::custom("order_by takes \"asc\" or \"desc\"")),
    };
    pairs.into_iter().map(pair).collect()
}

pub(super) fn include<'de, D: Deserializer<'de>>(field: D) -> Result<Include, D::Error> {
    let Some(value) = Option::deserialize(field)? else { return Ok(Include::default()) };
    let shape = "include must be an object, like {\"total_rows\": true}";
    let include = object::<IncludeBody>(value, "include", shape).map_err(D::Error::custom)?;
    Ok(include.into())
}

pub(super) fn include_total_rows<'de, D: Deserializer<'de>>(field: D) -> Result<bool, D::Error> {
    Ok(shaped(field, "include.total_rows must be true or false")?.unwrap_or_default())
}

pub(super) fn include_time_labels<'de, D: Deserializer<'de>>(field: D) -> Result<bool, D::Error> {
    Ok(shaped(field, "include.time_labels must be true or false")?.unwrap_or_default())
}

pub(super) fn include_imports<'de, D: Deserializer<'de>>(field: D) -> Result<(), D::Error> {
    false_or_none(field, "include.imports is not needed: what was imported is counted like the rest")
}

pub(super) fn include_comparisons<'de, D: Deserializer<'de>>(field: D) -> Result<(), D::Error> {
    false_or_none(field, "include.comparisons is not served: ask a second time, for the days before")
}

pub(super) fn include_trim<'de, D: Deserializer<'de>>(field: D) -> Result<(), D::Error> {
    false_or_none(field, "include.trim_relative_date_range is not served: ask for the dates you mean")
}

/// A flag that may only be false. Otherwise the error is `sentence`.
fn false_or_none<'de, D: Deserializer<'de>>(field: D, sentence: &str) -> Result<(), D::Error> {
    match shaped::<bool, D>(field, sentence)? {
        Some(true) => Err(D::Error::custom(sentence)),
        Some(false) | None => Ok(()),
    }
}

pub(super) fn pagination<'de, D: Deserializer<'de>>(field: D) -> Result<Pagination, D::Error> {
    let Some(value) = Option::deserialize(field)? else { return Ok(Pagination::default()) };
    let shape = "pagination must be an object, like {\"limit\": 100, \"offset\": 0}";
    object(value, "pagination", shape).map_err(D::Error::custom)
}

pub(super) fn limit<'de, D: Deserializer<'de>>(field: D) -> Result<usize, D::Error> {
    let sentence = format!("pagination.limit must be from 1 to {LIMIT_MAX}");
    match shaped(field, &sentence)?.unwrap_or(LIMIT_MAX) {
        limit if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        _ => Err(D::Error::custom(sentence)),
    }
}

pub(super) fn offset<'de, D: Deserializer<'de>>(field: D) -> Result<usize, D::Error> {
    Ok(shaped(field, "pagination.offset must be 0 or more")?.unwrap_or_default())
}
