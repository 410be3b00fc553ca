//! Days of made-up rows, through the crowd rule, to the JSON that is answered.

use crowd::{Cubes, K, Published};
use schema::zone::Zone;

use super::*;
use crate::live::{Round, Snapshot, Sums};
use crate::range::DateRange;

fn site() -> Site {
    Site { zone: Zone::new("Europe/Paris").unwrap(), ..Site::new(1, "a.org") }
}

/// So many visitors who each visit once, by one source, see one page (or two and stay 30 s), and play so many times.
#[derive(Clone, Copy)]
struct Group {
    visitors: i64,
    hour: i64,
    source: &'static str,
    page: &'static str,
    stay: bool,
    plays: i64,
}

const GROUP: Group = Group { visitors: 10, hour: 10, source: "Google", page: "/", stay: false, plays: 0 };

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn part(date: &str, groups: &[Group]) -> Part {
    let site = site();
    let (mut cubes, mut sums) = (Cubes::default(), Sums::default());
    for (n, group) in groups.iter().enumerate() {
        let Group { visitors: v, hour, source, page, stay, plays } = *group;
        let hour = u32::try_from(site.zone.begins_s(day(date)) + hour * 3600).unwrap();
        let (views, bounces, seconds) = if stay { (2 * v, 0, 30 * v) } else { (v, v, 0) };
        // Groups are told apart by their browser, so that each adds to the lower bound of people.
        let browser = format!("b{n}");
        let frozen = ["FR", "unknown", "desktop", &browser, "Linux", "fr", "wide"];
        let names = [&[page, source, "Search"], &frozen[..]].concat();
        cubes.visits.add(hour, &names, &[v, bounces, views, views + plays * v, seconds, v, v, v, v, v]);
        let names = [page, source, "Search", "FR", "desktop", &browser, "Linux", "fr"];
        cubes.pages.add(hour, &names, &[views, v, v, v, v, v, 0, 0]);
        if plays > 0 {
            cubes.events.add(
                hour,
                &["custom", "Play", "", "", page, source, "Search", "FR", "desktop"],
                &[plays * v, v, v, 0],
            );
        }
        sums.visits += v;
        sums.visitors += v;
        sums.bounces += bounces;
        sums.pageviews += views;
        sums.seconds += seconds;
    }
    let published = Published::of(cubes, K::new(5).unwrap());
    let round = Round { day: day(date), round: 0, settled: true, sums };
    let told = Snapshot { published, sums, settled: true, computed_s: 0 };
    Part { round, told: Some(Arc::new(told)) }
}

/// An open part whose bare totals have gone on since it was judged.
fn open(mut part: Part, more_visitors: i64) -> Part {
    part.round.settled = false;
    part.round.sums.visitors += more_visitors;
    part.round.sums.visits += more_visitors;
    part.round.sums.pageviews += more_visitors;
    part.round.sums.bounces += more_visitors;
    part
}

fn ask(question: Value, parts: &[Part]) -> Value {
    let mut body = json!({"site_id": "a.org", "date_range": ["2026-11-01", "2026-11-07"]});
    for (key, value) in question.as_object().unwrap() {
        body[key] = value.clone();
    }
    let query = Query::parse(body.to_string().as_bytes()).unwrap();
    let days = query.date_range.days(day("2026-11-24"), None);
    answer(&query, &site(), days, parts)
}

fn results(answer: &Value) -> Vec<(String, Value)> {
    let rows = answer["results"].as_array().unwrap().iter();
    rows.map(|row| (row["dimensions"][0].as_str().unwrap_or("").to_owned(), row["metrics"].clone())).collect()
}

const ALL: [&str; 7] =
    ["visitors", "visits", "pageviews", "events", "bounce_rate", "visit_duration", "views_per_visit"];

#[test]
fn totals_of_several_days_add_up_and_say_that_visitors_are_a_sum() {
    let stay = Group { stay: true, plays: 2, ..GROUP };
    let parts = [part("2026-11-01", &[GROUP, stay]), part("2026-11-03", &[GROUP])];
    let got = ask(json!({"metrics": ALL}), &parts);
    assert_eq!(results(&got), [("".into(), json!([30, 30, 40, 60, 66.67, 10, 1.33]))]);
    assert_eq!(got["meta"], json!({"crowd": 5, "visitors": "sum of daily visitors"}));
}

#[test]
fn an_empty_range_is_zero_in_total_and_nothing_by_anything() {
    let got = ask(json!({"metrics": ALL}), &[]);
    assert_eq!(results(&got), [("".into(), json!([0, 0, 0, 0, 0, 0, 0]))]);
    for dimension in ["event:page", "event:name", "visit:source", "time:day", "time:hour"] {
        let got = ask(json!({"metrics": ["visitors"], "dimensions": [dimension]}), &[]);
        assert_eq!(got["results"], json!([]), "{dimension}");
    }
}

#[test]
fn seconds_of_a_day_on_which_one_stayed_are_left_out_and_the_ratio_is_partial() {
    let one = Group { visitors: 1, stay: true, ..GROUP };
    let parts = [part("2026-11-01", &[GROUP, one]), part("2026-11-02", &[GROUP, Group { stay: true, ..GROUP }])];
    let got = ask(json!({"metrics": ["visit_duration", "bounce_rate"]}), &parts);
    assert_eq!(results(&got), [("".into(), json!([15, 64.52]))]);
    assert_eq!(got["meta"]["partial"], json!({"visit_duration": [[]]}));
    let got = ask(json!({"metrics": ["visit_duration"]}), &parts[..1]);
    assert_eq!(results(&got), [("".into(), json!([null]))]);
    assert_eq!(got["meta"]["withheld"], json!({"visit_duration": [[]]}));
}

#[test]
fn hidden_values_are_one_result_last_and_its_visitors_are_at_least() {
    let of = |source, visitors| Group { source, visitors, ..GROUP };
    let parts = [
        part("2026-11-01", &[GROUP, of("Bing", 3), of("Ecosia", 4)]),
        part("2026-11-02", &[of("Google", 6), of("Bing", 30)]),
    ];
    let got = ask(json!({"metrics": ["visitors", "visits"], "dimensions": ["visit:source"]}), &parts);
    assert_eq!(
        results(&got),
        [("Bing".into(), json!([30, 30])), ("Google".into(), json!([16, 16])), ("(other)".into(), json!([7, 7]))]
    );
    assert_eq!(got["meta"]["at_least"], json!({"visitors": [["(other)"]]}));

    let rising = json!({"metrics": ["visits"], "dimensions": ["visit:source"], "order_by": [["visits", "asc"]]});
    let names: Vec<String> = results(&ask(rising, &parts)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Google", "Bing", "(other)"], "hidden values come last in any order");
}

#[test]
fn a_ratio_is_over_the_days_that_tell_it() {
    let parts = [
        part("2026-11-01", &[GROUP, Group { stay: true, ..GROUP }]),
        part("2026-11-02", &[GROUP, Group { visitors: 2, stay: true, ..GROUP }]),
    ];
    let got = ask(json!({"metrics": ["bounce_rate", "visits"], "dimensions": ["visit:channel"]}), &parts);
    assert_eq!(results(&got), [("Search".into(), json!([50.0, 32]))]);
    assert_eq!(got["meta"]["partial"], json!({"bounce_rate": [["Search"]]}));
    let got = ask(json!({"metrics": ["bounce_rate"], "dimensions": ["visit:channel"]}), &parts[1..]);
    assert_eq!(results(&got), [("Search".into(), json!([null]))]);
    assert_eq!(got["meta"]["withheld"], json!({"bounce_rate": [["Search"]]}));
}

#[test]
fn events_that_few_did_are_missing_and_said_to_be() {
    let few = Group { visitors: 3, plays: 1, ..GROUP };
    let got = ask(json!({"metrics": ["events"]}), &[part("2026-11-01", &[GROUP, few])]);
    assert_eq!(results(&got), [("".into(), json!([13]))]);
    assert_eq!(got["meta"]["at_least"], json!({"events": [[]]}));
    let names = json!({"metrics": ["events", "visitors"], "dimensions": ["event:name"]});
    let got = ask(names.clone(), &[part("2026-11-01", &[GROUP, few])]);
    assert_eq!(results(&got), [("(other)".into(), json!([null, null]))]);
    assert_eq!(got["meta"]["withheld"], json!({"events": [["(other)"]], "visitors": [["(other)"]]}));
    let got = ask(names, &[part("2026-11-01", &[Group { plays: 2, ..GROUP }])]);
    assert_eq!(results(&got), [("Play".into(), json!([20, 10]))]);
}

#[test]
fn days_are_told_in_order_and_empty_ones_only_as_labels() {
    let parts = [part("2026-11-03", &[GROUP]), part("2026-11-01", &[Group { visitors: 2, ..GROUP }])];
    let question = json!({"metrics": ["visitors"], "dimensions": ["time"], "include": {"time_labels": true}});
    let got = ask(question, &parts);
    assert_eq!(results(&got), [("2026-11-01".into(), json!([2])), ("2026-11-03".into(), json!([10]))]);
    let labels = got["meta"]["time_labels"].as_array().unwrap();
    assert_eq!((labels.len(), &labels[6]), (7, &json!("2026-11-07")));
    assert!(got["meta"].get("visitors").is_none(), "each result is one day");
    assert_eq!(got["query"]["dimensions"], json!(["time:day"]));
}

#[test]
fn hours_that_were_merged_are_one_result_that_lists_them() {
    let at = |hour, visitors| Group { hour, visitors, ..GROUP };
    let day = part("2026-11-01", &[at(8, 9), at(10, 2), at(12, 4), at(13, 20)]);
    let question = json!({
        "metrics": ["visitors", "pageviews"],
        "dimensions": ["time"],
        "date_range": ["2026-11-01", "2026-11-01"],
        "include": {"time_labels": true},
    });
    let got = ask(question.clone(), &[day]);
    let time = |hour: u32| format!("2026-11-01 {hour:02}:00:00");
    assert_eq!(results(&got), [(time(8), json!([9, 9])), (time(10), json!([6, 6])), (time(13), json!([20, 20]))]);
    let merged = json!([{"time": time(10), "hours": [time(10), time(11), time(12)]}]);
    assert_eq!(got["meta"]["time_groups"], merged);
    assert_eq!(got["meta"]["at_least"], json!({"visitors": [[time(8)], [time(10)], [time(13)]]}));
    assert_eq!(got["meta"]["time_labels"].as_array().unwrap().len(), 24);
    assert_eq!(got["query"]["dimensions"], json!(["time:hour"]));

    let got = ask(question, &[part("2026-11-01", &[at(10, 4)])]);
    assert_eq!(results(&got), [(time(0), json!([4, 4]))], "a day that is no crowd does not say when it came");
    assert_eq!(got["meta"]["time_groups"][0]["hours"].as_array().unwrap().len(), 24);
}

#[test]
fn the_hour_that_the_clocks_show_twice_is_one_result() {
    let at = |hour| Group { hour, ..GROUP };
    let question = json!({
        "metrics": ["visits"],
        "dimensions": ["time:hour"],
        "date_range": ["2026-10-25", "2026-10-25"],
        "include": {"time_labels": true},
    });
    let got = ask(question, &[part("2026-10-25", &[at(2), at(3)])]);
    assert_eq!(results(&got), [("2026-10-25 02:00:00".into(), json!([20]))]);
    assert_eq!(got["meta"]["time_labels"].as_array().unwrap().len(), 24);
}

#[test]
fn late_rounds_add_to_their_day() {
    let late = Part { round: Round { round: 3, ..part("2026-11-01", &[GROUP]).round }, ..part("2026-11-01", &[GROUP]) };
    let parts = [part("2026-11-01", &[GROUP]), late];
    let got = ask(json!({"metrics": ["visits"], "dimensions": ["event:page"]}), &parts);
    assert_eq!(results(&got), [("/".into(), json!([20]))]);
    let got = ask(json!({"metrics": ["visits"], "dimensions": ["time:day"]}), &parts);
    assert_eq!(results(&got), [("2026-11-01".into(), json!([20]))]);
}

#[test]
fn bare_totals_of_an_open_day_are_newer_than_what_it_may_say() {
    let playing = Group { plays: 1, ..GROUP };
    let parts = [open(part("2026-11-01", &[playing]), 3)];
    let got = ask(json!({"metrics": ["visitors", "pageviews", "events"]}), &parts);
    assert_eq!(results(&got), [("".into(), json!([13, 13, 23]))]);
    assert_eq!(got["meta"]["at_least"], json!({"events": [[]]}), "custom events of the three are not known yet");
    assert_eq!(got["meta"]["as_of"], json!("1970-01-01T01:00:00+01:00"));
    let got = ask(json!({"metrics": ["visitors"], "dimensions": ["event:page"]}), &parts);
    assert_eq!(results(&got), [("/".into(), json!([10]))]);
    let got = ask(json!({"metrics": ["events"]}), &[open(part("2026-11-01", &[playing]), 0)]);
    assert_eq!(results(&got), [("".into(), json!([20]))]);
    assert!(got["meta"].get("at_least").is_none());
}

#[test]
fn what_is_not_told_to_this_token_is_left_out_and_said_so() {
    let parts = [part("2026-11-01", &[GROUP]), Part { told: None, ..open(part("2026-11-02", &[GROUP]), 0) }];
    for dimension in ["event:page", "visit:source", "time:hour"] {
        let got = ask(json!({"metrics": ["visits"], "dimensions": [dimension]}), &parts);
        assert_eq!(results(&got).iter().map(|(_, n)| n.clone()).collect::<Vec<_>>(), [json!([10])], "{dimension}");
        assert_eq!(got["meta"]["open_days_left_out"], json!(["2026-11-02"]));
    }
    let got = ask(json!({"metrics": ["visits"], "dimensions": ["time:day"]}), &parts);
    assert_eq!(results(&got).len(), 2);
    assert!(got["meta"].get("open_days_left_out").is_none());
    let got = ask(json!({"metrics": ["events"]}), &parts);
    assert_eq!(got["meta"]["at_least"], json!({"events": [[]]}));
}

#[test]
fn a_page_of_results_is_cut_after_sorting_and_the_total_is_of_all() {
    let pages = ["/a", "/b", "/c", "/d"];
    let groups: Vec<Group> =
        pages.iter().zip([7, 9, 9, 8]).map(|(page, visitors)| Group { page, visitors, ..GROUP }).collect();
    let question = json!({
        "metrics": ["visitors"],
        "dimensions": ["event:page"],
        "pagination": {"limit": 2, "offset": 1},
        "include": {"total_rows": true},
    });
    let got = ask(question, &[part("2026-11-01", &groups)]);
    assert_eq!(results(&got), [("/c".into(), json!([9])), ("/d".into(), json!([8]))]);
    assert_eq!(got["meta"]["total_rows"], json!(4));
}

#[test]
fn withheld_numbers_come_after_told_ones_in_either_direction() {
    let of = |source, visitors, stay| Group { source, visitors, stay, ..GROUP };
    let groups = [
        of("Google", 10, false),
        of("Google", 10, true),
        of("Bing", 30, false),
        of("Bing", 6, true),
        of("Qwant", 9, false),
        of("Qwant", 1, true),
        of("Ecosia", 4, true),
        of("Ecosia", 8, false),
    ];
    for (direction, first) in [("asc", "Google"), ("desc", "Bing")] {
        let order = json!([["bounce_rate", direction]]);
        let question = json!({"metrics": ["bounce_rate"], "dimensions": ["visit:source"], "order_by": order});
        let got = results(&ask(question, &[part("2026-11-01", &groups)]));
        assert_eq!(got[0].0, first);
        assert_eq!(got[2..], [("Ecosia".into(), json!([null])), ("Qwant".into(), json!([null]))]);
    }
}

#[test]
fn the_question_comes_back_as_it_was_understood() {
    let question = json!({
        "metrics": ["visits"],
        "dimensions": ["visit:source"],
        "date_range": ["2026-10-25", "2026-10-26"],
    });
    assert_eq!(
        ask(question, &[])["query"],
        json!({
            "site_id": "a.org",
            "metrics": ["visits"],
            "date_range": ["2026-10-25T00:00:00+02:00", "2026-10-26T23:59:59+01:00"],
            "dimensions": ["visit:source"],
            "filters": [],
            "order_by": [["visits", "desc"]],
            "include": {"total_rows": false, "time_labels": false},
            "pagination": {"limit": 10_000, "offset": 0},
        })
    );
    assert_eq!(DateRange::Today.days(Day(0), None), Days { first: Day(0), last: Day(0) });
}
