//! The collector compared with nginx's `empty_gif` and with a bare actix handler that reads the same body, in one run.
//!
//! ```text
//! cargo run --release -p load-tests --bin edge -- [--rounds 7] [--seconds 4] [--many] [--rate 28000]
//! ```
//!
//! With `--many`, `footfall ingest` with a real Kafka broker is a fourth server: is its HTTP path as fast as that of
//! `serve`? The work for the statistics, or for the broker, runs on the same cores.
//!
//! Each round runs the servers in turn under `wrk -t1 -c512`. The program prints the medians of the rounds' ratios,
//! because the machine changes speed between rounds:
//!
//! * Hits per second: ours / nginx. Our server answers after `fdatasync`. nginx is also measured with the headers of a
//!   hit, because wrk shares the cores and its own work is then the same for both.
//! * CPU per hit: ours / bare actix, with and without the `aggregate` thread, the `ship` thread and the threads of the
//!   Kafka client, which do not belong to the collector.
//!
//! If more than 2 % of the processors were stolen in a round, the round is shown but not counted, and another one is
//! run. The number of rounds is at most three times the requested one.
//!
//! At the end an open-loop client sends hits at half the reached rate. The program prints the latencies of the answers,
//! those of the bare handler, and those of an `fdatasync` of another file (alone and during that run).
//! Needs nginx and wrk (Debian packages nginx-light and wrk) and `target/release/footfall`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "it prints figures, or the line of a failure")]

mod disk;
mod rate;
mod servers;

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Parser;
use load_tests::stolen::{ProcessorTime, STOLEN_MAX};
use load_tests::wrk::script;

use rate::print_at_rate;
use servers::{TestServer, bare_actix, footfall, many, nginx, run_bare};

#[derive(Parser)]
struct Args {
    /// Number of counted rounds
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Length of each run
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Also run `footfall ingest` with a Kafka broker
    #[arg(long)]
    many: bool,
    /// Only run the open-loop client, at this rate
    #[arg(long)]
    rate: Option<f64>,
    /// Run the bare handler on this port
    #[arg(long, hide = true)]
    bare: Option<u16>,
}

/// The figures of one run.
#[derive(Clone, Copy)]
struct Run {
    per_second: f64,
    /// CPU of the process and its workers, microseconds per request.
    cpu_us: f64,
    /// The same without the threads that do not belong to the HTTP path.
    cpu_us_edge: f64,
}

fn main() {
    let args = Args::parse();
    if let Some(port) = args.bare {
        return run_bare(port);
    }
    let dir = std::env::temp_dir().join(format!("footfall-edge-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    for (file, method) in [("post.lua", "POST"), ("get.lua", "GET")] {
        fs::write(dir.join(file), script(method, ADDRESS)).unwrap();
    }
    if let Some(rate) = args.rate {
        print_at_rate(&footfall(&dir), &bare_actix(), rate, args.rounds, args.seconds, &dir);
        return fs::remove_dir_all(&dir).unwrap();
    }
    let (mut to_nginx, mut to_same, mut to_bare, mut to_bare_all) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut reached = Vec::new();
    println!(
        "round  nginx/s  with headers  bare/s  footfall/s | CPU us: nginx  bare  collector  +aggregate | hits/nginx  CPU/bare  \
         stolen"
    );
    let servers = [nginx(&dir), bare_actix(), footfall(&dir)];
    let many = args.many.then(|| many(&dir));
    let mut to_serve = Vec::new();
    let mut disturbed = 0;
    for round in 1..=3 * args.rounds {
        if to_nginx.len() == args.rounds {
            break;
        }
        let before = ProcessorTime::now();
        let [nginx, bare, ours] = [0, 1, 2].map(|n| load(&servers[n], servers[n].script, args.seconds, &dir));
        let same = load(&servers[0], Some("get.lua"), args.seconds, &dir);
        let (hits, cpu) = (ours.per_second / nginx.per_second, ours.cpu_us_edge / bare.cpu_us);
        let stolen = ProcessorTime::stolen_since(before);
        println!(
            "{round:5} {:8.0} {:13.0} {:7.0} {:11.0} | {:13.1} {:5.1} {:10.1} {:11.1} | {hits:10.2} {cpu:9.2} {:6.1}%",
            nginx.per_second,
            same.per_second,
            bare.per_second,
            ours.per_second,
            nginx.cpu_us,
            bare.cpu_us,
            ours.cpu_us_edge,
            ours.cpu_us,
            stolen * 100.0
        );
        if stolen > STOLEN_MAX {
            disturbed += 1;
            continue;
        }
        to_nginx.push(hits);
        to_same.push(ours.per_second / same.per_second);
        reached.push(ours.per_second);
        to_bare.push(cpu);
        to_bare_all.push(ours.cpu_us / bare.cpu_us);
        if let Some((server, _broker)) = &many {
            let ingest = load(server, server.script, args.seconds, &dir);
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
    assert!(!to_nginx.is_empty(), "others take too much of this machine: no round can be counted");
    let counted = to_nginx.len();
    print_at_rate(&servers[2], &servers[1], median(reached) / 2.0, args.rounds, args.seconds, &dir);
    drop((servers, many));
    fs::remove_dir_all(&dir).unwrap();
    println!(
        "median of {counted} rounds ({disturbed} more not counted): hits per second {:.2} of nginx empty_gif ({:.2} of it \
         asked with the same headers); CPU per hit {:.2} of bare actix ({:.2} with the aggregator's thread)",
        median(to_nginx),
        median(to_same),
        median(to_bare),
        median(to_bare_all)
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The client addresses in `X-Forwarded-For`: addresses of the networks that `servers` puts into the geo file.
const ADDRESS: &str = r#""203." .. (i % 200) .. "." .. (i % 251) .. ".7""#;

fn load(server: &TestServer, script: Option<&str>, seconds: u32, dir: &Path) -> Run {
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c512", &format!("-d{seconds}s")]);
    if let Some(script) = script {
        wrk.arg("-s").arg(dir.join(script));
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

/// CPU seconds of a process and its workers (not of the engine): of all threads, and of the threads of the HTTP path.
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
