//! The fields of a question's body, each read with a sentence for what is wrong with it.

use serde_json::{Map, Value};

use super::{Dimension, Include, LIMIT_MAX, Unanswerable, no};

const FIELDS: [&str; 8] =
    ["site_id", "metrics", "date_range", "dimensions", "filters", "order_by", "include", "pagination"];

/// The body's object.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Fields<'a>, Unanswerable> {
        let Some(object) = value.as_object() else {
            return no(format!("the body must be an object with {}", FIELDS.join(", ")));
        };
        only(object, &FIELDS, "the body")?;
        Ok(Fields(object))
    }

    /// A field; null is as good as none.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn site_id(&self) -> Result<String, Unanswerable> {
        match self.get("site_id") {
            Some(Value::String(name)) if !name.is_empty() => Ok(name.clone()),
            Some(Value::Number(number)) if number.is_u64() => Ok(number.to_string()),
            _ => no("site_id must be a site's domain or number: GET /api/sites lists those you see"),
        }
    }

    pub(super) fn no_filters(&self) -> Result<(), Unanswerable> {
        match self.get("filters") {
            None => Ok(()),
            Some(Value::Array(filters)) if filters.is_empty() => Ok(()),
            Some(_) => no("filters are not served yet: leave them out, and pick the row from the answer by that \
                           dimension"),
        }
    }

    pub(super) fn pagination(&self) -> Result<(usize, usize), Unanswerable> {
        let Some(value) = self.get("pagination") else { return Ok((LIMIT_MAX, 0)) };
        let Some(object) = value.as_object() else {
            return no("pagination must be an object, like {\"limit\": 100, \"offset\": 0}");
        };
        only(object, &["limit", "offset"], "pagination")?;
        let number = |name: &str, or: usize| match object.get(name) {
            None => Some(or),
            Some(value) => value.as_u64().and_then(|n| usize::try_from(n).ok()),
        };
        let limit = number("limit", LIMIT_MAX).filter(|limit| (1..=LIMIT_MAX).contains(limit));
        let Some(limit) = limit else { return no(format!("pagination.limit must be from 1 to {LIMIT_MAX}")) };
        let Some(offset) = number("offset", 0) else { return no("pagination.offset must be 0 or more") };
        Ok((limit, offset))
    }

    pub(super) fn include(&self, dimension: Option<Dimension>) -> Result<Include, Unanswerable> {
        let Some(value) = self.get("include") else { return Ok(Include::default()) };
        let Some(object) = value.as_object() else {
            return no("include must be an object, like {\"total_rows\": true}");
        };
        for word in ["imports", "comparisons", "trim_relative_date_range"] {
            match object.get(word) {
                None | Some(Value::Bool(false) | Value::Null) => {}
                Some(_) if word == "imports" => {
                    return no("include.imports is not needed: what was imported is counted like the rest");
                }
                Some(_) if word == "comparisons" => {
                    return no("include.comparisons is not served: ask a second time, for the days before");
                }
                Some(_) => return no(format!("include.{word} is not served: ask for the dates you mean")),
            }
        }
        let known = ["total_rows", "time_labels", "imports", "comparisons", "trim_relative_date_range"];
        only(object, &known, "include")?;
        let flag = |name: &str| match object.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => no(format!("include.{name} must be true or false")),
        };
        let include = Include { total_rows: flag("total_rows")?, time_labels: flag("time_labels")? };
        if include.time_labels && !dimension.is_some_and(Dimension::is_time) {
            return no("include.time_labels needs a time dimension: time, time:hour or time:day");
        }
        Ok(include)
    }
}

/// A list of words.
pub(super) fn words(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn only(object: &Map<String, Value>, known: &[&str], what: &str) -> Result<(), Unanswerable> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(_) => no(format!("{what} has a field that is not known; there are {}", known.join(", "))),
    }
}
