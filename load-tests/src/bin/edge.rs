//! The collector against nginx's `empty_gif` and against a bare actix handler that reads the same body, in one run.
//!
//! ```text
//! cargo run --release -p load-tests --bin edge -- [--rounds 7] [--seconds 4] [--many]
//! ```
//!
//! With `--many`, `footfall ingest` in front of a real Kafka broker is a fourth: is its HTTP path as fast as `serve`'s? Both
//! have their statistics' or their broker's work beside them on the same cores.
//!
//! Each round runs them in turn under `wrk -t1 -c512`; the medians of the rounds' ratios are printed, because the
//! machine changes speed between rounds. Hits per second: ours / nginx. CPU per hit: ours / bare actix, without the
//! `aggregate` thread (that is the statistics' work, not the collector's; `ship` and the Kafka client's likewise) and with
//! it. Ours answers after `fdatasync`.
//! Needs nginx and wrk (Debian packages nginx-light and wrk) and `target/release/footfall`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints figures, or says where it broke")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use clap::Parser;
use testbed::mmdb;

#[derive(Parser)]
struct Args {
    /// How often each is run
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long each run is
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Run `footfall ingest` with a Kafka broker too
    #[arg(long)]
    many: bool,
    /// Be the bare handler, on this port
    #[arg(long, hide = true)]
    bare: Option<u16>,
}

/// A server under load; killed when dropped.
struct Server {
    child: Child,
    url: String,
    post: bool,
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx's workers outlive a killed master.
        let workers: Vec<String> = workers(self.child.id()).iter().map(u32::to_string).collect();
        if !workers.is_empty() {
            Command::new("kill").arg("-9").args(workers).status().unwrap();
        }
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What one run showed.
#[derive(Clone, Copy)]
struct Run {
    per_second: f64,
    /// Of the process and its workers, microseconds per request.
    cpu_us: f64,
    /// Without the threads beside the HTTP path.
    cpu_us_edge: f64,
}

fn main() {
    let args = Args::parse();
    if let Some(port) = args.bare {
        return bare(port);
    }
    let dir = std::env::temp_dir().join(format!("footfall-edge-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("post.lua"), LUA).unwrap();
    let (mut to_nginx, mut to_bare, mut to_bare_all) = (Vec::new(), Vec::new(), Vec::new());
    println!("round  nginx/s  bare/s  footfall/s | CPU us: nginx  bare  collector  +aggregate | hits/nginx  CPU/bare");
    let servers = [nginx(&dir), bare_actix(), footfall(&dir)];
    let many = args.many.then(|| many(&dir));
    let mut to_serve = Vec::new();
    for round in 1..=args.rounds {
        let [nginx, bare, ours] = [0, 1, 2].map(|n| load(&servers[n], args.seconds, &dir));
        let (hits, cpu) = (ours.per_second / nginx.per_second, ours.cpu_us_edge / bare.cpu_us);
        println!(
            "{round:5} {:8.0} {:7.0} {:11.0} | {:13.1} {:5.1} {:10.1} {:11.1} | {hits:10.2} {cpu:9.2}",
            nginx.per_second,
            bare.per_second,
            ours.per_second,
            nginx.cpu_us,
            bare.cpu_us,
            ours.cpu_us_edge,
            ours.cpu_us
        );
        to_nginx.push(hits);
        to_bare.push(cpu);
        to_bare_all.push(ours.cpu_us / bare.cpu_us);
        if let Some((server, _broker)) = &many {
            let ingest = load(server, args.seconds, &dir);
            let (hits, cpu) = (ingest.per_second / ours.per_second, ingest.cpu_us_edge / ours.cpu_us_edge);
            println!(
                "      ingest: {:.0}/s, {:.2} of serve; CPU {:.1} us, {cpu:.2} of serve",
                ingest.per_second, hits, ingest.cpu_us_edge
            );
            to_serve.push((hits, cpu));
        }
    }
    if !to_serve.is_empty() {
        let (hits, cpu) = to_serve.into_iter().unzip();
        println!("median of ingest against serve: hits per second {:.2}, CPU per hit {:.2}", median(hits), median(cpu));
    }
    drop((servers, many));
    fs::remove_dir_all(&dir).unwrap();
    println!(
        "median: hits per second {:.2} of nginx empty_gif; CPU per hit {:.2} of bare actix ({:.2} with the aggregator's thread)",
        median(to_nginx),
        median(to_bare),
        median(to_bare_all)
    );
}

/// Everything is on: addresses as a proxy tells of them, looked up in a geo file, and counted against a limit that their
/// prefixes do not reach.
const FULL: &str = "trusted_proxies = [\"127.0.0.1/32\"]\ngeo = \"places.mmdb\"\n\
                    limits = { hits_per_minute_per_prefix_max = 10_000_000 }\n";

/// Two hundred networks, one for each country that is made up here.
fn places(dir: &Path) {
    let names: Vec<(String, String)> = (0..200u8)
        .map(|n| (format!("203.{n}.0.0/16"), [n / 26, n % 26].map(|n| char::from(b'A' + n)).iter().collect()))
        .collect();
    let records: Vec<_> = names.iter().map(|(net, country)| (&**net, mmdb::nested(country, "11"))).collect();
    fs::write(dir.join("places.mmdb"), mmdb::file("DBIP-City-Lite", mmdb::BUILT_S, &records)).unwrap();
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Requests are made once: what wrk spends on them is the same for all.
const LUA: &str = r#"
local requests, n = {}, 0
function init()
  for i = 1, 2000 do
    local agent = "Mozilla/5.0 (X11; Linux x86_64; rv:" .. (100 + i % 40) .. ".0) Gecko/20100101 Firefox/" .. (100 + i % 40) .. ".0 v" .. (i % 500)
    local body = '{"n":"pageview","d":"example.org","u":"https://example.org/page/' .. (i % 300) .. '","r":"https://www.google.com/"}'
    requests[i] = wrk.format("POST", nil, { ["User-Agent"] = agent, ["Content-Type"] = "text/plain", ["Accept-Language"] = "fr-FR,fr;q=0.9", ["X-Forwarded-For"] = "203." .. (i % 200) .. "." .. (i % 251) .. ".7" }, body)
  end
end
function request()
  n = n % 2000 + 1
  return requests[n]
end
"#;

fn load(server: &Server, seconds: u32, dir: &Path) -> Run {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c512", &format!("-d{seconds}s")]);
    if server.post {
        wrk.arg("-s").arg(dir.join("post.lua"));
    }
    let before = cpu_s(server.child.id());
    let output = wrk.arg(&server.url).output().expect("wrk is missing (Debian package wrk)");
    let after = cpu_s(server.child.id());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx"), "not every answer was 2xx: {text}");
    let total: f64 = text
        .lines()
        .find_map(|line| line.trim().split_once(" requests in")?.0.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    let per_second = text.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok()).unwrap();
    Run { per_second, cpu_us: (after.0 - before.0) / total * 1e6, cpu_us_edge: (after.1 - before.1) / total * 1e6 }
}

/// CPU seconds of a process and its workers (not of the engine): all threads, and all but those beside the HTTP path.
fn cpu_s(pid: u32) -> (f64, f64) {
    let (mut all, mut edge) = (0.0, 0.0);
    for pid in std::iter::once(pid).chain(workers(pid)) {
        for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let stat = fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
            let Some((head, rest)) = stat.rsplit_once(')') else { continue };
            let ticks: f64 = rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
            all += ticks / 100.0;
            let name = head.rsplit('(').next().unwrap_or_default();
            let is_beside = name == "aggregate" || name == "ship" || name.starts_with("rdk:");
            edge += if is_beside { 0.0 } else { ticks / 100.0 };
        }
    }
    (all, edge)
}

/// nginx's worker processes.
fn workers(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "nginx"))
        .collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn wait_for(port: u16) {
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "nobody listens on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn nginx(dir: &Path) -> Server {
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
    Server { child, url: format!("http://127.0.0.1:{port}/"), post: false }
}

fn bare_actix() -> Server {
    let port = free_port();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--bare", &port.to_string()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(port);
    Server { child, url: format!("http://127.0.0.1:{port}/api/event"), post: true }
}

/// Reads the body and answers: what actix costs by itself.
fn bare(port: u16) {
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

fn footfall(dir: &Path) -> Server {
    let (port, metrics) = (free_port(), free_port());
    let config = format!(
        "listen = \"127.0.0.1:{port}\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\ndata = \"data\"\n{FULL}[[site]]\nid = 1\ndomain = \"example.org\"\n"
    );
    fs::write(dir.join("footfall.toml"), config).unwrap();
    places(dir);
    let footfall = std::env::current_exe().unwrap().with_file_name("footfall");
    let mut command = Command::new(footfall);
    command.args(["serve", "--config"]).arg(dir.join("footfall.toml")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("build it first: cargo build --release -p footfall");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line.contains("#token=")), "footfall serve did not start");
    Server { child, url: format!("http://127.0.0.1:{port}/api/event"), post: true }
}

/// `footfall ingest`, and the broker it sends to.
fn many(dir: &Path) -> (Server, testbed::kafka::Broker) {
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
    places(&dir);
    let footfall = std::env::current_exe().unwrap().with_file_name("footfall");
    let mut command = Command::new(footfall);
    command.args(["ingest", "--config"]).arg(dir.join("footfall.toml")).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().expect("build it first: cargo build --release -p footfall");
    wait_for(port);
    let began = Instant::now();
    while ureq::get(format!("http://127.0.0.1:{port}/healthz/ready")).call().is_err() {
        assert!(began.elapsed() < Duration::from_secs(30), "footfall ingest is not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    (Server { child, url: format!("http://127.0.0.1:{port}/api/event"), post: true }, broker)
}
