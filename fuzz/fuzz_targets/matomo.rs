//! `/matomo.php`: a query, a form and a `Referer`, one a line; and the same as a bulk body.
#![no_main]

use ingest::accept::matomo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let [query, form, referer] = fuzz::lines(text);
    if let Ok(Some(sent)) = matomo::parse(query, form.as_bytes(), referer) {
        fuzz::opened(&sent);
    }
    for query in matomo::bulk(text.as_bytes()).unwrap_or_default() {
        let _only_no_panic = matomo::parse(&query, b"", "");
    }
});
