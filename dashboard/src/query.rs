//! From JSON to a question that can be answered, or to a sentence that says what to ask instead.
//!
//! The shape is Plausible's Stats API v2. What is served: at most one dimension, no filters. Nothing here knows a site
//! or a token: a name is only a name.

mod body;
mod order;

use serde_json::Value;

pub use order::{Direction, Key, Order};

use crate::range::DateRange;
use body::{Fields, words};

/// Most results in one answer, and how many there are unless another number is asked for.
pub const LIMIT_MAX: usize = 10_000;

/// Why a question is not answered: a sentence for the one who asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswerable(pub String);

pub(crate) fn no<T>(sentence: impl Into<String>) -> Result<T, Unanswerable> {
    Err(Unanswerable(sentence.into()))
}

/// A closed set of words of the API.
macro_rules! words_of_the_api {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// Its word.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// By its word.
            pub fn of(word: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|known| known.word() == word)
            }
        }
    };
}

words_of_the_api! {
    /// What is counted.
    Metric {
        /// Visitor tags; over several days the sum of daily visitors.
        Visitors = "visitors",
        /// Visits.
        Visits = "visits",
        /// Page views.
        Pageviews = "pageviews",
        /// Page views and custom events.
        Events = "events",
        /// Percent of visits with one page view and no interactive event.
        BounceRate = "bounce_rate",
        /// Mean seconds of a visit.
        VisitDuration = "visit_duration",
        /// Page views per visit.
        ViewsPerVisit = "views_per_visit",
    }
}

words_of_the_api! {
    /// What it is broken down by.
    Dimension {
        /// Page.
        Page = "event:page",
        /// Name of a custom event.
        Name = "event:name",
        /// Source.
        Source = "visit:source",
        /// Channel.
        Channel = "visit:channel",
        /// Country.
        Country = "visit:country",
        /// Device class.
        Device = "visit:device",
        /// Browser and its major version.
        Browser = "visit:browser",
        /// Operating system.
        Os = "visit:os",
        /// First page of the visit.
        EntryPage = "visit:entry_page",
        /// Hours where the range is one day, else days.
        Time = "time",
        /// Hours, neighbours merged until they are a crowd.
        Hour = "time:hour",
        /// Days.
        Day = "time:day",
    }
}

impl Dimension {
    /// Whether it is time.
    pub fn is_time(self) -> bool {
        matches!(self, Dimension::Time | Dimension::Hour | Dimension::Day)
    }
}

/// What else is in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Include {
    /// How many results there are before they are cut to a page.
    pub total_rows: bool,
    /// All times of the range, with and without results.
    pub time_labels: bool,
}

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// A site's domain, alias or number.
    pub site_id: String,
    /// In the order of the answer.
    pub metrics: Vec<Metric>,
    /// At most one.
    pub dimension: Option<Dimension>,
    /// Which days.
    pub date_range: DateRange,
    /// How results are sorted.
    pub order_by: Vec<Order>,
    /// What else is in the answer.
    pub include: Include,
    /// How many results at most.
    pub limit: usize,
    /// How many results are skipped.
    pub offset: usize,
}

impl Query {
    /// Reads the body of a request.
    pub fn parse(body: &[u8]) -> Result<Query, Unanswerable> {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return no("the body must be JSON, like {\"site_id\": \"example.org\", \"metrics\": [\"visitors\"], \
                       \"date_range\": \"7d\"}");
        };
        let fields = Fields::of(&value)?;
        let site_id = fields.site_id()?;
        let metrics = metrics(fields.get("metrics"))?;
        let dimension = dimension(fields.get("dimensions"))?;
        let Some(date_range) = fields.get("date_range") else {
            return no("date_range is missing: say which days, like \"7d\" or [\"2026-11-01\", \"2026-11-07\"]");
        };
        let date_range = DateRange::parse(date_range).map_err(Unanswerable)?;
        fields.no_filters()?;
        for metric in &metrics {
            served(*metric, dimension)?;
        }
        let (limit, offset) = fields.pagination()?;
        Ok(Query {
            site_id,
            order_by: order::parse(fields.get("order_by"), &metrics, dimension)?,
            include: fields.include(dimension)?,
            metrics,
            dimension,
            date_range,
            limit,
            offset,
        })
    }
}

fn metrics(value: Option<&Value>) -> Result<Vec<Metric>, Unanswerable> {
    let known = Metric::ALL.iter().map(|m| m.word()).collect::<Vec<_>>().join(", ");
    let Some(list) = value.and_then(words) else {
        return no(format!("metrics must be a list of words; there are {known}"));
    };
    if list.is_empty() {
        return no(format!("metrics is empty: ask for at least one of {known}"));
    }
    let mut metrics = vec![];
    for word in list {
        match Metric::of(word) {
            Some(metric) if metrics.contains(&metric) => return no(format!("metrics has {word} twice")),
            Some(metric) => metrics.push(metric),
            None => return no(instead_of_metric(word, &known)),
        }
    }
    Ok(metrics)
}

fn instead_of_metric(word: &str, known: &str) -> String {
    match word {
        "scroll_depth" | "time_on_page" => {
            format!("{word} is not measured yet; of a page there are visitors, visits, pageviews, events")
        }
        "percentage" => "percentage is not served: ask for visitors, and for their total without dimensions".to_owned(),
        "conversion_rate" | "group_conversion_rate" | "average_revenue" | "total_revenue" => {
            format!("{word} is not served yet: ask for events by event:name")
        }
        _ => format!("metrics has a word that is none; there are {known}"),
    }
}

fn dimension(value: Option<&Value>) -> Result<Option<Dimension>, Unanswerable> {
    let known = Dimension::ALL.iter().map(|d| d.word()).collect::<Vec<_>>().join(", ");
    let list = match value {
        None => return Ok(None),
        Some(value) => words(value),
    };
    let Some(list) = list else {
        return no(format!("dimensions must be a list of at most one word; there are {known}"));
    };
    let dimensions = list.iter().map(|word| match Dimension::of(word) {
        Some(dimension) => Ok(dimension),
        None => no(instead_of_dimension(word, &known)),
    });
    match dimensions.collect::<Result<Vec<_>, _>>()?.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        _ => no("two dimensions at once are not served yet: ask once for each of them"),
    }
}

fn instead_of_dimension(word: &str, known: &str) -> String {
    match word {
        "time:week" | "time:month" => format!("{word} is not served: ask for time:day, and add the days up"),
        "visit:exit_page" => "visit:exit_page is not served yet: ask for visit:entry_page or event:page".to_owned(),
        "visit:browser_version" => "visit:browser_version is part of visit:browser: ask for that".to_owned(),
        "visit:region" | "visit:city" | "visit:region_name" | "visit:city_name" | "visit:country_name" => {
            format!("{word} is not served: ask for visit:country")
        }
        "event:hostname" | "visit:entry_page_hostname" | "visit:exit_page_hostname" => {
            format!("{word} is not kept: ask for event:page or visit:entry_page")
        }
        "event:goal" => "event:goal is not served yet: ask for event:name".to_owned(),
        "visit:referrer" => "visit:referrer is not kept, only its host: ask for visit:source".to_owned(),
        _ if word.starts_with("visit:utm_") => {
            "campaigns are not served yet: ask for visit:source or visit:channel".to_owned()
        }
        _ if word.starts_with("event:props:") => "properties are not served yet: ask for event:name".to_owned(),
        _ => format!("dimensions has a word that is none; there are {known}"),
    }
}

/// Whether the cubes can tell this metric by this dimension.
fn served(metric: Metric, dimension: Option<Dimension>) -> Result<(), Unanswerable> {
    use Dimension as D;
    use Metric as M;
    let Some(by) = dimension else { return Ok(()) };
    let of_visits = matches!(metric, M::BounceRate | M::VisitDuration | M::ViewsPerVisit);
    match by {
        D::Page if of_visits => no(format!(
            "{} is about visits, and a visit has many pages: ask for it by visit:entry_page, another visit: dimension, or \
             time; of event:page there are visitors, visits, pageviews, events",
            metric.word()
        )),
        D::Name if of_visits => no(format!(
            "{} is about visits, and a visit has many events: ask for it by a visit: dimension or time; of event:name \
             there are visitors, visits, events",
            metric.word()
        )),
        D::Name if metric == M::Pageviews => {
            no("pageviews are not events with a name: of event:name ask for events, visitors, visits")
        }
        D::Browser | D::Os | D::EntryPage if metric == M::Events => no(format!(
            "events are not kept by {}: ask for pageviews; events by event:page, visit:source, visit:channel, \
             visit:country, visit:device or time",
            by.word()
        )),
        D::Page
        | D::Name
        | D::Source
        | D::Channel
        | D::Country
        | D::Device
        | D::Browser
        | D::Os
        | D::EntryPage
        | D::Time
        | D::Hour
        | D::Day => Ok(()),
    }
}

#[cfg(test)]
mod tests;
