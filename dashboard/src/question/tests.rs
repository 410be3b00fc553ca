use serde_json::{Value, json};
use strum::VariantArray;

use super::*;

/// A question that is answered, with some fields replaced. Null: the field is left out.
fn with(changes: Value) -> Result<Question, String> {
    let mut body = json!({"site_id": "a.org", "metrics": ["visitors"], "date_range": "7d"});
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    Question::parse(body.to_string().as_bytes()).map_err(|error| error.0)
}

/// Each of these is refused, with a sentence that contains these words.
fn refused(table: &[(Value, &str)]) {
    for (changes, words) in table {
        let sentence = with(changes.clone()).expect_err(&changes.to_string());
        assert!(sentence.contains(words), "{changes}: {sentence}");
        assert!(sentence.len() < 260 && !sentence.ends_with('.'), "{sentence}");
    }
}

#[test]
fn the_smallest_question_has_the_defaults_of_the_api() {
    let question = with(json!({})).unwrap();
    assert_eq!(question.metrics, [Metric::Visitors]);
    assert_eq!((question.breakdown, question.date_range), (None, DateRange::Days(7)));
    assert_eq!(question.order_by, [(SortKey::Metric(0), SortDirection::Descending)]);
    assert_eq!((question.pagination.limit, question.pagination.offset), (10_000, 0));
    assert_eq!(with(json!({"site_id": 7})).unwrap().site_id, "7");
}

#[test]
fn every_field_is_parsed() {
    let question = with(json!({
        "metrics": ["visits", "bounce_rate"],
        "dimensions": ["visit:source"],
        "date_range": ["2026-11-01", "2026-11-07"],
        "filters": [],
        "order_by": [["bounce_rate", "asc"], ["visit:source", "desc"]],
        "include": {"total_rows": true, "imports": false},
        "pagination": {"limit": 5, "offset": 10},
    }));
    let question = question.unwrap();
    assert_eq!(question.breakdown, Some(Breakdown::Source));
    assert_eq!(
        question.order_by,
        [(SortKey::Metric(1), SortDirection::Ascending), (SortKey::Breakdown, SortDirection::Descending)]
    );
    assert_eq!(question.include, Include { total_rows: true, time_labels: false });
    assert_eq!((question.pagination.limit, question.pagination.offset), (5, 10));
}

#[test]
fn time_rises_unless_the_question_reverses_it() {
    let time = with(json!({"dimensions": ["time"], "include": {"time_labels": true}})).unwrap();
    assert_eq!(time.order_by, [(SortKey::Breakdown, SortDirection::Ascending)]);
    let falls = with(json!({"dimensions": ["time:day"], "order_by": [["time:day", "desc"]]})).unwrap();
    assert_eq!(falls.order_by, [(SortKey::Breakdown, SortDirection::Descending)]);
}

#[test]
fn every_metric_is_served_by_the_breakdowns_that_have_its_measures() {
    let all = ["visitors", "visits", "pageviews", "events", "bounce_rate", "visit_duration", "views_per_visit"];
    let table = [
        (None, &all[..]),
        (Some("event:page"), &["visitors", "visits", "pageviews", "events"]),
        (Some("event:name"), &["visitors", "visits", "events"]),
        (Some("visit:source"), &all),
        (Some("visit:channel"), &all),
        (Some("visit:country"), &all),
        (Some("visit:device"), &all),
        (
            Some("visit:browser"),
            &["visitors", "visits", "pageviews", "bounce_rate", "visit_duration", "views_per_visit"],
        ),
        (Some("visit:os"), &["visitors", "visits", "pageviews", "bounce_rate", "visit_duration", "views_per_visit"]),
        (
            Some("visit:entry_page"),
            &["visitors", "visits", "pageviews", "bounce_rate", "visit_duration", "views_per_visit"],
        ),
        (Some("time"), &all),
        (Some("time:hour"), &all),
        (Some("time:day"), &all),
    ];
    assert_eq!((table.len() - 1, all.len()), (Breakdown::VARIANTS.len(), Metric::VARIANTS.len()));
    for (dimension, served) in table {
        for metric in all {
            let asked = with(json!({"metrics": [metric], "dimensions": dimension.iter().collect::<Vec<_>>()}));
            assert_eq!(asked.is_ok(), served.contains(&metric), "{metric} by {dimension:?}");
            if let Err(sentence) = asked {
                assert!(sentence.contains("ask for"), "{sentence}");
            }
        }
    }
}

#[test]
fn another_body_is_refused_with_the_fields_of_a_question() {
    for body in ["", "{", "[1]", "\"x\"", "null", "\u{0}"] {
        let sentence = Question::parse(body.as_bytes()).unwrap_err().0;
        assert!(sentence.contains("site_id"), "{body}: {sentence}");
    }
    assert!(Question::parse(&[0xff, 0xfe]).is_err());
}

#[test]
fn a_wrong_field_is_refused_with_a_sentence() {
    refused(&[
        (json!({"site_id": null}), "site_id must be a site's domain"),
        (json!({"site_id": ""}), "GET /api/sites"),
        (json!({"site_id": -1}), "GET /api/sites"),
        (json!({"site_id": ["a.org"]}), "GET /api/sites"),
        (json!({"metrics": null}), "metrics must be a list of words; there are visitors, visits"),
        (json!({"metrics": "visitors"}), "must be a list"),
        (json!({"metrics": [1]}), "must be a list"),
        (json!({"metrics": []}), "at least one"),
        (json!({"metrics": ["visitors", "visitors"]}), "visitors twice"),
        (json!({"metrics": ["shoes"]}), "there are visitors, visits"),
        (json!({"metrics": ["scroll_depth"]}), "not measured yet"),
        (json!({"metrics": ["time_on_page"]}), "not measured yet"),
        (json!({"metrics": ["percentage"]}), "ask for visitors"),
        (json!({"metrics": ["conversion_rate"]}), "ask for events by event:name"),
        (json!({"metrics": ["total_revenue"]}), "ask for events by event:name"),
        (json!({"date_range": null}), "date_range is missing"),
        (json!({"dimensions": "visit:source"}), "list of at most one"),
        (json!({"dimensions": ["visit:shoe"]}), "there are event:page, event:name"),
        (json!({"dimensions": ["visit:source", "event:page"]}), "ask once for each"),
        (json!({"dimensions": ["time:day", "visit:source"]}), "ask once for each"),
        (json!({"dimensions": ["time:week"]}), "ask for time:day"),
        (json!({"dimensions": ["time:month"]}), "ask for time:day"),
        (json!({"dimensions": ["visit:exit_page"]}), "ask for visit:entry_page"),
        (json!({"dimensions": ["visit:browser_version"]}), "visit:browser"),
        (json!({"dimensions": ["visit:city"]}), "ask for visit:country"),
        (json!({"dimensions": ["event:hostname"]}), "ask for event:page"),
        (json!({"dimensions": ["event:goal"]}), "ask for event:name"),
        (json!({"dimensions": ["event:props:plan"]}), "ask for event:name"),
        (json!({"dimensions": ["visit:referrer"]}), "ask for visit:source"),
        (json!({"dimensions": ["visit:utm_source"]}), "ask for visit:source"),
        (json!({"filters": [["is", "event:page", ["/"]]]}), "filters are not served yet"),
        (json!({"filters": {}}), "filters are not served yet"),
        (json!({"order_by": "visitors"}), "list of pairs"),
        (json!({"order_by": ["visitors"]}), "list of pairs"),
        (json!({"order_by": [["visitors"]]}), "list of pairs"),
        (json!({"order_by": [["visitors", "up"]]}), "\"asc\" or \"desc\""),
        (json!({"order_by": [["visits", "asc"]]}), "asked for too"),
        (json!({"order_by": [["event:page", "asc"]]}), "asked for too"),
        (json!({"include": true}), "must be an object"),
        (json!({"include": {"total_rows": 1}}), "true or false"),
        (json!({"include": {"imports": true}}), "counted like the rest"),
        (json!({"include": {"comparisons": {}}}), "ask a second time"),
        (json!({"include": {"trim_relative_date_range": true}}), "ask for the dates"),
        (json!({"include": {"time_labels": true}}), "needs a time dimension"),
        (json!({"include": {"shoes": true}}), "include has a field that is not known"),
        (json!({"pagination": 5}), "must be an object"),
        (json!({"pagination": {"limit": 0}}), "from 1 to 10000"),
        (json!({"pagination": {"limit": 10_001}}), "from 1 to 10000"),
        (json!({"pagination": {"offset": -1}}), "0 or more"),
        (json!({"pagination": {"page": 2}}), "pagination has a field that is not known"),
        (json!({"segments": []}), "the body has a field that is not known"),
    ]);
}
