//! How long answers take when hits come at a fixed rate, beside how long the disk takes.

use std::path::Path;
use std::time::{Duration, Instant};

use load_tests::open_loop::{self, Answers};
use load_tests::stolen::{Processors, STOLEN_MAX};

use super::disk::Disk;
use super::median;
use super::servers::Server;

/// Longest wait for what is under way to be counted, and how long merging it is given.
const COUNTED_MAX: Duration = Duration::from_secs(60);
const MERGED: Duration = Duration::from_secs(5);
/// How long the disk is asked alone.
const ALONE: Duration = Duration::from_secs(3);

/// Prints how long answers take when hits come at a fixed rate, in rounds as for the other figures; and how long those of
/// a bare handler, which waits for no disk and has nothing beside it: what is left is the machine's. Beside it, what the
/// disk makes others wait at the same time: a stall of the disk is everybody's.
pub(super) fn say_at_rate(server: &Server, bare: &Server, rate: f64, rounds: usize, seconds: u32, dir: &Path) {
    let time = Duration::from_secs(seconds.into());
    let (mut p99s_ms, mut bars_ms, mut of_bare_ms) = (Vec::new(), Vec::new(), Vec::new());
    println!("at {rate:.0} hits per second, for {seconds} s each:");
    for _ in 0..3 * rounds {
        if p99s_ms.len() == rounds {
            break;
        }
        let disk = Disk::ask(dir);
        std::thread::sleep(ALONE);
        let (alone_ms, _) = disk.said();
        let (ours, (disk_ms, stall_ms), sync_ms, stolen) = at_rate(server, rate, time, dir);
        let of_bare = sent(bare, rate, time);
        let bar_ms = 2.0 * disk_ms + 2.0;
        println!(
            "{} answers, {} (bare handler: {}); fdatasync every 5 ms: p99 {alone_ms:.2} ms alone, {disk_ms:.2} ms in this \
             run, longest {stall_ms:.1} ms (twice the p99 plus 2 ms: {bar_ms:.1} ms); the server's own commits: p99 about \
             {sync_ms:.1} ms; others took {:.1}% of the processors",
            ours.latencies.len(),
            in_words(&ours),
            in_words(&of_bare),
            stolen * 100.0
        );
        if stolen <= STOLEN_MAX {
            p99s_ms.push(ours.latencies.quantile_ms(0.99));
            bars_ms.push(bar_ms);
            of_bare_ms.push(of_bare.latencies.quantile_ms(0.99));
        }
    }
    if p99s_ms.is_empty() {
        println!("others take too much of this machine: no round can be counted");
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

fn in_words(Answers { latencies, read }: &Answers) -> String {
    let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| latencies.quantile_ms(share));
    format!(
        "p50 {p50:.1} ms, p99 {p99:.1} ms, longest {longest:.1} ms, p99 until read {:.1} ms",
        read.quantile_ms(0.99)
    )
}

/// Sends hits at a fixed rate. What a server does once is not asked for: it reads each user agent when it sees it first.
fn sent(server: &Server, per_second: f64, time: Duration) -> Answers {
    let port = server.url.rsplit(':').next().and_then(|rest| rest.split('/').next()?.parse().ok()).unwrap();
    open_loop::run(port, &requests(), per_second, 256, time).unwrap()
}

/// How long answers take when hits come at a fixed rate, and meanwhile: what the disk makes others wait, the 99th
/// percentile of the server's `fdatasync`, and what other machines took.
fn at_rate(server: &Server, per_second: f64, time: Duration, dir: &Path) -> (Answers, (f64, f64), f64, f64) {
    sent(server, per_second, Duration::from_secs(2));
    wait_until_counted(server);
    let (before, processors) = (sync_buckets(server), Processors::now());
    let disk = Disk::ask(dir);
    let latencies = sent(server, per_second, time);
    let disk = disk.said();
    let stolen = Processors::stolen_since(processors);
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

/// Upper bounds in seconds and how many there were up to each.
fn sync_buckets(server: &Server) -> Vec<(f64, f64)> {
    let text = metrics(server);
    let lines = text.lines().filter_map(|line| line.strip_prefix("footfall_spool_fdatasync_seconds_bucket{le=\""));
    lines
        .filter_map(|line| line.split_once("\"} "))
        .map(|(bound, count)| (bound.parse().unwrap_or(f64::INFINITY), count.parse().unwrap()))
        .collect()
}

/// Until the hits of the rounds before are counted and their parts are merged: they are not what is asked about.
fn wait_until_counted(server: &Server) {
    let began = Instant::now();
    loop {
        let text = metrics(server);
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let end = value("footfall_stream_end_position{shard=\"0\"}");
        if end == value("footfall_aggregate_inserted_position{shard=\"0\"}") || began.elapsed() > COUNTED_MAX {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    std::thread::sleep(MERGED);
}

fn metrics(server: &Server) -> String {
    let mut answer = ureq::get(format!("http://127.0.0.1:{}/metrics", server.metrics)).call().unwrap();
    answer.body_mut().read_to_string().unwrap()
}

/// As Prometheus' `histogram_quantile` does it: evenly within a bucket.
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
