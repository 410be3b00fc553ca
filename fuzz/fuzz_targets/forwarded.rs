//! The header in which proxies name their client, in either form, read to its end.
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
