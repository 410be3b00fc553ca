//! `POST /api/event`, including its order and its campaign.
#![no_main]

use ingest::accept::plausible;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(sent) = plausible::parse(body) {
        fuzz::opened(&sent);
    }
});
