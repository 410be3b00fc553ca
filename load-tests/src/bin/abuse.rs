//! The effect of abusive clients on a normal load: slow, silent, non-reading and greedy clients against `footfall
//! serve`.
//!
//! ```text
//! cargo run --release -p load-tests --bin abuse -- [--seconds 4] [--connections 7000]
//! ```
//!
//! Each figure is a ratio to the normal load alone in the same run: `wrk -t1 -c64`, page views of 2,000 prefixes. Each
//! connection takes one file descriptor in the server and one here, so `ulimit -n` limits their number. The number of
//! silent connections must stay below three quarters of the server's limit, because the server ends more of them early.
//! Needs wrk (Debian package wrk) and `target/release/footfall`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures, or the line of a failure")]

use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use load_tests::processes::cpu_seconds;
use load_tests::wrk::script;
use testbed::free_port;

#[derive(Parser)]
struct Args {
    /// Length of each run of the normal load
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Number of simultaneous silent connections
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

/// Number of simultaneous slow connections.
const SLOW: usize = 2_000;
/// Number of simultaneous connections that read no answers.
const NOT_READING: usize = 8;

/// `footfall serve` with short deadlines; killed when dropped.
struct Serve {
    child: Child,
    port: u16,
    metrics: u16,
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn main() {
    let args = Args::parse();
    let dir = tempfile::tempdir().unwrap();
    let server = Serve::start(dir.path());
    fs::write(dir.path().join("normal.lua"), script("POST", "(1 + i % 200) .. '.' .. (i % 251) .. '.0.9'")).unwrap();
    fs::write(dir.path().join("greedy.lua"), script("POST", "'203.0.113.9'")).unwrap();
    let load = |script: &str| server.load(&dir.path().join(script), args.seconds);
    load("normal.lua");

    silent(&server, args.connections, "never used", |_| {});
    silent(&server, args.connections, "each sent a hit", |stream| ask(stream, &hit()));
    silent(&server, args.connections, "each used once for something else, two thousand a second at most", |stream| {
        ask(stream, OTHER);
        std::thread::sleep(Duration::from_micros(500));
    });
    silent(
        &server,
        args.connections,
        "each used once for something else, all before the first of them is parked",
        |stream| {
            ask(stream, OTHER);
        },
    );

    for (kind, first, then) in SLOWNESS {
        let alone = load("normal.lua");
        let (loaded, lasted_s) = run_both(|| slow(&server, first, then), || load("normal.lua"));
        println!(
            "{SLOW} that send a {kind} a byte a second: gone after {lasted_s:.1} s; the normal load meanwhile {:.2} of its hits/s",
            loaded / alone
        );
    }

    let alone = load("normal.lua");
    let before = server.cpu();
    let (loaded, lasted_s) = run_both(|| not_reading(&server), || load("normal.lua"));
    println!(
        "{NOT_READING} that send requests and read no answers: gone after {lasted_s:.1} s; the normal load meanwhile {:.2} of its hits/s, {:.0} s of CPU in all",
        loaded / alone,
        server.cpu() - before
    );

    let (stored, refused) = (server.fate("stored"), server.fate("rate_limit"));
    let greedy = load("greedy.lua");
    let (stored, refused) = (server.fate("stored") - stored, server.fate("rate_limit") - refused);
    println!(
        "one prefix that sends at full speed: {stored} hits stored, {refused} refused, at {:.2} of the normal load's hits/s",
        greedy / alone
    );
    println!("connections ended by the server: {}", server.ended());
}

/// The kind of slow request, the bytes sent at once, and the byte sent each second.
const SLOWNESS: [(&str, &str, &str); 3] = [
    ("first head", "POST /api/event HTTP/1.1\r\n", "x"),
    ("body", "POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n", " "),
    ("later head", "GET /healthz/live HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nx: ", "x"),
];

/// Opens connections that send `first` and then nothing more.
fn silent(server: &Serve, wanted: usize, kind: &str, first: impl Fn(&mut TcpStream)) {
    let empty = server.resident_mb();
    let connections: Vec<TcpStream> = (0..wanted)
        .map(|_| {
            let mut stream = server.connect();
            first(&mut stream);
            stream
        })
        .collect();
    let (full, open) = (server.resident_mb(), server.metric("footfall_connections"));
    let began = Instant::now();
    for mut stream in connections {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        while stream.read(&mut [0; 512]).unwrap() > 0 {}
    }
    println!(
        "{open} connections open, {kind}: {full:.0} MB resident ({empty:.0} without them; 10,000 would be {:.0}); gone after {:.1} s more",
        empty + (full - empty) * 10_000.0 / open,
        began.elapsed().as_secs_f64()
    );
}

/// A request that is not a hit.
const OTHER: &str = "GET /healthz/live HTTP/1.1\r\nhost: x\r\n\r\n";

fn hit() -> String {
    let body = r#"{"n":"pageview","d":"example.org","u":"https://example.org/"}"#;
    let head = "POST /api/event HTTP/1.1\r\nhost: x\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn ask(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).unwrap();
    assert!(stream.read(&mut [0; 512]).unwrap() > 12);
}

/// Sends a byte per second on each of many connections until all are ended; returns the seconds until then.
fn slow(server: &Serve, first: &str, then: &str) -> f64 {
    let start = Instant::now();
    let connect = |_| {
        let mut stream = server.connect();
        stream.write_all(first.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let mut open: Vec<TcpStream> = (0..SLOW).map(connect).collect();
    loop {
        open.retain_mut(|stream| stream.write(then.as_bytes()).is_ok());
        if open.is_empty() {
            return start.elapsed().as_secs_f64();
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Requests the script at full speed and never reads an answer, until all connections are ended; returns the seconds
/// until then.
fn not_reading(server: &Serve) -> f64 {
    let start = Instant::now();
    let requests = "GET /footfall.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(400);
    let mut open: Vec<TcpStream> = (0..NOT_READING).map(|_| server.connect()).collect();
    open.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    while !open.is_empty() {
        open.retain_mut(|stream| match stream.write(requests.as_bytes()) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    start.elapsed().as_secs_f64()
}

/// Runs both at the same time. Returns the hits per second of the normal load, and the seconds that the abuse lasted.
fn run_both(abuse: impl FnOnce() -> f64 + Send, normal: impl Fn() -> f64) -> (f64, f64) {
    std::thread::scope(|scope| {
        let abuse = scope.spawn(abuse);
        (normal(), abuse.join().unwrap())
    })
}

impl Serve {
    fn start(dir: &Path) -> Serve {
        let (port, metrics) = (free_port(), free_port());
        let config = format!(
            "listen = \"127.0.0.1:{port}\"\nmetrics_listen = \"127.0.0.1:{metrics}\"\ndata = \"data\"\n\
             trusted_proxies = [\"127.0.0.1/32\"]\n[limits]\nrequest_s_max = 3\nidle_s_max = 12\nconnections_max = 20_000\n\
             [[site]]\nid = 1\ndomain = \"example.org\"\n"
        );
        fs::write(dir.join("footfall.toml"), config).unwrap();
        let program = std::env::current_exe().unwrap().with_file_name("footfall");
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(dir.join("footfall.toml")).stdout(Stdio::piped());
        let mut child = command.spawn().expect("build it first: cargo build --release -p footfall");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("#token=")), "footfall serve did not start");
        Serve { child, port, metrics }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Runs wrk with a script; returns hits per second.
    fn load(&self, script: &Path, seconds: u32) -> f64 {
        let url = format!("http://127.0.0.1:{}/api/event", self.port);
        let output =
            Command::new("wrk").args(["-t1", "-c64", &format!("-d{seconds}s"), "-s"]).arg(script).arg(url).output();
        let text = String::from_utf8(output.expect("wrk is missing (Debian package wrk)").stdout).unwrap();
        assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "not every answer was 2xx: {text}");
        text.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok()).unwrap()
    }

    fn metrics_text(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap()
    }

    fn metric(&self, series: &str) -> f64 {
        let text = self.metrics_text();
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok()).unwrap()
    }

    fn fate(&self, fate: &str) -> f64 {
        self.metric(&format!("footfall_hits_total{{fate=\"{fate}\"}}"))
    }

    fn ended(&self) -> String {
        let text = self.metrics_text();
        let ended = text.lines().filter_map(|line| line.strip_prefix("footfall_connections_ended_total{reason="));
        ended.map(|line| line.replace(['"', '}'], "")).collect::<Vec<_>>().join(", ")
    }

    fn cpu(&self) -> f64 {
        cpu_seconds(self.child.id())
    }

    fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let kb = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kb.unwrap() / 1024.0
    }
}
