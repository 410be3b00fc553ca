//! The handover between our reader and actix, over real sockets: it changes neither an answer nor a count.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use schema::fate::Fault;

use crate::http::Script;
use crate::http::tests::server::{Server, ok, request, until_closed};
use crate::http::tests::{FIREFOX, pageview};
use crate::testing::Rig;

/// Answers without their date, with sorted headers: actix's map has another order each time.
pub(super) fn without_date(answers: &str) -> String {
    let mut lines: Vec<&str> = answers.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    lines.split_mut(|line| line.is_empty()).for_each(<[_]>::sort_unstable);
    lines.join("\r\n")
}

#[test]
fn plain_hits_are_answered_as_actix_would() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let mut fates = Vec::new();
    let too_long = format!(r#"{{"n":"pageview","d":"example.org","u":"https://example.org/{}"}}"#, "x".repeat(3_000));
    for (body, more) in [
        (pageview("/"), ""),
        (too_long, ""),
        // The answer before closed its connection; this one must not.
        (pageview("/"), ""),
        (pageview("/"), "dnt: 1\r\n"),
        (pageview("/"), "sec-purpose: prefetch\r\n"),
        (pageview("/").replace("example.org", "unknown.example"), ""),
        ("{".to_owned(), ""),
    ] {
        let before = rig.plain_hits();
        let plain = server.exchange_and_shutdown(request(&body, more).as_bytes());
        assert_eq!(rig.plain_hits(), before + 1, "{more}");
        let other = server.exchange_and_shutdown(request(&body, &format!("{more}te: trailers\r\n")).as_bytes());
        assert_eq!(rig.plain_hits(), before + 1, "{more}");
        assert_eq!(without_date(&plain), without_date(&other));
        assert!(plain.contains("\r\ndate: "), "{plain}");
        fates.push(plain.split("\r\n").next().unwrap().to_owned());
    }
    server.stop();
    let statuses: Vec<_> = fates.iter().map(|line| &line["HTTP/1.1 ".len()..][..3]).collect();
    assert_eq!(statuses, ["202", "413", "202", "202", "202", "202", "400"]);
}

#[test]
fn a_hit_that_cannot_be_stored_is_answered_503() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    assert!(server.exchange_and_shutdown(request(&pageview("/"), "").as_bytes()).starts_with("HTTP/1.1 202 "));
    rig.edge.collector.appender.stop();
    let plain = server.exchange_and_shutdown(request(&pageview("/"), "").as_bytes());
    let other = server.exchange_and_shutdown(request(&pageview("/"), "te: trailers\r\n").as_bytes());
    server.stop();
    assert_eq!((without_date(&plain), rig.plain_hits()), (without_date(&other), 2));
    assert!(plain.starts_with("HTTP/1.1 503 ") && plain.contains("retry-after"), "{plain}");
    assert_eq!(rig.fate(Fault::SpoolBroken.label()), 2);
}

#[test]
fn a_connection_is_handed_over_between_any_two_requests() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let mut stream = server.connect();
    let hit = request(&pageview("/"), "");
    let pixel = format!("GET /f.gif?d=example.org&p=/ HTTP/1.1\r\nhost: x\r\nuser-agent: {FIREFOX}\r\n\r\n");
    let (mut plain, mut hits) = (0, 0);
    let mut took = |stream: &mut std::net::TcpStream, bytes: &str, plainly: u64| {
        stream.write_all(bytes.as_bytes()).unwrap();
        ok(stream);
        (plain, hits) = (plain + plainly, hits + 1);
        assert_eq!((rig.plain_hits(), rig.fate("stored")), (plain, hits));
    };
    for _ in 0..50 {
        took(&mut stream, &hit, 1);
        took(&mut stream, &hit, 1);
        took(&mut stream, &request(&pageview("/"), "te: trailers\r\n"), 0);
        took(&mut stream, &hit, 1);
    }
    // A hit in two pieces, cut anywhere, is read by actix; the next one is plain again.
    for cut in (1..hit.len()).step_by(7) {
        stream.write_all(&hit.as_bytes()[..cut]).unwrap();
        std::thread::sleep(Duration::from_millis(3));
        stream.write_all(&hit.as_bytes()[cut..]).unwrap();
        ok(&mut stream);
        stream.write_all(hit.as_bytes()).unwrap();
        ok(&mut stream);
    }
    // The answer of a picture does not end like that of a hit, so it is read in another way.
    stream.write_all(pixel.as_bytes()).unwrap();
    let mut picture = vec![0; 43];
    while !picture.ends_with(crate::http::answer::GIF) {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
        picture.push(byte[0]);
    }
    let before = rig.plain_hits();
    stream.write_all(hit.as_bytes()).unwrap();
    ok(&mut stream);
    assert_eq!(rig.plain_hits(), before + 1);
    // After two requests at once, or one in chunks, only actix can tell where the next begins; all are answered.
    stream.write_all(hit.repeat(2).as_bytes()).unwrap();
    ok(&mut stream);
    ok(&mut stream);
    let chunks = hit.replace("content-length: ", "transfer-encoding: chunked\r\nx: ");
    let (head, body) = chunks.split_once("\r\n\r\n").unwrap();
    let chunks = format!("{head}\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for bytes in [&chunks, &hit] {
        stream.write_all(bytes.as_bytes()).unwrap();
        ok(&mut stream);
    }
    assert_eq!(rig.plain_hits(), before + 1);
    drop(stream);
    server.stop();
    assert_eq!(rig.fate("stored"), rig.received());
}

/// Actix reuses the heads of answers, with the version of the last one: see `answer::reset_version`.
#[test]
fn an_answer_in_http_1_0_does_not_close_another_connection() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let old = |server: &Server| {
        assert!(server.exchange_and_shutdown(b"GET /healthz/live HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200"))
    };
    let mut stream = server.connect();
    old(&server);
    stream.write_all(request("{", "").as_bytes()).unwrap();
    let mut refused = Vec::new();
    while !refused.ends_with(b"not JSON") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
        refused.push(byte[0]);
    }
    stream.write_all(request(&pageview("/"), "").as_bytes()).unwrap();
    assert!(ok(&mut stream).starts_with("HTTP/1.1 202"));
    // The connection can still be handed over to our reader.
    let before = rig.plain_hits();
    old(&server);
    for more in ["te: trailers\r\n", ""] {
        stream.write_all(request(&pageview("/"), more).as_bytes()).unwrap();
        assert!(ok(&mut stream).starts_with("HTTP/1.1 202"));
    }
    assert_eq!(rig.plain_hits(), before + 1);
    drop(stream);
    server.stop();
}

/// See `ClientStream::new`, which turns off Nagle's algorithm.
#[test]
fn no_answer_waits_until_the_one_before_is_acknowledged() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let hits = request(&pageview("/"), "").repeat(3);
    for _ in 0..50 {
        let mut stream = server.connect();
        // Bytes that are not HTTP end the connection, and the bytes behind them are never read.
        stream.write_all(format!("{hits}NONSENSE\r\n\r\n").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        let _it_may_be_closed = stream.write_all(b"more");
        assert_eq!(until_closed(&mut stream).matches("HTTP/1.1 202").count(), 3);
    }
    server.stop();
}

/// If a body were taken for a request, a client behind a trusted proxy could forge the proxy's header in it.
#[test]
fn a_body_that_looks_like_a_hit_is_not_taken_for_one() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let hit = request(&pageview("/smuggled"), "");
    let sized = format!("content-length: {}\r\n", hit.len());
    let odd = "GET /healthz/live HTTP/1.1\nhost: x\n\n";
    for (head, statuses) in [
        (format!("GET /f.gif HTTP/1.1\r\nhost: x\r\n{sized}"), &["400"][..]),
        (format!("GET /healthz/live HTTP/1.1\r\nhost: x\r\n{sized}"), &["200"]),
        (format!("POST /nowhere HTTP/1.1\r\nhost: x\r\n{sized}"), &["404"]),
        (format!("PUT /api/event HTTP/1.1\r\nhost: x\r\n{sized}"), &["405"]),
        ("GET /f.gif HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n".to_owned(), &["400"]),
        (format!("POST /api/event HTTP/1.1\r\nhost: x\r\n{sized}"), &["400"]),
        (format!("POST /api/send HTTP/1.1\r\nhost: x\r\n{sized}"), &["400"]),
        // Two requests at once; the lines of the first head end without CR.
        (format!("{odd}POST /api/event HTTP/1.1\r\nhost: x\r\n{sized}"), &["200", "400"]),
        (format!("{odd}POST /nowhere HTTP/1.1\r\nhost: x\r\n{sized}"), &["200", "404"]),
        (format!("{odd}GET /healthz/live HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"), &["200", "200"]),
    ] {
        let mut stream = server.connect();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // The body then arrives in a read of its own, after the answer if there is one without a body.
        std::thread::sleep(Duration::from_millis(30));
        let _it_may_be_closed = stream.write_all(hit.as_bytes());
        let _it_may_be_closed = stream.shutdown(Shutdown::Write);
        let answers = until_closed(&mut stream);
        let got: Vec<&str> = answers.split("HTTP/1.1 ").filter_map(|answer| answer.split(' ').next()).collect();
        assert_eq!(got[1..], *statuses, "{head}{answers}");
    }
    server.stop();
    assert_eq!((rig.fate("stored"), rig.plain_hits()), (0, 0));
}

/// The lengths of a body and of a head that has begun happen to add up to the bytes received.
#[test]
fn a_part_of_a_head_is_not_taken_for_an_answered_request() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let begun = "GET /healthz/live HTTP/1.1\r\nhost: x\r\nx-a: ";
    let body = format!("{}\r\n\r\n", "x".repeat(begun.len() - 4));
    let first = format!("POST /api/send HTTP/1.1\r\nhost: x\ncontent-length: {}\n\n{body}{begun}", body.len());
    let mut stream = server.connect();
    stream.write_all(first.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    let _it_may_be_closed = stream.write_all(request(&pageview("/in a header"), "").as_bytes());
    let _it_may_be_closed = stream.shutdown(Shutdown::Write);
    let answers = until_closed(&mut stream);
    server.stop();
    assert!(answers.starts_with("HTTP/1.1 400 ") && !answers.contains("HTTP/1.1 202 "), "{answers}");
    assert_eq!((rig.fate("stored"), rig.plain_hits()), (0, 0));
}

/// The client reads for longer than the silence after which a connection is parked.
#[test]
fn a_connection_is_not_parked_while_its_last_answer_is_read() {
    let mut rig = Rig::new();
    // More than the system buffers for a client that does not read.
    rig.edge.script = Script::new(vec![b' '; 16 << 20].leak());
    let server = Server::start(&rig);
    let mut stream = server.connect();
    stream.write_all(b"GET /footfall.js HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(2_500));
    let answers = until_closed(&mut stream);
    server.stop();
    assert!(answers.starts_with("HTTP/1.1 200 ") && answers.len() > 16 << 20, "{} bytes", answers.len());
}
