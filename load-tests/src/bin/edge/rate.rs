//! Latency of answers at a fixed rate of hits, next to the latency of the disk.

use std::path::Path;
use std::time::{Duration, Instant};

use load_tests::open_loop::{self, Answers};
use load_tests::stolen::{ProcessorTime, STOLEN_MAX};

use super::disk::DiskProbe;
use super::median;
use super::servers::TestServer;

/// Longest wait until the hits of earlier rounds are inserted.
const INSERT_MAX: Duration = Duration::from_secs(60);
/// Time for ClickHouse to merge their parts.
const MERGE: Duration = Duration::from_secs(5);
/// Length of the measurement of the disk without load.
const DISK_ALONE: Duration = Duration::from_secs(3);

/// Prints the latencies of answers at a fixed rate of hits, in rounds as for the other figures.
///
/// For comparison it prints two more latencies. Those of a bare handler, which waits for no disk and runs alone, are
/// the latencies of the machine. Those of the disk at the same time show the stalls that every program sees.
pub(super) fn print_at_rate(
    server: &TestServer,
    bare: &TestServer,
    rate: f64,
    rounds: usize,
    seconds: u32,
    dir: &Path,
) {
    let time = Duration::from_secs(seconds.into());
    let (mut p99s_ms, mut bars_ms, mut of_bare_ms) = (Vec::new(), Vec::new(), Vec::new());
    println!("at {rate:.0} hits per second, for {seconds} s each:");
    for _ in 0..3 * rounds {
        if p99s_ms.len() == rounds {
            break;
        }
        let disk = DiskProbe::start(dir);
        std::thread::sleep(DISK_ALONE);
        let (alone_ms, _) = disk.finish();
        let (ours, (disk_ms, stall_ms), sync_ms, stolen) = at_rate(server, rate, time, dir);
        let of_bare = send(bare, rate, time);
        let bar_ms = 2.0 * disk_ms + 2.0;
        println!(
            "{} answers, {} (bare handler: {}); fdatasync every 5 ms: p99 {alone_ms:.2} ms alone, {disk_ms:.2} ms in this \
             run, longest {stall_ms:.1} ms (twice the p99 plus 2 ms: {bar_ms:.1} ms); the server's own commits: p99 about \
             {sync_ms:.1} ms; {:.1}% of the processors were stolen",
            ours.latencies.len(),
            summary(&ours),
            summary(&of_bare),
            stolen * 100.0
        );
        if stolen <= STOLEN_MAX {
            p99s_ms.push(ours.latencies.quantile_ms(0.99));
            bars_ms.push(bar_ms);
            of_bare_ms.push(of_bare.latencies.quantile_ms(0.99));
        }
    }
    if p99s_ms.is_empty() {
        println!("too much of the processors was stolen in every round: no round is counted");
        return;
    }
    let within = p99s_ms.iter().zip(&bars_ms).filter(|(p99, bar)| p99 <= bar).count();
    let counted = p99s_ms.len();
    println!(
        "median of {counted} rounds: p99 {:.1} ms (bare handler {:.1} ms; twice the disk's plus 2 ms: {:.1} ms); within that in \
         {within}",
        median(p99s_ms),
        median(of_bare_ms),
        median(bars_ms)
    );
}

fn summary(Answers { latencies, read }: &Answers) -> String {
    let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| latencies.quantile_ms(share));
    format!(
        "p50 {p50:.1} ms, p99 {p99:.1} ms, longest {longest:.1} ms, p99 until read {:.1} ms",
        read.quantile_ms(0.99)
    )
}

/// Sends hits at a fixed rate.
fn send(server: &TestServer, per_second: f64, time: Duration) -> Answers {
    let port = server.url.rsplit(':').next().and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap();
    open_loop::run(port, &requests(), per_second, 256, time).unwrap()
}

/// Measures one round at a fixed rate of hits. Returns the answers, the latencies of the disk during the round, the
/// 99th percentile of the server's `fdatasync`, and the stolen share of the processors.
fn at_rate(server: &TestServer, per_second: f64, time: Duration, dir: &Path) -> (Answers, (f64, f64), f64, f64) {
    // A warm-up: the server parses each user agent only the first time.
    send(server, per_second, Duration::from_secs(2));
    wait_until_inserted(server);
    let (before, processors) = (sync_buckets(server), ProcessorTime::now());
    let disk = DiskProbe::start(dir);
    let latencies = send(server, per_second, time);
    let disk = disk.finish();
    let stolen = ProcessorTime::stolen_since(processors);
    let counts: Vec<(f64, f64)> =
        sync_buckets(server).iter().zip(&before).map(|(after, before)| (after.0, after.1 - before.1)).collect();
    (latencies, disk, quantile_ms(&counts, 0.99), stolen)
}

/// Page views of 2,000 user agents.
fn requests() -> Vec<Vec<u8>> {
    (0..2000)
        .map(|i| {
            let body = format!(
                r#"{{"n":"pageview","d":"example.org","u":"https://example.org/page/{}","r":"https://www.google.com/"}}"#,
                i % 300
            );
            format!(
                "POST /api/event HTTP/1.1\r\nHost: example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) \
                 Gecko/20100101 Firefox/{version}.0 v{}\r\nContent-Type: text/plain\r\nAccept-Language: fr-FR,fr;q=0.9\r\n\
                 X-Forwarded-For: 203.{}.{}.7\r\nContent-Length: {}\r\n\r\n{body}",
                i % 500,
                i % 200,
                i % 251,
                body.len(),
                version = 100 + i % 40
            )
            .into_bytes()
        })
        .collect()
}

/// The histogram of the server's `fdatasync`: upper bounds in seconds, and the count up to each.
fn sync_buckets(server: &TestServer) -> Vec<(f64, f64)> {
    let text = metrics(server);
    let lines = text.lines().filter_map(|line| line.strip_prefix("footfall_spool_fdatasync_seconds_bucket{le=\""));
    lines
        .filter_map(|line| line.split_once("\"} "))
        .map(|(bound, count)| (bound.parse().unwrap_or(f64::INFINITY), count.parse().unwrap()))
        .collect()
}

/// Waits until the hits of earlier rounds are inserted and merged, so that they do not disturb this round.
fn wait_until_inserted(server: &TestServer) {
    let start = Instant::now();
    loop {
        let text = metrics(server);
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let end = value("footfall_stream_end_position{shard=\"0\"}");
        if end == value("footfall_aggregate_inserted_position{shard=\"0\"}") || start.elapsed() > INSERT_MAX {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(MERGE);
}

fn metrics(server: &TestServer) -> String {
    let mut answer = ureq::get(format!("http://127.0.0.1:{}/metrics", server.metrics)).call().unwrap();
    answer.body_mut().read_to_string().unwrap()
}

/// Interpolates linearly within a bucket, like Prometheus' `histogram_quantile`.
fn quantile_ms(buckets: &[(f64, f64)], share: f64) -> f64 {
    let all = buckets.last().map_or(0.0, |bucket| bucket.1);
    let (mut low, mut under) = (0.0, 0.0);
    for &(bound, count) in buckets {
        if count >= all * share {
            return (low + (bound - low) * (all * share - under) / (count - under)) * 1e3;
        }
        (low, under) = (bound, count);
    }
    f64::NAN
}
