//! A ClickHouse for one test: `footfall engine` on a free port and a folder of its own; killed and started at will.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) struct Engine {
    dir: TempDir,
    port: u16,
    child: Option<(Child, File)>,
}

/// Where `./start` and `./check` put the library.
pub(crate) fn library() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the tests find the engine where the configuration would")]
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = env("XDG_CACHE_HOME").or_else(|| env("HOME").map(|home| home.join(".cache"))).unwrap();
    let library = cache.join("footfall/engine-26.7.3-stable.1/libchdb.so");
    assert!(library.is_file(), "{} is missing: `./check` fetches it", library.display());
    library
}

impl Engine {
    pub(crate) async fn start() -> Engine {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut engine = Engine { dir: TempDir::new().unwrap(), port, child: None };
        engine.run().await;
        engine
    }

    /// Starts it (again) and waits for an answer.
    pub(crate) async fn run(&mut self) {
        let at = |name: &str| self.dir.path().join(name);
        let config = "<clickhouse><logger><console>false</console></logger><listen_host>127.0.0.1</listen_host>\
                      <timezone>UTC</timezone><background_pool_size>2</background_pool_size></clickhouse>";
        std::fs::write(at("config.xml"), config).unwrap();
        let _none_yet = std::fs::remove_file(at("alive"));
        let mode = rustix::fs::Mode::from(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, at("alive"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let alive = OpenOptions::new().read(true).write(true).open(at("alive")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_footfall"))
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
        let began = Instant::now();
        while self.client().query("SELECT 1").fetch_one::<u8>().await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the engine does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some((mut child, _alive)) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn client(&self) -> clickhouse::Client {
        clickhouse::Client::default().with_url(self.url())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill();
    }
}
