//! `footfall ingest`: a collector that sends its records to Kafka. There may be any number of them; none knows the
//! others, and none reads ClickHouse.
//!
//! On SIGTERM or Ctrl-C: stop accepting hits, write what is buffered to the spool, send what the brokers take in time.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use backon::Retryable;
use ingest::salt::Salts;
use ingest::salt::agree::{self, Agreement};
use ingest::ship::{self, Shipper};
use kafka::topics::{Topic, ensure};
use kafka::{Connection, Layout};
use schema::clock;

use crate::collector::SpoolFiles;
use crate::config::Config;
use crate::process::{self, keep_memory_private, make_private_dir, stop_signal, volatile_dir};
use crate::{exporter, log};

/// Longest wait for the brokers at the end. What they have not taken by then is sent after the next start.
const SEND_MAX: Duration = Duration::from_secs(15);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    log::begin(config.log);
    keep_memory_private();
    process::block_on(ingest(config))
}

async fn ingest(config: Config) -> Result<(), Box<dyn Error>> {
    let kafka = super::kafka(&config)?;
    make_private_dir(&config.data)?;
    exporter::begin(config.metrics_listen)?;
    let files = SpoolFiles::open(&config, ship::shipped(&config.data)?)?;

    let salts = Arc::new(Salts::agreed(volatile_dir(&config), clock::now_s()));
    let topic = kafka.layout.name(Topic::Salts);
    let settings =
        agree::AgreementSettings { connection: kafka.connection.clone(), topic, keys: kafka.salt_keys.clone() };
    let agreement = Agreement::open(&settings, Arc::clone(&salts), config.sites.zones())?;
    let agreeing = tokio::spawn(agree_on_salts(agreement, kafka.connection.clone(), kafka.layout.clone()));

    let collector = files.start_writer(&config, salts, kafka.layout.partitions)?;
    let settings = ship::ShipSettings { connection: kafka.connection, layout: kafka.layout, dir: config.data.clone() };
    let shipper = Shipper::start(settings, collector.spool())?;
    let collector = collector.run(&config, |_| {}, |_| {})?;
    let address = collector.address();
    process::print_if_open(&format!("Footfall takes hits on http://{address} and sends them to Kafka.\n"));

    let failed = stop_signal().await.err();
    agreeing.abort();
    collector.stop().await?;
    tokio::task::spawn_blocking(move || shipper.stop(SEND_MAX)).await?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Makes or checks the topic `salts`, then keeps the salts agreed. Until that has happened hits are answered 503;
/// nothing else waits for it.
async fn agree_on_salts(agreement: Agreement, connection: Connection, layout: Layout) {
    let topic_is_ready = (|| ensure(&connection, &layout, &[Topic::Salts]))
        .retry(super::until_brokers_answer())
        .notify(|error, _| tracing::error!(%error, "there are no salts: {error}; trying again"))
        .await;
    if topic_is_ready.is_ok() {
        agreement.run(clock::now_s).await;
    }
}
