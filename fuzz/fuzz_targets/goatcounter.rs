//! `/count`: a query, a `Referer` and an `Origin`, one a line.
#![no_main]

use ingest::accept::goatcounter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let [query, referer, origin] = fuzz::lines(text);
    if let Ok(sent) = goatcounter::parse(query, referer, origin) {
        fuzz::opened(&sent);
    }
});
