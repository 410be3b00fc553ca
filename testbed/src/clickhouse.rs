//! A ClickHouse for one test: `footfall engine` on a free port, in its own directory. It can be killed and restarted.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running (or killed) ClickHouse. It is killed when dropped, and also when the process of the test ends.
pub struct Engine {
    program: PathBuf,
    /// Further elements of the configuration.
    elements: String,
    dir: TempDir,
    port: u16,
    /// The process, and the pipe whose end stops the engine.
    child: Option<(Child, File)>,
}

/// The engine's library, as `./start` and `./check` download it.
#[must_use]
pub fn library() -> PathBuf {
    crate::fetched("engine-26.7.3-stable.1/libchdb.so")
}

impl Engine {
    /// Starts an empty engine with this `footfall` program, and waits until it answers.
    pub async fn start(program: impl AsRef<Path>) -> Engine {
        Engine::with(program, "").await
    }

    /// Like [`Engine::start`], with these further elements in its configuration. The user `default` must stay without a
    /// password.
    pub async fn with(program: impl AsRef<Path>, elements: &str) -> Engine {
        let (program, elements, dir) = (program.as_ref().to_owned(), elements.to_owned(), TempDir::new().unwrap());
        let mut engine = Engine { program, elements, dir, port: crate::free_port(), child: None };
        engine.run().await;
        engine
    }

    /// Starts the engine (again) with its previous data and port, and waits until it answers.
    pub async fn run(&mut self) {
        let at = |name: &str| self.dir.path().join(name);
        let config = format!(
            "<clickhouse><logger><console>false</console></logger><listen_host>127.0.0.1</listen_host>\
             <timezone>UTC</timezone><background_pool_size>2</background_pool_size>{}</clickhouse>",
            self.elements
        );
        std::fs::write(at("config.xml"), config).unwrap();
        let _none_yet = std::fs::remove_file(at("alive"));
        let mode = rustix::fs::Mode::from(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("alive"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let alive = OpenOptions::new().read(true).write(true).open(at("alive")).unwrap();
        let child = Command::new(&self.program)
            .arg("engine")
            .arg("--lib")
            .arg(library())
            .args(["--config".as_ref(), at("config.xml").as_os_str(), "--data".as_ref(), at("data").as_os_str()])
            .args(["--port", &self.port.to_string(), "--fifo"])
            .arg(at("alive"))
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some((child, alive));
        let start = Instant::now();
        while self.client().query("SELECT 1").fetch_one::<u8>().await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the engine does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&mut self) {
        if let Some((mut child, _alive)) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("the engine runs").0.id()
    }

    /// Its HTTP address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client that is connected to this engine.
    #[must_use]
    pub fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default().with_url(self.url())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}
