//! Everything on one machine: the collector and the API on one origin, the spool between collector and aggregator,
//! ClickHouse as a child (or a server that someone else runs).
//!
//! Hits are taken as soon as the spool is open; the statistics follow when ClickHouse answers. On SIGTERM or Ctrl-C:
//! stop accepting, write down what waits, insert what is on disk, end the engine.

mod statistics;
pub(crate) mod upkeep;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use ingest::append::Appender;
use ingest::collect::Collector;
use ingest::enrich::place::{self, Geo};
use ingest::http::{Edge, Script, Senders};
use ingest::rate::Rate;
use ingest::salt::Salts;
use ingest::spam::CurrentSpam;
use schema::clock;
use schema::sites::CurrentSites;

use crate::answers::{state, tokens};
use crate::config::{ClickHouse, Config, senders};
use crate::engine::Engine;
use crate::listen::{self, listen};
use crate::process::{keep_memory_private, make_private_dir, ram_place, stopped};
use crate::{exporter, log, reach, reload, token};

use statistics::Statistics;

/// The tracker, as pages load it.
pub(crate) const SCRIPT: &[u8] = include_bytes!("../../tracker/dist/footfall.js");
/// Longest wait for the last inserts. What is on disk then is inserted at the next start.
const FLUSH_MAX: Duration = Duration::from_secs(20);

/// Runs until it is told to stop.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    log::begin(config.log);
    keep_memory_private();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    make_private_dir(&config.data)?;
    exporter::begin(config.metrics_listen)
        .map_err(|error| format!("metrics_listen {}: {error}", config.metrics_listen))?;
    let engine = match &config.clickhouse {
        ClickHouse::Embedded { engine } => Some(Engine::start(engine, &config.data)?),
        ClickHouse::Server { .. } => None,
    };
    let client = reach::client(&config.clickhouse, engine.as_ref())?;

    let intents = aggregator::shard::intent::IntentFile::new(&config.data);
    let committed = intents.read()?.map_or(0, |intent| intent.end.unwrap_or(intent.offset));
    let options = spool::Options::with_bytes_max(config.limits.spool_bytes_max);
    let (writer, handle, recovery) = spool::open(&config.data.join("spool"), options, committed)?;
    tracing::info!(?recovery, "opened the spool");

    let geo = config.geo.as_deref().map(Geo::open).transpose()?.map(Arc::new);
    let meters = Arc::new(ingest::metrics::Meters::register());
    let appender = Appender::start(writer, handle.clone(), 1, Arc::clone(&meters))?;
    let sites = Arc::new(CurrentSites::new(config.sites.clone()));
    let spam = Arc::new(CurrentSpam::new(listen::spam(&config)?));
    let collector = Arc::new(Collector {
        sites: Arc::clone(&sites),
        proxies: config.proxies.clone(),
        spam: Arc::clone(&spam),
        rate: Rate::new(config.limits.hits_per_minute_per_prefix_max, clock::now_s()),
        geo: geo.clone(),
        salts: Arc::new(Salts::open(ram_place(&config), clock::now_s())),
        appender: appender.clone(),
        meters,
    });
    let visit = token::Fresh::new(token::random()?);
    let answers = web::Data::new(state(&config, &sites, client.clone(), &visit));
    let asked = answers.clone();
    let sending = Arc::new(Senders::new(senders(&config.tokens)));
    let edge = Edge { collector: Arc::clone(&collector), script: Script::new(SCRIPT), senders: Arc::clone(&sending) };
    let server = listen(&config, Some(edge), move |routes| dashboard::http::configure(routes, answers.clone()))?;
    let (address, handle_of_server) = (server.address, server.handle.clone());
    let listening = tokio::spawn(server.future);

    let upkeep = tokio::spawn(upkeep::run(Arc::clone(&collector), config.sites.zones()));
    let visit = Arc::new(visit);
    let (visit_of_reload, geo_of_reload) = (Arc::clone(&visit), geo.clone());
    let reload = tokio::spawn(reload::on_hangup(config.clone(), sites, listen::spam, move |new, listed| {
        spam.replace(listed);
        sending.replace(senders(&new.tokens));
        asked.replace_tokens(tokens(new, &visit_of_reload));
        reload::geo(geo_of_reload.as_ref());
    }));
    tokio::spawn(place::watch(geo));
    if let Some(engine) = &engine {
        engine.ready().await?;
    }
    let statistics = Statistics::start(&config, handle.clone(), intents, client, engine.as_ref())?;
    greet(address, &visit, &config);

    let failed = tokio::select! {
        signal = stopped() => signal.err().map(Into::into),
        broken = statistics.broken() => Some(broken),
    };
    tracing::info!("stopping: no more hits are accepted");
    upkeep.abort();
    reload.abort();
    handle_of_server.stop(true).await;
    listening.await??;
    tokio::task::spawn_blocking(move || appender.stop()).await?;
    if tokio::time::timeout(FLUSH_MAX, statistics.stop()).await.is_err() {
        tracing::warn!("the last hits are on disk and not yet in ClickHouse; the next start inserts them");
    }
    if let Some(engine) = engine {
        engine.stop().await;
    }
    failed.map_or(Ok(()), Err)
}

/// What a person who started this wants to know next.
fn greet(address: SocketAddr, visit: &token::Fresh, config: &Config) {
    let domain = config.sites.iter().next().map_or("example.org", |site| site.domain.as_str());
    let text = format!(
        "Footfall is counting. Your dashboard, for as long as this runs:

    http://{address}/#token={}

To count a page, put this into it:

    <script defer src=\"http://{address}/footfall.js\" data-domain=\"{domain}\"></script>

To count a log:   footfall import --config FILE --site ID LOG
Ctrl-C ends everything; what was counted is there at the next start.
",
        visit.text()
    );
    // Whoever started this may have stopped reading; that is no reason to stop counting.
    let _unread = std::io::stdout().lock().write_all(text.as_bytes()).and_then(|()| std::io::stdout().flush());
}
