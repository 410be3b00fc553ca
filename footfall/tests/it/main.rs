//! Footfall as a whole, against real parts: the embedded ClickHouse, disks, sockets, kills.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod browser;
mod canary;
mod clients;
mod commands;
mod deploy;
mod first_party;
mod fleet;
mod footfall;
mod geo;
mod import;
mod many;
mod map;
mod outages;
mod priority;
mod prometheus;
mod reload;
mod secure;
mod shard;
mod storm;
mod storms;
mod stream;
mod trackers;
