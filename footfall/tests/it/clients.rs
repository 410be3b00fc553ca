//! Clients that send hits one after the other, each with its own page, and record which were answered as stored.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

/// One in this number of hits comes from a crawler: it is answered and refused.
pub(crate) const CRAWLER_EVERY: u64 = 97;

/// The state that all clients of a test share.
pub(crate) struct Answers {
    /// Hits to send.
    pub(crate) hits: u64,
    /// Number of visitors, who take turns.
    pub(crate) visitors: u64,
    /// The end of each page's path.
    pub(crate) suffix: String,
    /// How many hits may be sent by now. The clients wait before they send more.
    pub(crate) allowed: AtomicU64,
    /// The number of the next hit.
    pub(crate) next: AtomicU64,
    /// The numbers of the hits that were answered as stored.
    pub(crate) counted: Mutex<Vec<u64>>,
    /// How many hits were answered as refused.
    pub(crate) refused: AtomicU64,
    /// How many hits were answered 503.
    pub(crate) failed: AtomicU64,
}

impl Answers {
    pub(crate) fn new(hits: u64, visitors: u64) -> Answers {
        let (next, refused, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let allowed = AtomicU64::new(hits);
        Answers { hits, visitors, suffix: String::new(), allowed, next, counted: Mutex::default(), refused, failed }
    }

    /// The page of hit `n`.
    pub(crate) fn page(&self, n: u64) -> String {
        format!("/page/{n}{}", self.suffix)
    }

    fn note(&self, counted: Vec<u64>) {
        self.counted.lock().extend(counted);
    }
}

/// Runs one client: it sends a hit, reads the answer, and sends the next. If a connection breaks, it opens another.
pub(crate) fn send_hits(address: &str, answers: &Answers, over: &AtomicBool) {
    let mut stream: Option<TcpStream> = None;
    let mut mine = Vec::new();
    let mut answer = Vec::new();
    while !over.load(Ordering::Acquire) {
        let n = answers.next.fetch_add(1, Ordering::Relaxed);
        if n >= answers.hits {
            break;
        }
        while n >= answers.allowed.load(Ordering::Acquire) && !over.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let crawler = n.is_multiple_of(CRAWLER_EVERY);
        let request = request(&answers.page(n), n % answers.visitors, crawler);
        // A connection is refused only during a restart. The client waits and sends the same hit, which was never sent.
        let connected = loop {
            match stream.take().map_or_else(|| connect(address), Some) {
                Some(connected) => break connected,
                None if over.load(Ordering::Acquire) => return answers.note(mine),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream = exchange(connected, &request, &mut answer);
        if stream.is_some() && answer.starts_with(b"HTTP/1.1 503") {
            answers.failed.fetch_add(1, Ordering::Relaxed);
        }
        if stream.is_some() && answer.starts_with(b"HTTP/1.1 202") {
            let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
            match text.contains("x-footfall-dropped: bot") {
                true => drop(answers.refused.fetch_add(1, Ordering::Relaxed)),
                false => mine.push(n),
            }
        }
    }
    answers.note(mine);
}

fn connect(address: &str) -> Option<TcpStream> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    Some(stream)
}

fn request(page: &str, visitor: u64, crawler: bool) -> String {
    let body = format!("{{\"n\":\"pageview\",\"d\":\"example.org\",\"u\":\"https://example.org{page}\"}}");
    let agent = match crawler {
        true => "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)".to_owned(),
        false => format!("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0 v{visitor}"),
    };
    format!(
        "POST /api/event HTTP/1.1\r\nHost: example.org\r\nUser-Agent: {agent}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends a request and reads a whole answer. `None` if the connection broke first.
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
