//! A connection can change hands between any two requests, and nobody can tell by what is answered or counted.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use schema::fate::Fault;

use crate::http::Script;
use crate::http::tests::server::{Server, ok, request, until_closed};
use crate::http::tests::{FIREFOX, pageview};
use crate::testing::Rig;

/// Answers without what says when, their headers in one order: actix's map has another each time.
pub(super) fn timeless(answers: &str) -> String {
    let mut lines: Vec<&str> = answers.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    lines.split_mut(|line| line.is_empty()).for_each(<[_]>::sort_unstable);
    lines.join("\r\n")
}

#[test]
fn answers_are_as_actix_writes_them() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let mut fates = Vec::new();
    let too_long = format!(r#"{{"n":"pageview","d":"example.org","u":"https://example.org/{}"}}"#, "x".repeat(3_000));
    for (body, more) in [
        (pageview("/"), ""),
        (too_long, ""),
        // The last connection was closed, and this is another.
        (pageview("/"), ""),
        (pageview("/"), "dnt: 1\r\n"),
        (pageview("/"), "sec-purpose: prefetch\r\n"),
        (pageview("/").replace("example.org", "unknown.example"), ""),
        ("{".to_owned(), ""),
    ] {
        let before = rig.plain_hits();
        let plain = server.asked(request(&body, more).as_bytes());
        assert_eq!(rig.plain_hits(), before + 1, "{more}");
        let other = server.asked(request(&body, &format!("{more}te: trailers\r\n")).as_bytes());
        assert_eq!(rig.plain_hits(), before + 1, "{more}");
        assert_eq!(timeless(&plain), timeless(&other));
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
    assert!(server.asked(request(&pageview("/"), "").as_bytes()).starts_with("HTTP/1.1 202 "));
    rig.edge.collector.appender.stop();
    let plain = server.asked(request(&pageview("/"), "").as_bytes());
    let other = server.asked(request(&pageview("/"), "te: trailers\r\n").as_bytes());
    server.stop();
    assert_eq!((timeless(&plain), rig.plain_hits()), (timeless(&other), 2));
    assert!(plain.starts_with("HTTP/1.1 503 ") && plain.contains("retry-after"), "{plain}");
    assert_eq!(rig.fate(Fault::SpoolBroken.label()), 2);
}

#[test]
fn a_connection_changes_hands_between_any_two_requests() {
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
    // In two pieces, wherever they are cut; the next is plain again.
    for cut in (1..hit.len()).step_by(7) {
        stream.write_all(&hit.as_bytes()[..cut]).unwrap();
        std::thread::sleep(Duration::from_millis(3));
        stream.write_all(&hit.as_bytes()[cut..]).unwrap();
        ok(&mut stream);
        stream.write_all(hit.as_bytes()).unwrap();
        ok(&mut stream);
    }
    // A picture's answer does not end as a hit's does.
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
    // Of what comes in chunks or two at once nobody can say where it ends but actix, and all are answered.
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

/// Actix uses the heads of answers again, and does not forget that the last one was for HTTP/1.0, where it closes.
#[test]
fn what_another_was_answered_in_http_1_0_closes_nobodys_connection() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let old =
        |server: &Server| assert!(server.asked(b"GET /healthz/live HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 200"));
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
    // Nor is it kept from being read without actix.
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

/// Who sends on without waiting and then goes gets all answers: none is held back until the one before has arrived.
#[test]
fn no_answer_waits_for_the_one_before_to_be_taken() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let hits = request(&pageview("/"), "").repeat(3);
    for _ in 0..50 {
        let mut stream = server.connect();
        // What is no HTTP ends the connection, and what comes behind it is never read.
        stream.write_all(format!("{hits}NONSENSE\r\n\r\n").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        let _it_may_be_closed = stream.write_all(b"more");
        assert_eq!(until_closed(&mut stream).matches("HTTP/1.1 202").count(), 3);
    }
    server.stop();
}

/// A body is no request, however it looks: a proxy that sends one on would lend its sender the proxy's word.
#[test]
fn what_looks_like_a_hit_within_a_body_is_none() {
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
        // Two at once, of which the first ends as few do.
        (format!("{odd}POST /api/event HTTP/1.1\r\nhost: x\r\n{sized}"), &["200", "400"]),
        (format!("{odd}POST /nowhere HTTP/1.1\r\nhost: x\r\n{sized}"), &["200", "404"]),
        (format!("{odd}GET /healthz/live HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"), &["200", "200"]),
    ] {
        let mut stream = server.connect();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // So that it is a read of its own, of a connection that has or has not been answered.
        std::thread::sleep(Duration::from_millis(30));
        let _it_may_be_closed = stream.write_all(hit.as_bytes());
        let _it_may_be_closed = stream.shutdown(Shutdown::Write);
        let answers = until_closed(&mut stream);
        let told: Vec<&str> = answers.split("HTTP/1.1 ").filter_map(|answer| answer.split(' ').next()).collect();
        assert_eq!(told[1..], *statuses, "{head}{answers}");
    }
    server.stop();
    assert_eq!((rig.fate("stored"), rig.plain_hits()), (0, 0));
}

/// What has begun is not forgotten because lengths happen to add up.
#[test]
fn half_a_head_is_not_taken_for_an_answered_one() {
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

/// A client may take longer to read that than silent connections are held by actix.
#[test]
fn what_was_said_to_be_the_last_answer_is() {
    let mut rig = Rig::new();
    // More than the system takes for a client that does not read.
    rig.edge.script = Script::new(vec![b' '; 16 << 20].leak());
    let server = Server::start(&rig);
    let mut stream = server.connect();
    stream.write_all(b"GET /footfall.js HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(2_500));
    let answers = until_closed(&mut stream);
    server.stop();
    assert!(answers.starts_with("HTTP/1.1 200 ") && answers.len() > 16 << 20, "{} bytes", answers.len());
}
