//! Everything on one machine: the collector and the API on one origin, the spool between collector and aggregator,
//! ClickHouse as a child (or a server that someone else runs).
//!
//! Hits are taken as soon as the spool is open; the statistics follow when ClickHouse answers. On SIGTERM or Ctrl-C:
//! stop accepting, write down what waits, insert what is on disk, end the engine.

mod statistics;
mod upkeep;

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};
use ingest::append::Appender;
use ingest::collect::Collector;
use ingest::http::{Edge, Script};
use ingest::salt::{RamPlace, Salts};
use schema::clock;
use schema::sites::Sites;

use crate::config::{ClickHouse, Config};
use crate::engine::Engine;
use crate::{exporter, log, token};

use statistics::Statistics;

/// The tracker, as pages load it.
const SCRIPT: &[u8] = include_bytes!("../../tracker/dist/footfall.js");
/// Longest wait for requests under way when we stop.
const DRAIN_MAX_S: u64 = 5;
/// Longest wait for the last inserts. What is on disk then is inserted at the next start.
const FLUSH_MAX: Duration = Duration::from_secs(20);
/// Threads that answer requests.
const WORKERS: usize = 2;

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
    let client = client(&config.clickhouse, engine.as_ref());

    let intents = aggregator::intent::IntentFile::new(&config.data);
    let committed = intents.read()?.map_or(0, |intent| intent.end.unwrap_or(intent.offset));
    let options = spool::Options::with_bytes_max(config.limits.spool_bytes_max);
    let (writer, handle, recovery) = spool::open(&config.data.join("spool"), options, committed)?;
    tracing::info!(?recovery, "opened the spool");

    let meters = Arc::new(ingest::metrics::Meters::register());
    let appender = Appender::start(writer, handle.clone(), 1, Arc::clone(&meters))?;
    let sites = Arc::new(config.sites.clone());
    let collector = Arc::new(Collector {
        sites: Arc::clone(&sites),
        trusted_proxies: config.trusted_proxies.clone(),
        salts: Arc::new(Salts::open(ram_place(&config), clock::now_s())),
        appender: appender.clone(),
        meters,
    });
    let visit = token::Fresh::new(token::random()?);
    let answers = web::Data::new(state(&config, &sites, client.clone(), &visit));
    let server = http(&config, Arc::clone(&collector), answers)?;
    let (address, handle_of_server) = (server.address, server.handle.clone());
    let listening = tokio::spawn(server.future);

    let upkeep = tokio::spawn(upkeep::run(Arc::clone(&collector), sites.zones()));
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

struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    future: actix_web::dev::Server,
}

/// The collector, the API and the pages on one origin.
fn http(
    config: &Config,
    collector: Arc<Collector>,
    answers: web::Data<dashboard::http::State>,
) -> Result<Server, Box<dyn Error>> {
    let limits = config.limits;
    let edge = Edge { collector, script: Script::new(SCRIPT), body_time_max: limits.request_s_max };
    let server = HttpServer::new(move || {
        App::new()
            .configure(|routes| ingest::http::configure(routes, &edge))
            .configure(|routes| dashboard::http::configure(routes, answers.clone()))
    })
    .workers(WORKERS)
    .max_connections(limits.connections_max.div_ceil(WORKERS))
    .client_request_timeout(limits.request_s_max)
    .keep_alive(limits.idle_s_max)
    .shutdown_timeout(DRAIN_MAX_S)
    .disable_signals()
    .bind(config.listen)
    .map_err(|error| format!("listen {}: {error}", config.listen))?;
    let address = *server.addrs().first().ok_or("listen: no address was bound")?;
    let future = server.run();
    Ok(Server { address, handle: future.handle(), future })
}

fn state(
    config: &Config,
    sites: &Arc<Sites>,
    client: clickhouse::Client,
    visit: &token::Fresh,
) -> dashboard::http::State {
    let tokens = config.tokens.iter().map(|token| dashboard::auth::Token {
        name: token.name.clone(),
        sites: token.sites.clone(),
        blake3: token.blake3,
        live: token.live,
    });
    // The link printed at the start: every site, for as long as this process lives.
    let here = dashboard::auth::Token {
        name: "this start".to_owned(),
        sites: sites.iter().map(|site| site.id).collect(),
        blake3: visit.hash(),
        live: true,
    };
    dashboard::http::State::new(Sites::clone(sites), tokens.chain([here]).collect(), config.live_step, client)
}

fn client(clickhouse: &ClickHouse, engine: Option<&Engine>) -> clickhouse::Client {
    match (clickhouse, engine) {
        (ClickHouse::Server { url, user, password }, _) => {
            clickhouse::Client::default().with_url(url).with_user(user).with_password(password)
        }
        (ClickHouse::Embedded { .. }, Some(engine)) => clickhouse::Client::default().with_url(engine.url()),
        (ClickHouse::Embedded { .. }, None) => clickhouse::Client::default(),
    }
}

/// Where the day's salt survives a restart of the process, and nothing else.
fn ram_place(config: &Config) -> Option<RamPlace> {
    let candidates =
        [Some(PathBuf::from("/run/footfall")), config.runtime_dir.clone(), Some(PathBuf::from("/dev/shm"))];
    RamPlace::find(&candidates.into_iter().flatten().collect::<Vec<_>>(), &config.data)
}

fn make_private_dir(dir: &Path) -> Result<(), String> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| format!("data {}: {error}", dir.display()))
}

/// No core dump and no debugger gets to see a salt.
pub(crate) fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "this process can be dumped");
    }
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps cannot be switched off");
    }
}

/// Ctrl-C or SIGTERM.
async fn stopped() -> std::io::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = term.recv() => Ok(()),
    }
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
