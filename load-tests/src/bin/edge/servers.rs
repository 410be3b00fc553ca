//! The compared servers: nginx, a bare actix handler, and Footfall with all features on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use testbed::{free_port, mmdb};

use super::workers;

/// A server under load; killed when dropped.
pub(super) struct TestServer {
    pub(super) child: Child,
    pub(super) url: String,
    /// The script for wrk; `None` for a plain GET.
    pub(super) script: Option<&'static str>,
    pub(super) metrics: u16,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // The workers of nginx survive the kill of their master process.
        let workers: Vec<String> = workers(self.child.id()).iter().map(u32::to_string).collect();
        if !workers.is_empty() {
            Command::new("kill").arg("-9").args(workers).status().unwrap();
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// All features on: addresses from a proxy's header, a geo file, and a rate limit that the prefixes do not reach.
const FULL: &str = "trusted_proxies = [\"127.0.0.1/32\"]\ngeo = \"places.mmdb\"\n\
                    limits = { hits_per_minute_per_prefix_max = 10_000_000 }\n";

/// Writes a geo file of 200 networks, each with its own invented country.
fn write_geo_file(dir: &Path) {
    let names: Vec<(String, String)> = (0..200u8)
        .map(|n| (format!("203.{n}.0.0/16"), [n / 26, n % 26].map(|n| char::from(b'A' + n)).iter().collect()))
        .collect();
    let records: Vec<_> = names.iter().map(|(net, country)| (&**net, mmdb::nested(country, "11"))).collect();
    fs::write(dir.join("places.mmdb"), mmdb::file("DBIP-City-Lite", mmdb::BUILT_S, &records)).unwrap();
}

fn wait_for(port: u16) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "no server listens on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(super) fn nginx(dir: &Path) -> TestServer {
    let port = free_port();
    let config = format!(
        "worker_processes 2; pid {dir}/pid; error_log /dev/null crit; daemon off;\nevents {{ worker_connections 2048; }}\n\
         http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; \
         uwsgi_temp_path {dir}; scgi_temp_path {dir}; server {{ listen 127.0.0.1:{port}; location / {{ empty_gif; }} }} }}\n",
        dir = dir.display()
    );
    fs::write(dir.join("nginx.conf"), config).unwrap();
    let path = if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" };
    let child = Command::new(path)
        .arg("-p")
        .arg(dir)
        .arg("-c")
        .arg(dir.join("nginx.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let child = child.expect("nginx is missing (Debian package nginx-light)");
    wait_for(port);
    TestServer { child, url: format!("http://127.0.0.1:{port}/"), script: None, metrics: 0 }
}

pub(super) fn bare_actix() -> TestServer {
    let port = free_port();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--bare", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(port);
    TestServer { child, url: format!("http://127.0.0.1:{port}/api/event"), script: Some("post.lua"), metrics: 0 }
}

/// Runs a handler that reads the body and answers: the cost of actix alone.
pub(super) fn run_bare(port: u16) {
    let app = || {
        App::new().route(
            "/api/event",
            web::post()
                .to(async |body: web::Bytes| HttpResponse::Accepted().body(if body.is_empty() { "" } else { "ok" })),
        )
    };
    let runtime = actix_web::rt::System::new();
    runtime.block_on(HttpServer::new(app).workers(2).bind(("127.0.0.1", port)).unwrap().run()).unwrap();
}

pub(super) fn footfall(dir: &Path) -> TestServer {
    let (port, metrics) = (free_port(), free_port());
    let config = format!(
        "listen = \"127.0.0.1:{port}\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\ndata = \"data\"\n{FULL}[[site]]\nid = 1\ndomain = \"example.org\"\n"
    );
    fs::write(dir.join("footfall.toml"), config).unwrap();
    write_geo_file(dir);
    let footfall = std::env::current_exe().unwrap().with_file_name("footfall");
    let mut command = Command::new(footfall);
    command.args(["serve", "--config"]).arg(dir.join("footfall.toml")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("build it first: cargo build --release -p footfall");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("#token=")), "footfall serve did not start");
    TestServer { child, url: format!("http://127.0.0.1:{port}/api/event"), script: Some("post.lua"), metrics }
}

/// `footfall ingest` and its Kafka broker.
pub(super) fn many(dir: &Path) -> (TestServer, testbed::kafka::Broker) {
    let (port, metrics, broker) = (free_port(), free_port(), testbed::kafka::Broker::start());
    let dir = dir.join("many");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("salt-keys"), format!("{}\n", "0123456789abcdef".repeat(4))).unwrap();
    fs::set_permissions(dir.join("salt-keys"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let config = format!(
        "listen = \"127.0.0.1:{port}\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\ndata = \"data\"\n{FULL}[kafka]\nbrokers = \"{}\"\n\
         partitions = 4\nreplication = 1\n[[site]]\nid = 1\ndomain = \"example.org\"\n",
        broker.bootstrap()
    );
    fs::write(dir.join("footfall.toml"), config).unwrap();
    write_geo_file(&dir);
    let footfall = std::env::current_exe().unwrap().with_file_name("footfall");
    let mut command = Command::new(footfall);
    command.args(["ingest", "--config"]).arg(dir.join("footfall.toml")).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("build it first: cargo build --release -p footfall");
    wait_for(port);
    let start = Instant::now();
    while ureq::get(format!("http://127.0.0.1:{port}/healthz/ready")).call().is_err() {
        assert!(start.elapsed() < Duration::from_secs(30), "footfall ingest is not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    (TestServer { child, url: format!("http://127.0.0.1:{port}/api/event"), script: Some("post.lua"), metrics }, broker)
}
