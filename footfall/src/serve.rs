//! `footfall serve`: everything on one machine. The collector and the dashboard share one origin, the spool stands
//! between collector and aggregator, and ClickHouse is a child process (or the server of `CLICKHOUSE_URL`).
//!
//! Hits are taken as soon as the spool is open; the aggregator starts when ClickHouse answers. On SIGTERM or Ctrl-C:
//! stop accepting hits, write what is buffered to the spool, insert what the spool holds, stop the engine.

mod aggregator_thread;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use ingest::salt::Salts;
use schema::clock;

use crate::closing::close_dates;
use crate::collector::SpoolFiles;
use crate::config::{ClickHouse, Config};
use crate::engine::Engine;
use crate::process::{self, keep_memory_private, make_private_dir, stop_signal, volatile_dir};
use crate::readers::{dashboard_state, reader_tokens};
use crate::token::{self, NewToken};
use crate::{exporter, log, reach};

use aggregator_thread::AggregatorThread;

/// Longest wait for the last inserts. What is not inserted by then is in the spool and inserted after the next start.
const FLUSH_MAX: Duration = Duration::from_secs(20);
/// One process reads the spool, so there is one partition.
const PARTITIONS: u32 = 1;

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(config: Config) -> Result<(), Box<dyn Error>> {
    log::begin(config.log);
    keep_memory_private();
    process::block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    make_private_dir(&config.data)?;
    exporter::begin(config.metrics_listen)?;
    let engine = match &config.clickhouse {
        ClickHouse::Embedded { engine } => Some(Engine::start(engine, &config.data)?),
        ClickHouse::Server { .. } => None,
    };
    let client = reach::client(&config.clickhouse, engine.as_ref())?;

    let intents = aggregator::shard::intent::IntentFile::new(&config.data);
    let committed = intents.read()?.map_or(0, |intent| intent.end.unwrap_or(intent.offset));
    let files = SpoolFiles::open(&config, committed)?;
    let salts = Arc::new(Salts::open(volatile_dir(&config), clock::now_s()));
    let collector = files.start_writer(&config, salts, PARTITIONS)?;
    let spool = collector.spool();

    let start_token = Arc::new(NewToken::new(token::random()?));
    let dashboard = web::Data::new(dashboard_state(&config, collector.sites(), client.clone(), &start_token));
    let (dashboard_of_reload, token_of_reload) = (dashboard.clone(), Arc::clone(&start_token));
    let collector = collector.run(
        &config,
        move |routes| dashboard::http::configure(routes, dashboard.clone()),
        move |new| dashboard_of_reload.replace_tokens(reader_tokens(new, &token_of_reload)),
    )?;
    let closing = tokio::spawn(close_dates(collector.appender(), config.sites.zones()));
    if let Some(engine) = &engine {
        engine.ready().await?;
    }
    let aggregator = AggregatorThread::start(&config, spool, intents, client, engine.as_ref())?;
    print_welcome(collector.address(), &start_token, &config);

    let failed = tokio::select! {
        signal = stop_signal() => signal.err().map(Into::into),
        broken = aggregator.failed() => Some(broken),
    };
    closing.abort();
    collector.stop().await?;
    if tokio::time::timeout(FLUSH_MAX, aggregator.stop()).await.is_err() {
        tracing::warn!("the last hits are in the spool and not yet in ClickHouse; the next start inserts them");
    }
    if let Some(engine) = engine {
        engine.stop().await;
    }
    failed.map_or(Ok(()), Err)
}

/// Prints what the operator needs next: the dashboard's link and the line for pages.
fn print_welcome(address: SocketAddr, start_token: &NewToken, config: &Config) {
    let domain = config.sites.iter().next().map_or("example.org", |site| site.domain.as_str());
    let text = format!(
        "Footfall is counting. Your dashboard, for as long as this runs:

    http://{address}/#token={}

To count a page, put this into it:

    <script defer src=\"http://{address}/footfall.js\" data-domain=\"{domain}\"></script>

To count a log:   footfall import --config FILE --site ID LOG
Ctrl-C ends everything; what was counted is there at the next start.
",
        start_token.text()
    );
    process::print_if_open(&text);
}
