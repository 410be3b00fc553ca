//! The collector against nginx's `empty_gif` and against a bare actix handler that reads the same body, in one run.
//!
//! ```text
//! cargo run --release -p load-tests --bin edge -- [--rounds 7] [--seconds 4] [--many] [--rate 28000]
//! ```
//!
//! With `--many`, `footfall ingest` in front of a real Kafka broker is a fourth: is its HTTP path as fast as `serve`'s? Both
//! have their statistics' or their broker's work beside them on the same cores.
//!
//! Each round runs them in turn under `wrk -t1 -c512`; the medians of the rounds' ratios are printed, because the
//! machine changes speed between rounds. Hits per second: ours / nginx. CPU per hit: ours / bare actix, without the
//! `aggregate` thread (that is the statistics' work, not the collector's; `ship` and the Kafka client's likewise) and with
//! it. A round in which others took more than a fiftieth of a virtual machine's processors is shown and not counted, and
//! another is run in its place, up to three times as many as were asked for. Ours answers after `fdatasync`. nginx is also
//! asked with the headers of a hit: wrk's own work is then the same for both, and it shares the cores.
//!
//! At the end hits come at half the rate that was reached, each at its time: how long answers take then, beside how long
//! the bare handler's do, and an `fdatasync` of another file, alone and in that run.
//! Needs nginx and wrk (Debian packages nginx-light and wrk) and `target/release/footfall`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints figures, or says where it broke")]

mod disk;
mod rate;
mod servers;

use std::fs;
use std::path::Path;
use std::process::Command;

use clap::Parser;
use load_tests::stolen::{Processors, STOLEN_MAX};
use load_tests::wrk::script;

use rate::say_at_rate;
use servers::{Server, bare, bare_actix, footfall, many, nginx};

#[derive(Parser)]
struct Args {
    /// How many rounds are counted
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// How long each run is
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// Run `footfall ingest` with a Kafka broker too
    #[arg(long)]
    many: bool,
    /// Only send hits at this rate
    #[arg(long)]
    rate: Option<f64>,
    /// Be the bare handler, on this port
    #[arg(long, hide = true)]
    bare: Option<u16>,
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
    for (file, method) in [("post.lua", "POST"), ("get.lua", "GET")] {
        fs::write(dir.join(file), script(method, ADDRESS)).unwrap();
    }
    if let Some(rate) = args.rate {
        say_at_rate(&footfall(&dir), &bare_actix(), rate, args.rounds, args.seconds, &dir);
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
        let before = Processors::now();
        let [nginx, bare, ours] = [0, 1, 2].map(|n| load(&servers[n], servers[n].script, args.seconds, &dir));
        let same = load(&servers[0], Some("get.lua"), args.seconds, &dir);
        let (hits, cpu) = (ours.per_second / nginx.per_second, ours.cpu_us_edge / bare.cpu_us);
        let stolen = Processors::stolen_since(before);
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
    say_at_rate(&servers[2], &servers[1], median(reached) / 2.0, args.rounds, args.seconds, &dir);
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

/// As a proxy tells of them: of the countries that `servers` makes up.
const ADDRESS: &str = r#""203." .. (i % 200) .. "." .. (i % 251) .. ".7""#;

fn load(server: &Server, script: Option<&str>, seconds: u32, dir: &Path) -> Run {
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
