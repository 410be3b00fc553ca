//! What the program says while it runs, on standard error.
//!
//! However verbose: only our own crates are let below `warn`. A library's debug line could print a request, and with it
//! an address or a user agent.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Crates whose every log line is written in this repository.
const OURS: [&str; 9] =
    ["footfall", "ingest", "spool", "kafka", "warehouse", "aggregator", "dashboard", "crowd", "schema"];

/// Begins to log at `level`.
pub(crate) fn begin(level: LevelFilter) {
    let targets =
        Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(OURS.map(|name| (name, level)));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(targets).with(lines).init();
}
