//! `POST /api/event`, and what its order and its campaign say once they are opened.
#![no_main]

use ingest::accept::plausible;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(sent) = plausible::parse(body) {
        fuzz::opened(&sent);
    }
});
