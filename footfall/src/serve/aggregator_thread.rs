//! The aggregator of `footfall serve`, on a thread of its own: folding takes seconds at a time, and requests must not
//! wait for it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use aggregator::fold::Limits;
use aggregator::shard::intent::IntentFile;
use aggregator::shard::sweep::Imports;
use aggregator::shard::{Inputs, run};
use aggregator::stream::spool::SpoolStream;
use schema::clock;
use tokio::sync::Notify;

use crate::config::Config;
use crate::engine::Engine;
use crate::process::lower_priority;
use crate::reach;

/// The running aggregator.
pub(super) struct AggregatorThread {
    stop: Arc<AtomicBool>,
    ended: Arc<Notify>,
    thread: JoinHandle<Result<(), String>>,
}

impl AggregatorThread {
    /// Starts the thread. It waits by itself until ClickHouse answers.
    pub(super) fn start(
        config: &Config,
        spool: spool::Handle,
        intents: IntentFile,
        client: clickhouse::Client,
        engine: Option<&Engine>,
    ) -> Result<AggregatorThread, Box<dyn Error>> {
        let (stop, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let warehouse = reach::warehouse(config, client);
        let inputs = Inputs {
            shard: 0,
            stream: SpoolStream::new(spool, intents)?,
            warehouse: warehouse.clone(),
            engine_starts: engine.map(Engine::starts),
            imports: Imports::Lock(config.data.join("import.lock")),
            limits: Limits::default(),
            stop: Arc::clone(&stop),
            now_s: clock::now_s,
        };
        let ended_in_thread = Arc::clone(&ended);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("aggregate".to_owned()).spawn(move || {
            lower_priority();
            let result = runtime.block_on(async {
                warehouse.migrate_until_done(clock::now_s()).await;
                run(inputs).await.map_err(|error| error.to_string())
            });
            ended_in_thread.notify_one();
            result
        })?;
        Ok(AggregatorThread { stop, ended, thread })
    }

    /// Resolves if the aggregator ends by itself. It does so only after a permanent error.
    pub(super) async fn failed(&self) -> Box<dyn Error> {
        self.ended.notified().await;
        self.ended.notify_one();
        "the statistics cannot go on; hits taken so far are on disk".into()
    }

    /// Inserts what the spool holds, then ends the thread.
    pub(super) async fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.ended.notified().await;
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(error, "the aggregator stopped: {error}"),
            Err(_) => tracing::error!("the aggregator's thread had panicked"),
        }
    }
}
