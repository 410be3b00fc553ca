//! The trackers of other products, as npm has them, in Chromium and in Node; and the requests that a browser makes for
//! two trackers that npm does not have. The test checks the answers, and what is counted.

use std::path::Path;
use std::process::Command;

use crate::footfall::{Footfall, noon_zone};

const WEBSITE: &str = "b59e9c65-ae32-47f1-8400-119fcf4861c4";

#[test]
fn hits_of_real_trackers_are_accepted_and_counted() {
    // One tracker sends no user agent, as robots do, so this site counts robots too.
    let mut footfall = Footfall::start(&format!(
        "time_zone = \"{}\"\nbots = \"count\"\nmarketing = \"always\"\nproperties = [\"plan\"]\ncurrency = \"EUR\"\n\
         umami = \"{WEBSITE}\"\nmatomo = 3",
        noon_zone()
    ));
    let answers = run(&footfall);
    footfall.wait_until_quiet();
    let (pages, events, items) = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = footfall.clickhouse();
        let pages = "SELECT page, toInt64(sum(pageviews)) AS n, toInt64(sum(engaged_s) > 0 OR sum(scroll) > 0) AS e \
                     FROM live_pages GROUP BY page HAVING n > 0 ORDER BY page";
        let events = "SELECT kind, name, page, toInt64(sum(events)) AS n FROM live_events WHERE property = '' \
                      GROUP BY kind, name, page HAVING n > 0 ORDER BY kind, name, page";
        let items = "SELECT product, toInt64(sum(units)), toInt64(sum(revenue)) FROM live_items GROUP BY product";
        (
            client.query(pages).fetch_all::<(String, i64, i64)>().await.unwrap(),
            client.query(events).fetch_all::<(String, String, String, i64)>().await.unwrap(),
            client.query(items).fetch_all::<(String, i64, i64)>().await.unwrap(),
        )
    });
    println!("\n| client | endpoint | answers |\n|---|---|---|");
    for (client, endpoint) in clients(&answers) {
        let of = answers.iter().filter(|answer| answer.0 == client && answer.1 == endpoint);
        let texts: Vec<_> = of.map(|answer| format!("{} {}", answer.2, answer.3).trim().to_owned()).collect();
        println!("| {client} | {endpoint} | {} |", texts.join(", "));
    }
    println!("\n| page | views | time or scroll |\n|---|---|---|");
    pages.iter().for_each(|(page, views, engaged)| println!("| {page} | {views} | {engaged} |"));
    println!("\n| kind | name | page | events |\n|---|---|---|---|");
    events.iter().for_each(|(kind, name, page, n)| println!("| {kind} | {name} | {page} | {n} |"));
    assert!(answers.iter().all(|answer| matches!(answer.2, 200 | 202 | 204) && !answer.3.contains("bot")));
    // The engagement of a page may be lost, because the tab is closed while the tracker runs. That of the first page is
    // not, because the tracker sends it before the next page.
    assert!(pages.iter().any(|(page, _, engaged)| page == "/official" && *engaged == 1));
    let pages: Vec<_> = pages.iter().map(|(page, views, _)| (page.as_str(), *views)).collect();
    let once = |page| (page, 1);
    let of_matomo = ["/matomo", "/matomo/bulk/1", "/matomo/bulk/2"].map(once);
    let others = ["/official", "/official/next", "/shown", "/umami"].map(once);
    let seen = [("/asked", 2), once("/community"), once("/community/next")].into_iter().chain(of_matomo);
    assert_eq!(pages, seen.chain(others).collect::<Vec<_>>());
    let events: Vec<_> = events.iter().map(|(kind, name, page, n)| (&**kind, &**name, &**page, *n)).collect();
    let want = [
        ("custom", "Bought", "/official", 1),
        ("custom", "Community", "/community", 1),
        ("custom", "Matomo: Play", "/matomo", 1),
        ("custom", "Official", "/official", 1),
        ("custom", "Umami", "/umami", 1),
        ("custom", "Umami alone", "/", 1),
        ("custom", "purchase", "/matomo", 1),
        ("download", "/matomo.pdf", "/matomo", 1),
        ("error", "MatomoError", "/matomo", 1),
        ("outbound", "left.example", "/matomo", 1),
        ("outbound", "other.example", "/official/next", 1),
        ("search", "matomo tea", "/matomo", 1),
    ];
    assert_eq!(events, want);
    assert_eq!(items, [("Matomo tea".to_owned(), 2, 1990)]);
    footfall.stop();
}

type Answer = (String, String, u16, String);

/// Runs all trackers and returns the answers.
fn run(footfall: &Footfall) -> Vec<Answer> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/clients.mjs");
    let output = Command::new("node").arg(script).args([&footfall.address(), WEBSITE, "3"]).output().unwrap();
    let (answers, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{answers}{errors}\n{}", footfall.log_text());
    answers.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no answer: {line}"))).collect()
}

/// Each pair of client and endpoint, once.
fn clients(answers: &[Answer]) -> Vec<(String, String)> {
    let mut all: Vec<_> = answers.iter().map(|answer| (answer.0.clone(), answer.1.clone())).collect();
    all.dedup();
    all
}
