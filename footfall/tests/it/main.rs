//! Footfall as a whole, against real parts: the embedded ClickHouse, disks, sockets, kills.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod engine;
mod shard;
