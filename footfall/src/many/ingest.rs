//! `footfall ingest`: takes hits, keeps them, answers, and sends them on. One of many: it knows no other, and no
//! statistics.
//!
//! On SIGTERM or Ctrl-C: stop accepting, write down what waits, send what the brokers take in time.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use ingest::append::Appender;
use ingest::collect::Collector;
use ingest::enrich::place::{self, Geo};
use ingest::http::{Edge, Script, Senders};
use ingest::rate::Rate;
use ingest::salt::Salts;
use ingest::salt::agree::{self, Agreement};
use ingest::ship::{self, Shipper};
use ingest::spam::CurrentSpam;
use kafka::topics::{Topic, ensure};
use kafka::{Connection, Layout};
use schema::clock;
use schema::sites::CurrentSites;

use crate::config::{Config, senders};
use crate::listen::{self, listen};
use crate::process::{keep_memory_private, make_private_dir, ram_place, stopped};
use crate::serve::SCRIPT;
use crate::{exporter, log, reload};

/// Longest wait for the brokers when we stop.
const SEND_MAX: Duration = Duration::from_secs(15);
/// Between two looks for brokers that do not answer.
const PAUSE: Duration = Duration::from_secs(2);
/// How often salts are looked after.
const TICK: Duration = Duration::from_secs(20);

/// Runs until it is told to stop.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    log::begin(config.log);
    keep_memory_private();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(ingest(config))
}

async fn ingest(config: Config) -> Result<(), Box<dyn Error>> {
    let kafka = super::kafka(&config)?;
    make_private_dir(&config.data)?;
    exporter::begin(config.metrics_listen)
        .map_err(|error| format!("metrics_listen {}: {error}", config.metrics_listen))?;
    let options = spool::Options::with_bytes_max(config.limits.spool_bytes_max);
    let (writer, handle, recovery) = spool::open(&config.data.join("spool"), options, ship::shipped(&config.data)?)?;
    tracing::info!(?recovery, "opened the spool");

    let geo = config.geo.as_deref().map(Geo::open).transpose()?.map(Arc::new);
    let meters = Arc::new(ingest::metrics::Meters::register());
    let salts = Arc::new(Salts::agreed(ram_place(&config), clock::now_s()));
    let topic = kafka.layout.name(Topic::Salts);
    let settings =
        agree::AgreementSettings { connection: kafka.connection.clone(), topic, keys: kafka.salt_keys.clone() };
    let agreement = Agreement::open(&settings, Arc::clone(&salts), config.sites.zones())?;
    let agreeing = tokio::spawn(agree_on_salts(agreement, kafka.connection.clone(), kafka.layout.clone()));
    let appender = Appender::start(writer, handle.clone(), kafka.layout.partitions, Arc::clone(&meters))?;
    let sites = Arc::new(CurrentSites::new(config.sites.clone()));
    let spam = Arc::new(CurrentSpam::new(listen::spam(&config)?));
    let collector = Arc::new(Collector {
        sites: Arc::clone(&sites),
        proxies: config.proxies.clone(),
        spam: Arc::clone(&spam),
        rate: Rate::new(config.limits.hits_per_minute_per_prefix_max, clock::now_s()),
        geo: geo.clone(),
        salts: Arc::clone(&salts),
        appender: appender.clone(),
        meters,
    });
    let settings = ship::ShipSettings { connection: kafka.connection, layout: kafka.layout, dir: config.data.clone() };
    let shipper = Shipper::start(settings, handle)?;
    let sending = Arc::new(Senders::new(senders(&config.tokens)));
    let edge = Edge { collector: Arc::clone(&collector), script: Script::new(SCRIPT), senders: Arc::clone(&sending) };
    let server = listen(&config, Some(edge), |_| {})?;
    let (address, handle_of_server) = (server.address, server.handle.clone());
    let listening = tokio::spawn(server.future);
    tokio::spawn(place::watch(geo.clone()));
    let upkeep = tokio::spawn(async move {
        let mut looks = tokio::time::interval(TICK);
        loop {
            looks.tick().await;
            collector.tick(clock::now_s());
        }
    });
    // Whoever started this may have stopped reading.
    let _unread = writeln!(std::io::stdout(), "Footfall takes hits on http://{address} and sends them to Kafka.");

    let reload = tokio::spawn(reload::on_hangup(config.clone(), sites, listen::spam, move |new, listed| {
        spam.replace(listed);
        sending.replace(senders(&new.tokens));
        reload::geo(geo.as_ref());
    }));
    let failed = stopped().await.err();
    tracing::info!("stopping: no more hits are accepted");
    upkeep.abort();
    reload.abort();
    agreeing.abort();
    handle_of_server.stop(true).await;
    listening.await??;
    tokio::task::spawn_blocking(move || {
        appender.stop();
        shipper.stop(SEND_MAX);
    })
    .await?;
    failed.map_or(Ok(()), |error| Err(error.into()))
}

/// Sees to the topic, then to the salts. Without them hits are answered 503, and nothing else stands still.
async fn agree_on_salts(agreement: Agreement, connection: Connection, layout: Layout) {
    while let Err(error) = ensure(&connection, &layout, &[Topic::Salts]).await {
        tracing::error!(%error, "there are no salts: {error}; trying again");
        tokio::time::sleep(PAUSE).await;
    }
    agreement.run(clock::now_s).await;
}
