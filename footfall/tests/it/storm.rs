//! The storm: hits with pages all distinct, while `footfall serve` and its engine are killed with -9 at random moments.
//!
//! In the end every answered page has exactly one view: a 0 is a loss, a 2 a double count, and each names its hit.
//! Hits that got no answer may count or not. Random: the moments and whom the kill meets; the seed is printed.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::footfall::{Footfall, noon_zone};
use crate::shard::Dice;

const HITS: u64 = 200_000;
const VISITORS: u64 = 500;
const CONNECTIONS: usize = 64;
const KILLS: u32 = 20;
/// One in so many hits is a crawler's: answered, and refused.
const CRAWLER_EVERY: u64 = 97;

#[derive(Default)]
struct Answers {
    counted: Mutex<Vec<u64>>,
    refused: AtomicU64,
    next: AtomicU64,
}

#[test]
fn every_answered_hit_counts_once_through_twenty_kills() {
    let seed = schema::clock::now_s().unsigned_abs() ^ u64::from(std::process::id()) << 32;
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut footfall = Footfall::start(&format!("time_zone = \"{}\"", noon_zone()));
    let (answers, over) = (Answers::default(), AtomicBool::new(false));
    let address = footfall.address();
    let mut kills = 0;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| send_hits(&address, &answers, &over))).collect();
        // The kills are spread over the hits, whatever the speed of the machine.
        while kills < KILLS && answers.next.load(Ordering::Relaxed) < HITS {
            let share = HITS / u64::from(KILLS + 1);
            let at = u64::from(kills) * share + dice.below(share);
            if answers.next.load(Ordering::Relaxed) < at {
                std::thread::sleep(Duration::from_millis(1 + dice.below(5)));
                continue;
            }
            kills += 1;
            if dice.below(2) == 0 {
                footfall.kill();
                footfall.run();
            } else {
                footfall.kill_engine();
            }
        }
        clients.into_iter().for_each(|client| client.join().unwrap());
        over.store(true, Ordering::Release);
    });
    footfall.wait_until_quiet();

    let counted = answers.counted.lock().unwrap();
    let (views, fates, visitors) = look(&footfall);
    let wrong: Vec<_> = views.iter().filter(|(_, n)| **n != 1).take(5).collect();
    assert!(wrong.is_empty(), "counted more than once: {wrong:?}");
    let lost: Vec<_> = counted.iter().filter(|n| !views.contains_key(&format!("/page/{n}"))).take(5).collect();
    assert!(lost.is_empty(), "answered and lost: {lost:?} of {}", counted.len());
    let refused = answers.refused.load(Ordering::Relaxed);
    println!(
        "{kills} kills; {} hits sent, {} answered as stored, {} stored, {refused} answered as refused, {fates} refusals kept, {visitors} visitors",
        HITS,
        counted.len(),
        views.len()
    );
    assert!(kills >= KILLS && (counted.len() as u64 + refused) > HITS / 2, "a storm needs traffic");
    // A kill may lose the last second of refusals, never invent one.
    assert!(fates <= HITS / CRAWLER_EVERY, "{fates} refusals of {}", HITS / CRAWLER_EVERY);
    assert_eq!(visitors, VISITORS, "the salt survives a restart, so each visitor is one");
    footfall.stop();
}

/// Page -> views, refusals, visitors: by SQL, beside the crowd.
fn look(footfall: &Footfall) -> (HashMap<String, i64>, u64, u64) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let client = footfall.clickhouse();
        let of = "generation = (SELECT max(generation) FROM shards WHERE shard = 0)";
        let views =
            format!("SELECT page, sum(pageviews) FROM live_pages WHERE {of} GROUP BY page HAVING sum(pageviews) != 0");
        let views = client.query(&views).fetch_all::<(String, i64)>().await.unwrap();
        let fates: i64 =
            client.query(&format!("SELECT sum(hits) FROM live_fates WHERE {of}")).fetch_one().await.unwrap();
        let visitors: i64 =
            client.query(&format!("SELECT sum(visitors) FROM live_visits WHERE {of}")).fetch_one().await.unwrap();
        (views.into_iter().collect(), fates.unsigned_abs(), visitors.unsigned_abs())
    })
}

/// One client: a hit, its answer, the next; a new connection whenever one breaks.
fn send_hits(address: &str, answers: &Answers, over: &AtomicBool) {
    let mut stream: Option<TcpStream> = None;
    let mut mine = Vec::new();
    let mut answer = Vec::new();
    while !over.load(Ordering::Acquire) {
        let n = answers.next.fetch_add(1, Ordering::Relaxed);
        if n >= HITS {
            break;
        }
        let crawler = n.is_multiple_of(CRAWLER_EVERY);
        let request = request(n, crawler);
        // Refused connections are those of a restart: wait for it, and send the same hit, which was never sent.
        let connected = loop {
            match stream.take().map_or_else(|| connect(address), Some) {
                Some(connected) => break connected,
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream = exchange(connected, &request, &mut answer);
        if stream.is_some() && answer.starts_with(b"HTTP/1.1 202") {
            let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
            match text.contains("x-footfall-dropped: bot") {
                true => drop(answers.refused.fetch_add(1, Ordering::Relaxed)),
                false => mine.push(n),
            }
        }
    }
    answers.counted.lock().unwrap().extend(mine);
}

fn connect(address: &str) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    Some(stream)
}

fn request(n: u64, crawler: bool) -> String {
    let body = format!("{{\"n\":\"pageview\",\"d\":\"example.org\",\"u\":\"https://example.org/page/{n}\"}}");
    let agent = match crawler {
        true => "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".to_owned(),
        false => format!("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0 v{}", n % VISITORS),
    };
    format!(
        "POST /api/event HTTP/1.1\r\nHost: example.org\r\nUser-Agent: {agent}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request and reads a whole answer; `None` if the connection broke first.
fn exchange(mut stream: TcpStream, request: &str, answer: &mut Vec<u8>) -> Option<TcpStream> {
    stream.write_all(request.as_bytes()).ok()?;
    answer.clear();
    let mut part = [0; 2048];
    loop {
        let read = stream.read(&mut part).ok().filter(|&read| read > 0)?;
        answer.extend_from_slice(&part[..read]);
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&answer[..head]).to_ascii_lowercase();
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap_or(0));
        if answer.len() >= head + 4 + length {
            return Some(stream);
        }
    }
}
