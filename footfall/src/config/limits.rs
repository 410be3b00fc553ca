//! The `[limits]` table: the bounds that the operator may change. Each key ends with its unit.

use std::time::Duration;

use ingest::rate::HITS_PER_MINUTE_MAX;

use super::keys::{TomlTable, TomlValue};

/// The smallest spool that can work: two segments of 64 MiB, one being written and one being read.
const SPOOL_BYTES_MIN: u64 = 2 * 64 * 1024 * 1024;

/// The bounds above which the server refuses. The bounds of a single hit are not among them: they are fixed, because
/// its sender could not know others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ServerLimits {
    /// Deadline of a connection's first request head, and of a hit's body after its head.
    pub(crate) request_s_max: Duration,
    /// Deadline of the next request's head on an idle connection.
    pub(crate) idle_s_max: Duration,
    /// How long a connection may stay open, however busy it is.
    pub(crate) connection_s_max: Duration,
    /// Connections open at the same time.
    pub(crate) connections_max: usize,
    /// Hits per minute from one truncated prefix to one site. 0: no limit.
    pub(crate) hits_per_minute_per_prefix_max: u32,
    /// Disk space of the spool. The spool holds every round that is not settled: up to about 56 hours of hits.
    pub(crate) spool_bytes_max: u64,
}

impl Default for ServerLimits {
    /// The values of keys that the file does not have.
    fn default() -> ServerLimits {
        ServerLimits {
            request_s_max: Duration::from_secs(5),
            idle_s_max: Duration::from_secs(60),
            connection_s_max: Duration::from_secs(3600),
            connections_max: 10_000,
            hits_per_minute_per_prefix_max: 600,
            spool_bytes_max: 8 * 1024 * 1024 * 1024,
        }
    }
}

/// Reads the limits. Mistakes are noted in `file`.
pub(super) fn read(file: &TomlTable<'_>) -> ServerLimits {
    let default = ServerLimits::default();
    let Some(keys) = file.table("limits", "[limits]") else { return default };
    let count = |value: TomlValue<'_>| {
        value.number(1..=1_000_000).map(|n| usize::try_from(n).expect("usize has 64 bits on the machines we build for"))
    };
    let seconds = |value: TomlValue<'_>| value.number(1..=3600).map(Duration::from_secs);
    let limits = ServerLimits {
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
    keys.refuse_unknown_keys();
    limits
}
