//! The Prometheus exporter: one recorder for the metrics of all crates, answered on `metrics_listen`.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

/// Histogram buckets of durations: from a hash to an insert.
const SECONDS: [f64; 16] =
    [1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// Histogram buckets of bytes: from a record to a segment.
const BYTES: [f64; 8] = [256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 16_777_216.0];
/// Histogram buckets of numbers of hits and rows.
const COUNTS: [f64; 10] = [1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 10_000.0, 100_000.0, 1_000_000.0];

/// Starts the exporter and describes every metric. Must be called within a tokio runtime.
pub(crate) fn begin(listen: SocketAddr) -> Result<(), String> {
    install(listen).map_err(|error| format!("metrics_listen {listen}: {error}"))?;
    crate::engine::describe();
    aggregator::metrics::describe();
    ingest::metrics::describe();
    ingest::ship::describe();
    dashboard::metrics::describe();
    Ok(())
}

fn install(listen: SocketAddr) -> Result<(), BuildError> {
    let suffix = |end: &str| Matcher::Suffix(end.to_owned());
    PrometheusBuilder::new()
        .with_http_listener(listen)
        .set_buckets_for_metric(suffix("_seconds"), &SECONDS)?
        .set_buckets_for_metric(suffix("_bytes"), &BYTES)?
        .set_buckets_for_metric(suffix("_hits"), &COUNTS)?
        .set_buckets_for_metric(suffix("_rows"), &COUNTS)?
        .install()
}
