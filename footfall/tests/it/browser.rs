//! A real Chromium loads a page with the tracker, then opens the dashboard by the link that `serve` prints.

use std::path::Path;
use std::process::Command;

use crate::footfall::{Footfall, noon_zone};

#[test]
fn a_page_its_spa_step_and_a_custom_event_are_counted_and_shown() {
    let mut footfall = Footfall::start(&format!("time_zone = \"{}\"", noon_zone()));
    visit(&footfall, "site");
    footfall.wait_until_quiet();
    let (pages, events) = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = footfall.clickhouse();
        let pages =
            "SELECT page, toInt64(sum(pageviews)), toInt64(sum(visitors)) FROM live_pages GROUP BY page ORDER BY page";
        let events = "SELECT kind, name, toInt64(sum(events)) FROM live_events GROUP BY kind, name ORDER BY name";
        (
            client.query(pages).fetch_all::<(String, i64, i64)>().await.unwrap(),
            client.query(events).fetch_all::<(String, String, i64)>().await.unwrap(),
        )
    });
    assert_eq!(pages, [("/".to_owned(), 1, 1), ("/spa".to_owned(), 1, 1)]);
    assert_eq!(events, [("custom".to_owned(), "Signup".to_owned(), 1)]);
    visit(&footfall, "dashboard");
    footfall.stop();
}

/// Runs one of the two visits of browser.mjs, which checks what the browser shows.
fn visit(footfall: &Footfall, what: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser.mjs");
    let link = format!("http://{}/#token={}", footfall.address(), footfall.token);
    let output = Command::new("node").arg(script).args([what, &footfall.address(), &link]).output().unwrap();
    let output_text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{output_text}\n{}", footfall.log_text());
}
