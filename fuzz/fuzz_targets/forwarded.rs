//! The client address in both proxy headers, parsed to the end of the header.
#![no_main]

use ingest::client::{Proxies, ProxyHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let peer = "127.0.0.1:1".parse().ok();
    for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
        let trusted = ["0.0.0.0/0", "::/0"].iter().filter_map(|net| net.parse().ok()).collect();
        let _only_no_panic = Proxies { trusted, header }.prefix(peer, text.lines());
    }
});
