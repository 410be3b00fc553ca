//! The pixel and beacons: a query or a site, and a `Referer` or a file, one a line.
#![no_main]

use ingest::accept::{beacon, pixel};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let [first, second, _] = fuzz::lines(text);
    if let Ok(sent) = pixel::parse(first, second) {
        fuzz::opened(&sent);
    }
    let _only_no_panic = beacon::parse(first, second);
});
