//! Many machines: any number of collectors, Kafka, any number of aggregators, a ClickHouse server, a dashboard. One
//! command each; what they share is the configuration.

pub(crate) mod aggregate;
pub(crate) mod dashboard;
pub(crate) mod ingest;

use std::error::Error;

use crate::config::{ClickHouse, Config, Kafka};

/// The `[kafka]` table, or what to do about it.
fn kafka(config: &Config) -> Result<Kafka, Box<dyn Error>> {
    let none =
        "the configuration has no [kafka] table; footfall.example.toml shows one (on one machine: `footfall serve`)";
    config.kafka.clone().ok_or_else(|| none.into())
}

/// A client of the server that CLICKHOUSE_URL names.
fn server(config: &Config) -> Result<clickhouse::Client, Box<dyn Error>> {
    match &config.clickhouse {
        ClickHouse::Server { .. } => Ok(crate::reach::client(&config.clickhouse, None)?),
        ClickHouse::Embedded { .. } => Err("set CLICKHOUSE_URL: many machines share one ClickHouse server".into()),
    }
}
