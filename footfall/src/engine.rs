//! ClickHouse as a child of this process, for one machine without a server.
//!
//! The child is this same binary (`footfall engine`), which loads ClickHouse's shared library and answers HTTP on a free
//! loopback port, under a path that is random per start: every other request is a 404. It lives as long as this process
//! holds a fifo open, and dies with it; if it dies alone, it is started again on the same port and path.

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

use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use child::run as run_child;

/// Longest wait for a first answer: a cold disk has to read half a gigabyte of library.
const READY_MAX: Duration = Duration::from_secs(90);
/// Longest wait for the child to end by itself once its fifo is closed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Pause before a dead child is started again, so that a broken one does not spin.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);
/// The file, readable by us alone, that holds the URL.
const ENDPOINT: &str = "endpoint";
const LOOK: Duration = Duration::from_millis(50);

/// The engine could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The library is not where the configuration says.
    #[error(
        "the engine {0} is not there: `./start` fetches it, or set `engine` in the configuration, or CLICKHOUSE_URL"
    )]
    Missing(PathBuf),
    /// Its folder cannot be used.
    #[error("the engine's folder {0}: {1}")]
    Folder(PathBuf, io::Error),
    /// Another Footfall runs it.
    #[error("the data directory {0} is in use by another footfall")]
    InUse(PathBuf),
    /// It did not answer.
    #[error("the engine did not answer within {seconds} s; it said: {words}", seconds = READY_MAX.as_secs())]
    Silent {
        /// The end of its log.
        words: String,
    },
}

/// A running engine. Dropping it kills the child; `stop` lets it end in peace.
pub(crate) struct Engine {
    url: String,
    lives: Arc<AtomicU64>,
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

/// Where a running engine of this data directory answers, if one does: for an import beside `serve`.
pub(crate) fn running(data: &Path) -> Option<String> {
    let endpoint = fs::read_to_string(data.join("engine").join(ENDPOINT)).ok()?;
    Some(endpoint.trim().to_owned())
}

impl Engine {
    /// Starts it; `ready` waits for its first answer.
    pub(crate) fn start(library: &Path, data: &Path) -> Result<Engine, EngineError> {
        if !library.is_file() {
            return Err(EngineError::Missing(library.to_owned()));
        }
        let dir = data.join("engine");
        let lock = prepare(&dir).map_err(|error| EngineError::Folder(dir.clone(), error))?;
        let Some(lock) = lock else { return Err(EngineError::InUse(data.to_owned())) };
        // Absolute: ClickHouse syncs directories by a path that it puts behind its own.
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
        let lives = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = watch::channel(false);
        let supervisor = tokio::spawn(supervise(launch, alive, Arc::clone(&lives), stopped));
        Ok(Engine { url, lives, stop, supervisor, dir, _lock: lock })
    }

    /// Waits until it answers, and then tells an import where.
    pub(crate) async fn ready(&self) -> Result<(), EngineError> {
        self.wait_until_it_answers().await?;
        write_private(&self.dir.join(ENDPOINT), self.url.as_bytes())
            .map_err(|error| EngineError::Folder(self.dir.clone(), error))
    }

    /// Where it answers; the path is a secret.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Counts its starts.
    pub(crate) fn lives(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lives)
    }

    /// Lets it finish what it does, then ends it.
    pub(crate) async fn stop(self) {
        // The file may be gone already; nobody else reads it.
        let _gone = fs::remove_file(self.dir.join(ENDPOINT));
        self.stop.send_replace(true);
        if let Err(error) = self.supervisor.await {
            tracing::error!(%error, "the engine's supervisor broke");
        }
    }

    async fn wait_until_it_answers(&self) -> Result<(), EngineError> {
        let client = clickhouse::Client::default().with_url(&self.url);
        let began = Instant::now();
        while began.elapsed() < READY_MAX {
            if warehouse::ping(&client).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(EngineError::Silent { words: last_words(&self.dir) })
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
        let words = OpenOptions::new().create(true).append(true).mode(0o600).open(self.dir.join("engine.log"))?;
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
            .stdin(Stdio::piped()) // its end tells the child that we are gone
            .stdout(Stdio::null())
            .stderr(words)
            .process_group(0) // Ctrl-C is for us: we stop it when its last insert is in
            .kill_on_drop(true)
            .spawn()
    }
}

/// Keeps a child running until it is told to stop.
async fn supervise(launch: Launch, alive: File, lives: Arc<AtomicU64>, mut stopped: watch::Receiver<bool>) {
    let mut pause = RESTART_PAUSE;
    loop {
        let mut child = match launch.spawn() {
            Ok(child) => child,
            Err(error) => {
                tracing::error!(%error, "the engine could not be started; trying again");
                tokio::time::sleep(RESTART_PAUSE_MAX).await;
                continue;
            }
        };
        // Waiting for a child closes its input, which would tell it that we are gone.
        let _we_live = child.stdin.take();
        let began = Instant::now();
        lives.fetch_add(1, Ordering::AcqRel);
        gauge!("footfall_engine_up").set(1.0);
        let ended = tokio::select! {
            status = child.wait() => Some(status),
            // An error here means that the Engine was dropped: stop as well.
            _ = stopped.wait_for(|stop| *stop) => None,
        };
        if let Some(status) = ended {
            gauge!("footfall_engine_up").set(0.0);
            let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            tracing::error!(status, "the engine ended ({status}); starting it again");
            counter!("footfall_engine_restarts_total").increment(1);
            pause =
                if began.elapsed() > RESTART_PAUSE_MAX { RESTART_PAUSE } else { (pause * 2).min(RESTART_PAUSE_MAX) };
            tokio::time::sleep(pause).await;
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

/// Makes the folder, private, and takes its lock; `None` if another process holds it.
fn prepare(dir: &Path) -> io::Result<Option<File>> {
    fs::create_dir_all(dir)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join("lock"))?;
    match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // Words of earlier starts help nobody.
    File::create(dir.join("engine.log"))?;
    Ok(Some(lock))
}

/// Opened for reading too, so that this does not wait for the child; the child sees its end when we close it.
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

/// The end of what the child said.
fn last_words(dir: &Path) -> String {
    let words = fs::read_to_string(dir.join("engine.log")).unwrap_or_default();
    let lines: Vec<&str> = words.lines().rev().take(3).collect();
    if lines.is_empty() { "nothing".to_owned() } else { lines.into_iter().rev().collect::<Vec<_>>().join(" | ") }
}
