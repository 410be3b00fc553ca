//! `footfall aggregate`: reads hits from the Kafka partitions that the consumer group assigns to it, and counts each
//! hit once into ClickHouse.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aggregator::fold::Limits;
use aggregator::stream::kafka::{GroupSettings, run_group};
use backon::Retryable;
use kafka::topics::{Topic, TopicError, ensure};
use schema::clock;
use schema::sites::CurrentSites;
use schema::zone::last_day_over;

use crate::closing::CLOSE_AFTER_S;
use crate::config::Config;
use crate::process::{self, make_private_dir, stop_signal};
use crate::{cli, exporter, log, reach, reload};

/// Longest wait for the last inserts.
const FLUSH_MAX: Duration = Duration::from_secs(20);
/// How often the start looks whether it must stop.
const STOP_CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(args: &cli::AggregateArgs) -> Result<(), Box<dyn Error>> {
    let config = Config::load(&args.config.path)?;
    log::begin(config.log);
    process::block_on(aggregate(config, args.accept_loss))
}

async fn aggregate(config: Config, accept_loss: bool) -> Result<(), Box<dyn Error>> {
    let kafka = super::kafka(&config)?;
    let warehouse = reach::warehouse(&config, super::clickhouse_server(&config)?);
    make_private_dir(&config.data)?;
    exporter::begin(config.metrics_listen)?;
    let zones = config.sites.zones();
    // Of the sites the aggregator needs only the time zones, and a running process keeps those. This handler is here
    // because SIGHUP ends a process that has none.
    let sites = Arc::new(CurrentSites::new(config.sites.clone()));
    tokio::spawn(reload::on_hangup(config.clone(), sites, |_| Ok(()), |_, ()| {}));
    let stop = Arc::new(AtomicBool::new(false));
    tokio::spawn(set_at_stop_signal(Arc::clone(&stop)));
    let prepare = async {
        (|| ensure(&kafka.connection, &kafka.layout, &[Topic::Hits, Topic::Folds]))
            .retry(super::until_brokers_answer())
            .when(|error| matches!(error, TopicError::Unreachable(_)))
            .notify(|error, _| tracing::warn!(%error, "{error}; trying again"))
            .await?;
        warehouse.migrate_until_done(clock::now_s()).await;
        Ok::<(), TopicError>(())
    };
    tokio::select! {
        prepared = prepare => prepared?,
        () = until_set(&stop) => return Ok(()),
    }
    process::print_if_open("Footfall counts what comes from Kafka.\n");
    let settings = GroupSettings {
        connection: kafka.connection,
        layout: kafka.layout,
        group: kafka.group,
        instance: kafka.instance,
        session: kafka.session,
        accept_loss,
        limits: Limits::default(),
        warehouse: Box::new(move || warehouse.clone()),
        due: Box::new(move |now_s| last_day_over(&zones, now_s, CLOSE_AFTER_S)),
        now_s: clock::now_s,
    };
    Ok(run_group(settings, stop, FLUSH_MAX).await?)
}

async fn set_at_stop_signal(stop: Arc<AtomicBool>) {
    if let Err(error) = stop_signal().await {
        tracing::error!(%error, "stop signals cannot be received");
    }
    tracing::info!("stopping");
    stop.store(true, Ordering::Release);
}

async fn until_set(stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        tokio::time::sleep(STOP_CHECK_INTERVAL).await;
    }
}
