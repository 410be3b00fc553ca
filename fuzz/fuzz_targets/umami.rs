//! `/api/send` and `/api/batch`.
#![no_main]

use ingest::accept::umami;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(Some(sent)) = umami::parse(body) {
        fuzz::opened(&sent);
    }
    for one in umami::batch(body).unwrap_or_default() {
        let _only_no_panic = umami::parse(one.get().as_bytes());
    }
});
