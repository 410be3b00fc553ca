//! From the names that Plausible's scripts and our own tracker give events to the kinds of events. All other names are
//! custom events of the site.
//!
//! | name | kind | the event's name |
//! |---|---|---|
//! | `pageview` | page view | - |
//! | `engagement` | engagement | - |
//! | `consent` | consent | - |
//! | `404` | error | `404` |
//! | `error` | error | property `name`: the class of the error; `enrich` checks it |
//! | `Outbound Link: Click` | outbound | property `url`: its host |
//! | `File Download` | download | property `url`: its path |
//! | `Form: Submission`, `WP Form Completions` | form | property `name`, else `path` |
//! | `search` | search | property `query`; `results` is the number of results |
//! | `vitals` | vital | - ; `LCP`, `INP`, `FCP`, `TTFB` in milliseconds, `CLS` |

use std::borrow::Cow;

use schema::event::Kind;
use schema::extra::Engagement;

use super::Property;

/// Longest time on a page that one event can report, in milliseconds: the longest pause within a visit.
const ENGAGED_MS_MAX: u32 = 30 * 60 * 1000;

/// An event with its kind.
pub(super) struct Named<'a> {
    pub(super) kind: Kind,
    /// Raw; `enrich` cleans it by the rules of its kind.
    pub(super) name: Cow<'a, str>,
    pub(super) amount: i64,
    pub(super) properties: Vec<Property<'a>>,
    pub(super) engagement: Option<Engagement>,
}

/// Finds the kind of an event by its name.
pub(super) fn named<'a>(
    name: Cow<'a, str>,
    mut properties: Vec<Property<'a>>,
    engaged_ms: Option<i64>,
    scroll: Option<i64>,
) -> Result<Named<'a>, &'static str> {
    let mut property = |wanted: &str| {
        let at = properties.iter().position(|(name, _)| name == wanted)?;
        Some(properties.swap_remove(at).1)
    };
    let (kind, name, amount) = match &*name {
        "pageview" => (Kind::Pageview, "".into(), 0),
        "consent" => (Kind::Consent, "".into(), 0),
        "engagement" => (Kind::Engagement, "".into(), 0),
        "404" => (Kind::Error, name, 0),
        "error" => (Kind::Error, property("name").unwrap_or(name), 0),
        "Outbound Link: Click" => (Kind::Outbound, property("url").unwrap_or_default(), 0),
        "File Download" => (Kind::Download, property("url").unwrap_or_default(), 0),
        "Form: Submission" | "WP Form Completions" => {
            (Kind::Form, property("name").or_else(|| property("path")).unwrap_or_default(), 0)
        }
        "search" => {
            let found = property("results").and_then(|found| found.trim().parse().ok());
            let query = property("query").unwrap_or_default();
            return Ok(searched(query, found));
        }
        "vitals" => (Kind::Vital, name, 0),
        _ => (Kind::Custom, name, 0),
    };
    let engagement = match (kind, engaged_ms, scroll) {
        (Kind::Engagement, ms, scroll) => {
            let ms = ms.filter(|ms| *ms >= 0).map(|ms| ms.min(i64::from(ENGAGED_MS_MAX)) as u32);
            let scroll = scroll.filter(|percent| *percent >= 0).map(|percent| percent.min(100) as u32);
            if ms.is_none() && scroll.is_none() {
                return Err("an engagement event needs e (milliseconds) or sd (percent)");
            }
            Some(Engagement { ms: ms.unwrap_or(0), scroll: scroll.unwrap_or(0) })
        }
        _ => None,
    };
    Ok(Named { kind, name, amount, properties, engagement })
}

/// A search on the site, with the number of its results if that is known.
pub(super) fn searched(query: Cow<'_, str>, found: Option<u32>) -> Named<'_> {
    let properties = match found {
        Some(0) => vec![("results".into(), "none".into())],
        Some(_) => vec![("results".into(), "some".into())],
        None => Vec::new(),
    };
    let amount = i64::from(found.unwrap_or(0));
    Named { kind: Kind::Search, name: query, amount, properties, engagement: None }
}
