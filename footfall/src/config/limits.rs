//! The `[limits]` table: everything has a bound, named with its unit.

use std::time::Duration;

use ingest::rate::HITS_PER_MINUTE_MAX;

use super::keys::{Keys, Value};

/// The smallest spool that can work: two segments of 64 MiB, one being written and one being read.
const SPOOL_BYTES_MIN: u64 = 2 * 64 * 1024 * 1024;

/// Where Footfall says no rather than grow, as far as it is the operator's to say. What a hit may hold is fixed: the
/// sender could not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How long the first head of a connection may take to arrive, and a hit's body after its head.
    pub(crate) request_s_max: Duration,
    /// How long a connection may be silent between two requests, or send the head of the next.
    pub(crate) idle_s_max: Duration,
    /// How long a connection may last, however busy.
    pub(crate) connection_s_max: Duration,
    /// Connections open at once.
    pub(crate) connections_max: usize,
    /// Hits that one truncated prefix may send to one site a minute; 0: any number.
    pub(crate) hits_per_minute_per_prefix_max: u32,
    /// Disk that the spool may fill. It holds every round not yet done: up to about 56 hours of hits.
    pub(crate) spool_bytes_max: u64,
}

impl Default for Limits {
    /// What the file says unless it says otherwise.
    fn default() -> Limits {
        Limits {
            request_s_max: Duration::from_secs(5),
            idle_s_max: Duration::from_secs(60),
            connection_s_max: Duration::from_secs(3600),
            connections_max: 10_000,
            hits_per_minute_per_prefix_max: 600,
            spool_bytes_max: 8 * 1024 * 1024 * 1024,
        }
    }
}

/// Reads the limits; what is wrong with them is noted in `file`.
pub(super) fn read(file: &Keys<'_>) -> Limits {
    let default = Limits::default();
    let Some(keys) = file.table("limits", "[limits]") else { return default };
    let count = |value: Value<'_>| {
        value.number(1..=1_000_000).map(|n| usize::try_from(n).expect("usize has 64 bits on the machines we build for"))
    };
    let seconds = |value: Value<'_>| value.number(1..=3600).map(Duration::from_secs);
    let limits = Limits {
        request_s_max: keys.or("request_s_max", default.request_s_max, seconds),
        idle_s_max: keys.or("idle_s_max", default.idle_s_max, seconds),
        connection_s_max: keys.or("connection_s_max", default.connection_s_max, seconds),
        connections_max: keys.or("connections_max", default.connections_max, count),
        hits_per_minute_per_prefix_max: keys.or(
            "hits_per_minute_per_prefix_max",
            default.hits_per_minute_per_prefix_max,
            |value| {
                let hits = value.number(0..=u64::from(HITS_PER_MINUTE_MAX))?;
                Ok(u32::try_from(hits).expect("the range ends there"))
            },
        ),
        spool_bytes_max: keys.or("spool_bytes_max", default.spool_bytes_max, |v| v.number(SPOOL_BYTES_MIN..=1 << 50)),
    };
    keys.end();
    limits
}
