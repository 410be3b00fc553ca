//! A line of a server's log through admit, enrich and anonymise: target, `Referer` and user agent, one per line. The
//! resulting event stays within its limits.
#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use ingest::client::Prefix;
use ingest::enrich::path::PATH_CHARS_MAX;
use ingest::enrich::place::Places;
use ingest::lines::{LogLine, LogLines};
use libfuzzer_sys::fuzz_target;
use schema::event::Kind;
use schema::sites::{Bots, Site};

thread_local! {
    static LINES: RefCell<LogLines> =
        RefCell::new(LogLines::new(Arc::new(Site { bots: Bots::Count, ..Site::new(1, "example.org") }), Places::new(None)));
}

fuzz_target!(|text: &str| {
    let [target, referrer, agent] = fuzz::lines(text);
    let prefix = Prefix::of_text("203.0.113.7");
    let line = LogLine {
        prefix,
        agent: agent.as_bytes(),
        referrer,
        target,
        time_s: 1_700_000_000,
        kind: Kind::Pageview,
        name: "",
    };
    LINES.with_borrow_mut(|lines| {
        let Ok(event) = lines.walk(line) else { return };
        assert!(event.page.starts_with('/') && event.page.chars().count() <= PATH_CHARS_MAX);
        assert!(!event.page.chars().any(char::is_control) && event.language.len() <= 8);
    });
});
