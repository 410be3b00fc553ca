//! `footfall aggregate`: reads hits from its share of Kafka's partitions and counts them into ClickHouse, each once. One of
//! many: the consumer group says whose turn it is.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aggregator::fold::Limits;
use aggregator::stream::kafka::{GroupSettings, run_group};
use kafka::topics::{Topic, TopicError, ensure};
use schema::clock;
use schema::sites::CurrentSites;
use schema::zone::last_day_over;

use crate::config::Config;
use crate::process::{make_private_dir, stopped};
use crate::serve::upkeep::CLOSE_AFTER_S;
use crate::{exporter, log, reach, reload};

/// Longest wait for the last inserts.
const FLUSH_MAX: Duration = Duration::from_secs(20);
/// Between two looks for brokers that do not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// Runs until it is told to stop.
pub(crate) fn run(config: Config, accept_loss: bool) -> Result<(), Box<dyn Error>> {
    log::begin(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(aggregate(config, accept_loss))
}

async fn aggregate(config: Config, accept_loss: bool) -> Result<(), Box<dyn Error>> {
    let kafka = super::kafka(&config)?;
    let warehouse = reach::warehouse(&config, super::server(&config)?);
    make_private_dir(&config.data)?;
    exporter::begin(config.metrics_listen)
        .map_err(|error| format!("metrics_listen {}: {error}", config.metrics_listen))?;
    let zones = config.sites.zones();
    // Sites mean nothing to it but their zones, which a running process keeps. Without this SIGHUP would end it.
    let sites = Arc::new(CurrentSites::new(config.sites.clone()));
    tokio::spawn(reload::on_hangup(config.clone(), sites, |_| Ok(()), |_, ()| {}));
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    tokio::spawn(async move {
        if let Err(error) = stopped().await {
            tracing::error!(%error, "no signal can be heard");
        }
        tracing::info!("stopping");
        told.store(true, Ordering::Release);
    });
    let begin = async {
        while let Err(error) = ensure(&kafka.connection, &kafka.layout, &[Topic::Hits, Topic::Folds]).await {
            match error {
                TopicError::Unreachable(_) => tracing::warn!(%error, "{error}; trying again"),
                TopicError::Wrong(_) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
        warehouse.migrate_until_done(clock::now_s()).await;
        Ok(())
    };
    tokio::select! {
        begun = begin => begun?,
        () = until(&stop) => return Ok(()),
    }
    // Whoever started this may have stopped reading.
    let _unread = writeln!(std::io::stdout(), "Footfall counts what comes from Kafka.");
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

async fn until(stop: &AtomicBool) {
    while !stop.load(Ordering::Acquire) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
