//! What to ask instead of a word that is not served. Words of Plausible's API get a sentence of their own.

use crate::plan::served;
use crate::words::{self, Breakdown, Metric};

/// The sentence for a word in `metrics` that names no metric.
pub(super) fn of_metric(word: &str) -> String {
    match word {
        "scroll_depth" | "time_on_page" => {
            format!("{word} is not measured yet; of a page there are {}", words::join(served::metrics(Breakdown::Page)))
        }
        "percentage" => "percentage is not served: ask for visitors, and for their total without dimensions".to_owned(),
        "conversion_rate" | "group_conversion_rate" | "average_revenue" | "total_revenue" => {
            format!("{word} is not served yet: ask for events by event:name")
        }
        _ => format!("metrics has a word that is none; there are {}", words::list::<Metric>()),
    }
}

/// The sentence for a word in `dimensions` that names no breakdown.
pub(super) fn of_dimension(word: &str) -> String {
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
        _ => format!("dimensions has a word that is none; there are {}", words::list::<Breakdown>()),
    }
}
