//! The words of the stats API: metrics and breakdowns, each a closed set.
//!
//! Each word is written once, in the `strum` attribute of its variant. The parser, the answers and the OpenAPI document
//! take it from there.

use schema::views::View;
use serde::Serialize;
use strum::{EnumProperty, EnumString, IntoStaticStr, VariantArray};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[serde(into = "&'static str")]
pub enum Metric {
    /// Visitor tags. Over several days: the sum of each day's.
    Visitors,
    /// Visits.
    Visits,
    /// Page views.
    Pageviews,
    /// Page views and custom events.
    Events,
    /// Percent of visits with one page view and no interactive event.
    BounceRate,
    /// Mean seconds of a visit.
    VisitDuration,
    /// Page views per visit.
    ViewsPerVisit,
}

/// What results are broken down by. `view` is the name of the view that serves it; without one, results are times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumProperty, EnumString, IntoStaticStr, VariantArray)]
#[serde(into = "&'static str")]
pub enum Breakdown {
    /// Page.
    #[strum(serialize = "event:page", props(view = "page"))]
    Page,
    /// Name of a custom event.
    #[strum(serialize = "event:name", props(view = "name"))]
    Name,
    /// Source.
    #[strum(serialize = "visit:source", props(view = "source"))]
    Source,
    /// Channel.
    #[strum(serialize = "visit:channel", props(view = "channel"))]
    Channel,
    /// Country.
    #[strum(serialize = "visit:country", props(view = "country"))]
    Country,
    /// Device class.
    #[strum(serialize = "visit:device", props(view = "device"))]
    Device,
    /// Browser and its major version.
    #[strum(serialize = "visit:browser", props(view = "browser"))]
    Browser,
    /// Operating system.
    #[strum(serialize = "visit:os", props(view = "os"))]
    Os,
    /// First page of the visit.
    #[strum(serialize = "visit:entry_page", props(view = "entry"))]
    EntryPage,
    /// Hours where the range is one day, else days.
    #[strum(serialize = "time")]
    Time,
    /// Hours. Neighbouring hours are merged until each group has k visitors.
    #[strum(serialize = "time:hour")]
    Hour,
    /// Days.
    #[strum(serialize = "time:day")]
    Day,
}

impl Metric {
    /// Its word in the API.
    pub fn word(self) -> &'static str {
        self.into()
    }
}

impl Breakdown {
    /// Its word in the API.
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// The view that serves it. None: results are hours or days.
    pub fn view(self) -> Option<&'static View> {
        let name = self.get_str("view")?;
        Some(View::named(name).expect("each word names a view of the table"))
    }

    /// Whether results are hours or days.
    pub fn is_time(self) -> bool {
        self.get_str("view").is_none()
    }
}

/// All words of a set, as a sentence lists them.
pub(crate) fn list<T: VariantArray + Copy + Into<&'static str>>() -> String {
    join(T::VARIANTS.iter().copied())
}

/// Some words, as a sentence lists them.
pub(crate) fn join<T: Into<&'static str>>(words: impl IntoIterator<Item = T>) -> String {
    words.into_iter().map(Into::into).collect::<Vec<&str>>().join(", ")
}

/// The OpenAPI schema of a closed set of words.
pub(crate) fn schema<T: VariantArray + Copy + Into<&'static str>>(description: &str) -> RefOr<Schema> {
    let words = T::VARIANTS.iter().map(|word| -> &'static str { (*word).into() });
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).enum_values(Some(words)).into()
}

impl PartialSchema for Metric {
    fn schema() -> RefOr<Schema> {
        schema::<Metric>("What is counted")
    }
}

impl ToSchema for Metric {}

impl PartialSchema for Breakdown {
    fn schema() -> RefOr<Schema> {
        schema::<Breakdown>("What results are broken down by")
    }
}

impl ToSchema for Breakdown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_that_is_not_time_has_a_view_that_the_crowd_judges() {
        for breakdown in Breakdown::VARIANTS {
            let is_time = breakdown.word().starts_with("time");
            assert_eq!(breakdown.view().is_some_and(crowd::is_judged), !is_time, "{}", breakdown.word());
        }
    }
}
