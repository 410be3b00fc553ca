//! What abuse costs those who behave: slow, silent, deaf and greedy clients against `footfall serve`, beside a usual load.
//!
//! ```text
//! cargo run --release -p load-tests --bin abuse -- [--seconds 4] [--connections 7000]
//! ```
//!
//! Each figure stands beside the usual load's own, taken in the same run: `wrk -t1 -c64`, page views of 2,000 prefixes.
//! Connections take a descriptor each in the server and one here: `ulimit -n` bounds them. Silent ones are fewer than three
//! quarters of what the server takes, as more would be ended early.
//! Needs wrk (Debian package wrk) and `target/release/footfall`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints figures, or says where it broke")]

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
    /// How long each run of the usual load is
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// How many connections are silent at once
    #[arg(long, default_value_t = 10_000)]
    connections: usize,
}

/// How many are slow at once.
const SLOW: usize = 2_000;
/// How many take no answers at once.
const DEAF: usize = 8;

/// `footfall serve` with short limits; killed when dropped.
struct Server {
    child: Child,
    port: u16,
    metrics: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn main() {
    let args = Args::parse();
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path());
    fs::write(dir.path().join("usual.lua"), script("POST", "(1 + i % 200) .. '.' .. (i % 251) .. '.0.9'")).unwrap();
    fs::write(dir.path().join("greedy.lua"), script("POST", "'203.0.113.9'")).unwrap();
    let load = |script: &str| server.load(&dir.path().join(script), args.seconds);
    load("usual.lua");

    silent(&server, args.connections, "never used", |_| {});
    silent(&server, args.connections, "each sent a hit", |stream| ask(stream, &hit()));
    silent(&server, args.connections, "each used once for something else, two thousand a second at most", |stream| {
        ask(stream, OTHER);
        std::thread::sleep(Duration::from_micros(500));
    });
    silent(
        &server,
        args.connections,
        "each used once for something else, all within the time in which none rests",
        |stream| {
            ask(stream, OTHER);
        },
    );

    for (kind, first, then) in SLOWNESS {
        let alone = load("usual.lua");
        let (beside, lasted) = beside(|| slow(&server, first, then), || load("usual.lua"));
        println!(
            "{SLOW} that send a {kind} a byte a second: gone after {lasted:.1} s; the usual load beside them {:.2} of its hits/s",
            beside / alone
        );
    }

    let alone = load("usual.lua");
    let before = server.cpu();
    let (beside, lasted) = beside(|| deaf(&server), || load("usual.lua"));
    println!(
        "{DEAF} that ask and take no answers: gone after {lasted:.1} s; the usual load beside them {:.2} of its hits/s, {:.0} s of CPU in all",
        beside / alone,
        server.cpu() - before
    );

    let (stored, refused) = (server.fate("stored"), server.fate("rate_limit"));
    let greedy = load("greedy.lua");
    let (stored, refused) = (server.fate("stored") - stored, server.fate("rate_limit") - refused);
    println!(
        "one prefix that sends all it can: {stored} hits stored, {refused} refused, at {:.2} of the usual load's hits/s",
        greedy / alone
    );
    println!("ended by us: {}", server.ended());
}

/// What is sent at once, and what again and again.
const SLOWNESS: [(&str, &str, &str); 3] = [
    ("first head", "POST /api/event HTTP/1.1\r\n", "x"),
    ("body", "POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n", " "),
    ("later head", "GET /healthz/live HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nx: ", "x"),
];

/// Connections that say nothing, or nothing more.
fn silent(server: &Server, wanted: usize, kind: &str, first: impl Fn(&mut TcpStream)) {
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

/// Not a hit.
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

/// Sends a byte a second on each of many connections until all are ended; how long that was.
fn slow(server: &Server, first: &str, then: &str) -> f64 {
    let began = Instant::now();
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
            return began.elapsed().as_secs_f64();
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Asks for the script as fast as it can and never reads, on a few connections, until all are ended.
fn deaf(server: &Server) -> f64 {
    let began = Instant::now();
    let asked = "GET /footfall.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(400);
    let mut open: Vec<TcpStream> = (0..DEAF).map(|_| server.connect()).collect();
    open.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    while !open.is_empty() {
        open.retain_mut(|stream| match stream.write(asked.as_bytes()) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        });
        std::thread::sleep(Duration::from_millis(1));
    }
    began.elapsed().as_secs_f64()
}

/// Both at the same time: what the usual load reached, and how long the abuse lasted.
fn beside(abuse: impl FnOnce() -> f64 + Send, usual: impl Fn() -> f64) -> (f64, f64) {
    std::thread::scope(|scope| {
        let abuse = scope.spawn(abuse);
        (usual(), abuse.join().unwrap())
    })
}

impl Server {
    fn start(dir: &Path) -> Server {
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
        Server { child, port, metrics }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Hits per second under the load of a script.
    fn load(&self, script: &Path, seconds: u32) -> f64 {
        let url = format!("http://127.0.0.1:{}/api/event", self.port);
        let output =
            Command::new("wrk").args(["-t1", "-c64", &format!("-d{seconds}s"), "-s"]).arg(script).arg(url).output();
        let text = String::from_utf8(output.expect("wrk is missing (Debian package wrk)").stdout).unwrap();
        assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "not every answer was 2xx: {text}");
        text.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok()).unwrap()
    }

    fn scraped(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap()
    }

    fn metric(&self, series: &str) -> f64 {
        let text = self.scraped();
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok()).unwrap()
    }

    fn fate(&self, fate: &str) -> f64 {
        self.metric(&format!("footfall_hits_total{{fate=\"{fate}\"}}"))
    }

    fn ended(&self) -> String {
        let text = self.scraped();
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
