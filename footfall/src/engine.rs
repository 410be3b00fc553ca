//! The embedded ClickHouse, run as a child process.
//!
//! The child is this same binary (`footfall engine`), which loads ClickHouse's shared library and answers HTTP on a
//! free loopback port, under a path that is random per start; every other path is answered 404. The child runs as long
//! as this process holds a fifo open, and dies with this process. If the child dies alone, it is started again on the
//! same port and path.

mod child;
mod settings;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use child::run as run_child;

/// Longest wait for the first answer. A cold disk has to read half a gigabyte of library.
const READY_MAX: Duration = Duration::from_secs(90);
/// Longest wait for the child to end by itself once its fifo is closed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Pause before a dead child is started again, so that a child that cannot run does not use up a processor. The pause
/// doubles with each restart, up to `RESTART_PAUSE_MAX`, and is short again after the child has run for longer than
/// that.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The file that holds the URL, readable only by this user.
const ENDPOINT: &str = "endpoint";
/// Pause between two attempts to get a first answer.
const READY_CHECK_INTERVAL: Duration = Duration::from_millis(50);
/// How many lines of the engine's log an error quotes.
const LOG_LINES_QUOTED: usize = 3;

/// The engine could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The library is not where the configuration says.
    #[error(
        "the engine {0} is not there: `./start` fetches it, or set `engine` in the configuration, or CLICKHOUSE_URL"
    )]
    Missing(PathBuf),
    /// A file in the engine's folder could not be made or used.
    #[error("the engine's folder {0}: {1}")]
    Folder(PathBuf, io::Error),
    /// Another process holds the lock of the engine's folder.
    #[error("the data directory {0} is in use by another footfall")]
    InUse(PathBuf),
    /// The engine did not answer in time.
    #[error("the engine did not answer within {seconds} s; its log ends: {log_end}", seconds = READY_MAX.as_secs())]
    NoAnswer {
        /// The last lines of the engine's log.
        log_end: String,
    },
}

/// A running engine. Dropping it kills the child; `stop` lets the child finish first.
pub(crate) struct Engine {
    url: String,
    starts: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
    dir: PathBuf,
    _lock: File,
}

/// Registers the engine's metrics.
pub(crate) fn describe() {
    describe_counter!(
        "footfall_engine_restarts_total",
        "Times the embedded ClickHouse was started again after it died"
    );
    describe_gauge!("footfall_engine_up", "1 while the embedded ClickHouse runs");
    counter!("footfall_engine_restarts_total").absolute(0);
}

/// The URL of the engine that runs on this data directory, if one does. An import beside `serve` uses it.
pub(crate) fn running(data: &Path) -> Option<String> {
    let endpoint = fs::read_to_string(data.join("engine").join(ENDPOINT)).ok()?;
    Some(endpoint.trim().to_owned())
}

impl Engine {
    /// Starts the child. [`Engine::ready`] waits for its first answer.
    pub(crate) fn start(library: &Path, data: &Path) -> Result<Engine, EngineError> {
        if !library.is_file() {
            return Err(EngineError::Missing(library.to_owned()));
        }
        let dir = data.join("engine");
        let lock = lock_folder(&dir).map_err(|error| EngineError::Folder(dir.clone(), error))?;
        let Some(lock) = lock else { return Err(EngineError::InUse(data.to_owned())) };
        // Absolute, because ClickHouse prepends its own path when it syncs a directory.
        let dir = dir.canonicalize().map_err(|error| EngineError::Folder(dir.clone(), error))?;
        let folder = |error| EngineError::Folder(dir.clone(), error);
        let port = free_port().map_err(folder)?;
        let mut key = [0u8; 16];
        getrandom::fill(&mut key).map_err(|error| EngineError::Folder(dir.clone(), io::Error::other(error)))?;
        let key = format!("/k-{}", data_encoding::HEXLOWER.encode(&key));
        settings::write(&dir.join("config.xml"), &key).map_err(folder)?;
        let fifo = dir.join("alive");
        let alive = open_fifo(&fifo).map_err(folder)?;
        let launch = Launch { library: library.to_owned(), dir: dir.clone(), port, fifo };
        let url = format!("http://127.0.0.1:{port}{key}");
        let starts = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let supervisor = tokio::spawn(supervise(launch, alive, Arc::clone(&starts), stopped));
        Ok(Engine { url, starts, stop, supervisor, dir, _lock: lock })
    }

    /// Waits until the engine answers, then writes its URL to a file for an import to read.
    pub(crate) async fn ready(&self) -> Result<(), EngineError> {
        self.wait_for_answer().await?;
        write_private(&self.dir.join(ENDPOINT), self.url.as_bytes())
            .map_err(|error| EngineError::Folder(self.dir.clone(), error))
    }

    /// The URL that the engine answers on. Its path is a secret.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How often the child was started.
    pub(crate) fn starts(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.starts)
    }

    /// Lets the child finish what it is doing, then ends it.
    pub(crate) async fn stop(self) {
        // The file may be gone already, which does no harm.
        let _already_gone = fs::remove_file(self.dir.join(ENDPOINT));
        self.stop.send_replace(true);
        if let Err(error) = self.supervisor.await {
            tracing::error!(%error, "the engine's supervisor broke");
        }
    }

    async fn wait_for_answer(&self) -> Result<(), EngineError> {
        let client = clickhouse::Client::default().with_url(&self.url);
        let began = Instant::now();
        while began.elapsed() < READY_MAX {
            if warehouse::ping(&client).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(READY_CHECK_INTERVAL).await;
        }
        Err(EngineError::NoAnswer { log_end: log_end(&self.dir) })
    }
}

struct Launch {
    library: PathBuf,
    dir: PathBuf,
    port: u16,
    fifo: PathBuf,
}

impl Launch {
    fn spawn(&self) -> io::Result<Child> {
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(self.dir.join("engine.log"))?;
        Command::new(std::env::current_exe()?)
            .arg("engine")
            .arg("--lib")
            .arg(&self.library)
            .arg("--config")
            .arg(self.dir.join("config.xml"))
            .arg("--data")
            .arg(self.dir.join("clickhouse"))
            .arg("--port")
            .arg(self.port.to_string())
            .arg("--fifo")
            .arg(&self.fifo)
            .stdin(Stdio::piped()) // the child ends when this pipe is closed: see `child::run`
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0) // Ctrl-C must not reach the child before its last insert
            .kill_on_drop(true)
            .spawn()
    }
}

/// Keeps a child running until `stopped` is true.
async fn supervise(launch: Launch, alive: File, starts: Arc<AtomicU64>, mut stopped: watch::Receiver<bool>) {
    let backoff = ExponentialBuilder::default()
        .with_min_delay(RESTART_PAUSE)
        .with_max_delay(RESTART_PAUSE_MAX)
        .without_max_times();
    let mut pauses = backoff.build();
    loop {
        let mut child = match launch.spawn() {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, "the engine could not be started; trying again");
                tokio::time::sleep(RESTART_PAUSE_MAX).await;
                continue;
            }
        };
        // `Child::wait` closes the child's standard input, which would end the child; so it is taken out first.
        let _open_stdin = child.stdin.take();
        let began = Instant::now();
        starts.fetch_add(1, Ordering::AcqRel);
        gauge!("footfall_engine_up").set(1.0);
        let ended = tokio::select! {
            status = child.wait() => Some(status),
            // An error here means that the `Engine` was dropped; the child is stopped then too.
            _ = stopped.wait_for(|stop| *stop) => None,
        };
        if let Some(status) = ended {
            gauge!("footfall_engine_up").set(0.0);
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            tracing::error!(status, "the engine ended ({status}); starting it again");
            counter!("footfall_engine_restarts_total").increment(1);
            if began.elapsed() > RESTART_PAUSE_MAX {
                pauses = backoff.build();
            }
            tokio::time::sleep(pauses.next().unwrap_or(RESTART_PAUSE_MAX)).await;
            continue;
        }
        drop(alive);
        if tokio::time::timeout(STOP_MAX, child.wait()).await.is_err() {
            tracing::warn!("the engine did not end by itself; killing it");
            if let Err(error) = child.kill().await {
                tracing::error!(%error, "the engine could not be killed");
            }
        }
        gauge!("footfall_engine_up").set(0.0);
        return;
    }
}

/// Makes the folder, readable only by this user, and takes its lock. `None` if another process holds the lock.
fn lock_folder(dir: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock"))?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // The log of earlier starts would only mislead.
    File::create(dir.join("engine.log"))?;
    Ok(Some(lock))
}

/// Makes the fifo and opens it for writing and reading: an open for writing alone would wait for the child. The child
/// reads the end of the fifo when this process closes it.
fn open_fifo(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o600), 0)?;
    OpenOptions::new().read(true).write(true).open(path)
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// The last lines of the child's log.
fn log_end(dir: &Path) -> String {
    let log = fs::read_to_string(dir.join("engine.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().rev().take(LOG_LINES_QUOTED).collect();
    if lines.is_empty() { "nothing".to_owned() } else { lines.into_iter().rev().collect::<Vec<_>>().join(" | ") }
}
