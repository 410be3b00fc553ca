//! Tests of the whole program with real parts: the embedded ClickHouse, Kafka, nginx, Chromium, disks, sockets, kills.
//!
//! One program for all of them: cargo links it once. A file is a subject; `cargo test -p footfall --test it NAME` runs
//! one.
#![expect(clippy::unwrap_used, reason = "a failed unwrap names the line of the test")]

mod browser;
mod canary;
mod clients;
mod commands;
mod deploy;
mod documents;
mod first_party;
mod fleet;
mod footfall;
mod geo;
mod import;
mod many;
mod outages;
mod priority;
mod prometheus;
mod reload;
mod secure;
mod shard;
mod storm;
mod storms;
mod stream;
mod style;
mod trackers;
