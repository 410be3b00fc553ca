//! Many machines: any number of collectors, Kafka, any number of aggregators, one ClickHouse server, a dashboard. Each
//! has its own command; all of them read the same configuration.

pub(crate) mod aggregate;
pub(crate) mod dashboard;
pub(crate) mod ingest;

use std::error::Error;
use std::time::Duration;

use backon::ConstantBuilder;

use crate::config::{ClickHouse, Config, KafkaConfig};

/// Pause between two attempts to reach brokers that do not answer.
const BROKER_RETRY_PAUSE: Duration = Duration::from_secs(2);

/// The `[kafka]` table, or an error that says how to write one.
fn kafka(config: &Config) -> Result<KafkaConfig, Box<dyn Error>> {
    let missing =
        "the configuration has no [kafka] table; footfall.example.toml shows one (on one machine: `footfall serve`)";
    config.kafka.clone().ok_or_else(|| missing.into())
}

/// A client of the server that CLICKHOUSE_URL names.
fn clickhouse_server(config: &Config) -> Result<clickhouse::Client, Box<dyn Error>> {
    match &config.clickhouse {
        ClickHouse::Server { .. } => Ok(crate::reach::client(&config.clickhouse, None)?),
        ClickHouse::Embedded { .. } => Err("set CLICKHOUSE_URL: many machines share one ClickHouse server".into()),
    }
}

/// Tries again at equal pauses, without end: brokers may be away for hours.
fn until_brokers_answer() -> ConstantBuilder {
    ConstantBuilder::default().with_delay(BROKER_RETRY_PAUSE).without_max_times()
}
