//! A collector: takes hits over HTTP and keeps them in the spool. `serve` and `ingest` both run one.
//!
//! In: the configuration, and what differs between the two commands: the salts, the number of partitions, further
//! routes, and what else is replaced at SIGHUP. Out: records in the spool. This module does not know what reads the
//! spool.
//!
//! The start has three steps, because the commands start other things in between:
//!
//! 1. [`SpoolFiles::open`] locks the data directory's spool and opens the geo file.
//! 2. [`SpoolFiles::start_writer`] starts the spool's writer and reads the lists.
//! 3. [`PreparedCollector::run`] listens, and starts the tasks that run beside the server.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use ingest::append::Appender;
use ingest::collect::Collector;
use ingest::enrich::place::{self, Geo};
use ingest::http::{Edge, Script, Senders};
use ingest::metrics::Meters;
use ingest::rate::Rate;
use ingest::salt::Salts;
use ingest::spam::{CurrentSpam, Spam};
use schema::clock;
use schema::sites::CurrentSites;
use tokio::task::JoinHandle;

use crate::config::{Config, senders};
use crate::listen::{HttpServer, listen};
use crate::reload;

/// The tracker script, as pages load it.
const SCRIPT: &[u8] = include_bytes!("../../tracker/dist/footfall.js");
/// How often expired salts are destroyed and old rate counters are dropped.
const TICK_INTERVAL: Duration = Duration::from_secs(20);

/// The open spool and geo file of a collector that does not run yet.
pub(crate) struct SpoolFiles {
    writer: spool::Writer,
    spool: spool::Handle,
    geo: Option<Arc<Geo>>,
}

/// A collector that does not listen yet.
pub(crate) struct PreparedCollector {
    collector: Arc<Collector>,
    senders: Arc<Senders>,
    spool: spool::Handle,
}

/// A collector that takes hits.
pub(crate) struct RunningCollector {
    server: HttpServer,
    appender: Appender,
    tasks: Vec<JoinHandle<()>>,
}

impl SpoolFiles {
    /// Opens the spool and the geo file. `committed` is the position up to which the spool's reader is done.
    ///
    /// The spool is opened first: its lock keeps a second process out of the data directory and of the salts.
    pub(crate) fn open(config: &Config, committed: u64) -> Result<SpoolFiles, Box<dyn Error>> {
        let options = spool::Options::with_bytes_max(config.limits.spool_bytes_max);
        let (writer, spool, recovery) = spool::open(&config.data.join("spool"), options, committed)?;
        tracing::info!(?recovery, "opened the spool");
        let geo = config.geo.as_deref().map(Geo::open).transpose()?.map(Arc::new);
        Ok(SpoolFiles { writer, spool, geo })
    }

    /// Starts the spool's writer thread, which spreads records over `partitions`.
    pub(crate) fn start_writer(
        self,
        config: &Config,
        salts: Arc<Salts>,
        partitions: u32,
    ) -> Result<PreparedCollector, Box<dyn Error>> {
        let SpoolFiles { writer, spool, geo } = self;
        let meters = Arc::new(Meters::register());
        let appender = Appender::start(writer, spool.clone(), partitions, Arc::clone(&meters))?;
        let collector = Collector {
            sites: Arc::new(CurrentSites::new(config.sites.clone())),
            proxies: config.proxies.clone(),
            spam: Arc::new(CurrentSpam::new(read_spam_list(config)?)),
            rate: Rate::new(config.limits.hits_per_minute_per_prefix_max, clock::now_s()),
            geo,
            salts,
            appender,
            meters,
        };
        let senders = Arc::new(Senders::new(senders(&config.tokens)));
        Ok(PreparedCollector { collector: Arc::new(collector), senders, spool })
    }
}

impl PreparedCollector {
    /// The sites, which SIGHUP replaces.
    pub(crate) fn sites(&self) -> &Arc<CurrentSites> {
        &self.collector.sites
    }

    /// A handle to read and trim the spool.
    pub(crate) fn spool(&self) -> spool::Handle {
        self.spool.clone()
    }

    /// Listens. From here on hits are taken.
    ///
    /// `routes` mounts what the server answers beside hits, once for each worker thread. `on_reload` is called with
    /// each new configuration that SIGHUP brings.
    pub(crate) fn run(
        self,
        config: &Config,
        routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
        on_reload: impl Fn(&Config) + Send + 'static,
    ) -> Result<RunningCollector, Box<dyn Error>> {
        let PreparedCollector { collector, senders, spool: _ } = self;
        let edge =
            Edge { collector: Arc::clone(&collector), script: Script::new(SCRIPT), senders: Arc::clone(&senders) };
        let server = listen(config, Some(edge), routes)?;
        let appender = collector.appender.clone();
        let (sites, spam, geo) = (Arc::clone(&collector.sites), Arc::clone(&collector.spam), collector.geo.clone());
        tokio::spawn(place::watch(geo.clone()));
        let upkeep = tokio::spawn(tick_regularly(collector));
        let reload = tokio::spawn(reload::on_hangup(config.clone(), sites, read_spam_list, move |new, spam_list| {
            spam.replace(spam_list);
            senders.replace(crate::config::senders(&new.tokens));
            on_reload(new);
            reload_geo(geo.as_ref());
        }));
        Ok(RunningCollector { server, appender, tasks: vec![upkeep, reload] })
    }
}

impl RunningCollector {
    /// The address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// A handle to append to the spool.
    pub(crate) fn appender(&self) -> Appender {
        self.appender.clone()
    }

    /// Stops accepting hits, answers those under way, and writes what is buffered to the spool.
    pub(crate) async fn stop(self) -> Result<(), Box<dyn Error>> {
        tracing::info!("stopping: no more hits are accepted");
        self.tasks.iter().for_each(JoinHandle::abort);
        self.server.stop().await?;
        let appender = self.appender;
        tokio::task::spawn_blocking(move || appender.stop()).await?;
        Ok(())
    }
}

/// Destroys expired salts and drops old rate counters, for as long as the process runs.
async fn tick_regularly(collector: Arc<Collector>) {
    let mut ticks = tokio::time::interval(TICK_INTERVAL);
    loop {
        ticks.tick().await;
        collector.tick(clock::now_s());
    }
}

/// Reads the list that `referrer_spam` names; an empty list if the configuration names none.
fn read_spam_list(config: &Config) -> Result<Spam, String> {
    let Some(path) = &config.referrer_spam else { return Ok(Spam::default()) };
    let list = std::fs::read_to_string(path).map_err(|error| format!("referrer_spam {}: {error}", path.display()))?;
    let spam = Spam::of_list(&list);
    tracing::info!(hosts = spam.len(), "read the list of spam referrers");
    Ok(spam)
}

/// Reads the geo file again, on a thread that may block.
fn reload_geo(geo: Option<&Arc<Geo>>) {
    if let Some(geo) = geo.cloned() {
        tokio::task::spawn_blocking(move || geo.reload());
    }
}
