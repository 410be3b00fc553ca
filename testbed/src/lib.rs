//! Real servers for tests: a Kafka broker and a ClickHouse engine. Each has its own directory and ports, can be killed
//! and restarted, and is removed when dropped.
//!
//! Input: a test that needs a server, an event or an MMDB file. Output: addresses and clients of the server. This crate
//! does not know what the tests check. Every failure here is a panic with a reason, because the test cannot continue.
#![expect(clippy::unwrap_used, reason = "a test whose server fails cannot continue, and the panic shows the line")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

pub mod clickhouse;
pub mod events;
mod linked_child;
pub mod kafka;
pub mod mmdb;

/// A loopback port without a listener. No two calls in one process return the same port.
///
/// The port is below the range of outgoing connections. So no outgoing connection takes the port while its server is
/// down, and a client that connects to the port cannot connect to itself.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin at distant ports.
    let offset = std::process::id() % COUNT * 7919;
    let ports = (0..COUNT).map(|_| FIRST + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT);
    let mut ports = ports.map(|port| u16::try_from(port).unwrap());
    ports.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok()).expect("no loopback port is free")
}

/// The program `footfall` in the target directory of the running test.
///
/// A test of the crate `footfall` uses `env!("CARGO_BIN_EXE_footfall")` instead, which is never an old build.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let beside = test.ancestors().skip(1).take(2).map(|dir| dir.join("footfall"));
    beside.into_iter().find(|program| program.is_file()).unwrap_or_else(|| {
        panic!("there is no footfall near {}: `cargo build --release -p footfall` makes it", test.display())
    })
}

/// A path in the directory where `./start` and `./check` put downloads.
fn fetched(name: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the tests look for downloads where the configuration would")]
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = env("XDG_CACHE_HOME").or_else(|| env("HOME").map(|home| home.join(".cache"))).unwrap();
    let path = cache.join("footfall").join(name);
    assert!(path.exists(), "{} is missing: `./check` fetches it", path.display());
    path
}
