//! `/api/hits`.
#![no_main]

use ingest::accept::server;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let Ok(hits) = server::parse(body) else { return };
    for hit in hits.each("key").flatten() {
        fuzz::opened(&hit.sent);
    }
});
