//! Where an import's rows go: a server's ClickHouse, that of a `serve` running on the same data, or an engine of its
//! own.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use warehouse::Warehouse;

use crate::config::{ClickHouse, Config};
use crate::engine::{self, Engine, EngineError};
use crate::reach;

/// Longest wait for the engine of a `serve` that is just starting or stopping.
const BUSY_MAX: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(100);

/// A ClickHouse that answers, and the engine if it is our own.
pub(super) struct Statistics {
    pub(super) warehouse: Warehouse,
    engine: Option<Engine>,
}

impl Statistics {
    /// Finds or starts it.
    pub(super) async fn open(config: &Config) -> Result<Statistics, Box<dyn Error>> {
        match &config.clickhouse {
            ClickHouse::Server { .. } => {
                let client = reach::client(&config.clickhouse, None)?;
                Ok(Statistics { warehouse: reach::warehouse(config, client), engine: None })
            }
            ClickHouse::Embedded { engine: library } => Ok(embedded(library, &config.data).await?),
        }
    }

    /// Ends our own engine, when its last insert is in.
    pub(super) async fn close(self) {
        // The engine waits seconds for connections that are still open.
        drop(self.warehouse);
        if let Some(engine) = self.engine {
            engine.stop().await;
        }
    }
}

async fn embedded(library: &Path, data: &Path) -> Result<Statistics, EngineError> {
    let began = Instant::now();
    loop {
        match Engine::start(library, data) {
            Ok(engine) => {
                engine.ready().await?;
                let client = clickhouse::Client::default().with_url(engine.url());
                return Ok(Statistics { warehouse: Warehouse::new(client), engine: Some(engine) });
            }
            Err(EngineError::InUse(_)) if began.elapsed() < BUSY_MAX => {}
            Err(error) => return Err(error),
        }
        // What a killed `serve` left behind may name an engine that is gone.
        if let Some(url) = engine::running(data) {
            let client = clickhouse::Client::default().with_url(url);
            if warehouse::ping(&client).await.is_ok() {
                return Ok(Statistics { warehouse: Warehouse::new(client), engine: None });
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
