//! Real parts for tests: a Kafka broker and a ClickHouse engine, each with a folder and ports of its own, killed and
//! started at will, gone when dropped.
//!
//! What goes wrong here is a panic that says what: there is no test to go on with.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

pub mod clickhouse;
pub mod events;
mod held;
pub mod kafka;
pub mod mmdb;

/// A loopback port that nothing listens on, and that this process was not given before.
///
/// It is below those that outgoing connections get, so that none of them takes it while its server is down, and none
/// that looks for the server meets itself.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin far apart.
    let offset = std::process::id() % COUNT * 7919;
    let ports = (0..COUNT).map(|_| FIRST + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT);
    let mut ports = ports.map(|port| u16::try_from(port).unwrap());
    ports.find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok()).expect("no loopback port is free")
}

/// The program `footfall`, as built beside the test that asks.
///
/// A test of `footfall` itself has `env!("CARGO_BIN_EXE_footfall")`, which is never an old build.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let beside = test.ancestors().skip(1).take(2).map(|dir| dir.join("footfall"));
    beside.into_iter().find(|program| program.is_file()).unwrap_or_else(|| {
        panic!("there is no footfall near {}: `cargo build --release -p footfall` makes it", test.display())
    })
}

/// Where `./start` and `./check` put what they fetch.
fn fetched(name: &str) -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the tests find what was fetched where the configuration would")]
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = env("XDG_CACHE_HOME").or_else(|| env("HOME").map(|home| home.join(".cache"))).unwrap();
    let path = cache.join("footfall").join(name);
    assert!(path.exists(), "{} is missing: `./check` fetches it", path.display());
    path
}
