//! One `footfall serve` for one test, with its own data directory and free ports. A test can kill and restart it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testbed::clickhouse::library;

pub(crate) struct Footfall {
    dir: TempDir,
    listen: u16,
    metrics: u16,
    child: Option<Child>,
    /// The token of the dashboard's link.
    pub(crate) token: String,
}

/// A time zone where it is about noon now, so that no test runs over a midnight.
pub(crate) fn noon_zone() -> String {
    let hour = schema::clock::now_s().rem_euclid(86_400) / 3600;
    // POSIX signs: Etc/GMT-3 is three hours ahead of UTC.
    match 12 - hour {
        0 => "Etc/GMT".to_owned(),
        ahead if ahead > 0 => format!("Etc/GMT-{ahead}"),
        behind => format!("Etc/GMT+{}", -behind),
    }
}

impl Footfall {
    /// Starts it with one site, `example.org`. `site` is added to the site's table.
    pub(crate) fn start(site: &str) -> Footfall {
        Footfall::start_with("", site)
    }

    /// Starts it with one site. `whole` is added to the top of the configuration, `site` to the site's table.
    pub(crate) fn start_with(whole: &str, site: &str) -> Footfall {
        let (listen, metrics) = (testbed::free_port(), testbed::free_port());
        let footfall = Footfall { dir: TempDir::new().unwrap(), listen, metrics, child: None, token: String::new() };
        let config = format!(
            "listen = \"127.0.0.1:{listen}\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\ndata = \"data\"\nlive_step = \"0\"\n\
             trusted_proxies = [\"127.0.0.1/32\"]\n{whole}\n\
             [limits]\nhits_per_minute_per_prefix_max = 0\n[[site]]\nid = 1\ndomain = \"example.org\"\n{site}\n"
        );
        std::fs::write(footfall.config(), config).unwrap();
        let mut footfall = footfall;
        footfall.run();
        footfall
    }

    /// Starts the process, the first time or again, and waits until it is ready.
    pub(crate) fn run(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_footfall"))
            .args(["serve", "--config"])
            .arg(self.config())
            .env("FOOTFALL_LOG", "trace")
            .env("XDG_CACHE_HOME", library().ancestors().nth(3).unwrap())
            .env_remove("CLICKHOUSE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let link = lines.map_while(Result::ok).find(|line| line.contains("#token="));
        self.child = Some(child);
        let link = link.unwrap_or_else(|| panic!("serve did not start: {}", self.log_text()));
        self.token = link.split("#token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        self.wait("it is ready", |it| it.get("/healthz/ready").0 == 200);
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends SIGTERM and waits for the end, which must be a success.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log_text());
    }

    /// Sends SIGHUP.
    pub(crate) fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(self.child.as_ref().unwrap());
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }

    /// Sends SIGKILL to its engine.
    pub(crate) fn kill_engine(&self) {
        for pid in self.engine().into_iter().filter_map(rustix::process::Pid::from_raw) {
            let _gone_already = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> i32 {
        self.child.as_ref().unwrap().id() as i32
    }

    /// The processes of its engine. Any thread may have started one, so the children of all threads are listed.
    pub(crate) fn engine(&self) -> Vec<i32> {
        let Some(child) = &self.child else { return Vec::new() };
        let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        let children = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
        children.flat_map(|pids| pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()).collect()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("footfall.toml")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("footfall.log")
    }

    /// Everything it has logged.
    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listen)
    }

    /// GET: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let answer = ureq_agent().get(format!("http://{}{path}", self.address())).call();
        answer.map_or((0, String::new()), |mut answer| {
            (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default())
        })
    }

    /// The text that Prometheus would scrape.
    pub(crate) fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        ureq_agent().get(url).call().map_or(String::new(), |mut answer| answer.body_mut().read_to_string().unwrap())
    }

    /// The value of one metric with exactly these labels; 0 if it is not there.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Asks the stats API: status and JSON of the answer.
    pub(crate) fn query(&self, question: &serde_json::Value) -> (u16, serde_json::Value) {
        let request = ureq_agent()
            .post(format!("http://{}/api/v2/query", self.address()))
            .header("authorization", &format!("Bearer {}", self.token));
        let mut answer = request.send(question.to_string()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("not JSON: {text}")))
    }

    /// A client of its ClickHouse.
    pub(crate) fn clickhouse(&self) -> clickhouse::Client {
        let url = std::fs::read_to_string(self.dir.path().join("data/engine/endpoint")).unwrap();
        clickhouse::Client::default().with_url(url)
    }

    /// Waits until everything in the spool is in ClickHouse, seen twice with half a second in between.
    pub(crate) fn wait_until_quiet(&self) {
        let position = |it: &Footfall| {
            let synced = it.metric("footfall_stream_end_position{shard=\"0\"}");
            (synced > 0.0 && it.metric("footfall_aggregate_inserted_position{shard=\"0\"}") == synced).then_some(synced)
        };
        self.wait("everything stored is inserted", |it| {
            let before = position(it);
            std::thread::sleep(Duration::from_millis(500));
            before.is_some() && position(it) == before
        });
    }

    /// Waits until `is_true`. `what` is named if it never is.
    pub(crate) fn wait(&self, what: &str, mut is_true: impl FnMut(&Footfall) -> bool) {
        let began = Instant::now();
        while !is_true(self) {
            assert!(began.elapsed() < Duration::from_secs(90), "waited in vain until {what}: {}", self.log_text());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Footfall {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An HTTP client that returns every status as an answer, not as an error.
pub(crate) fn ureq_agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
    config.build().into()
}
