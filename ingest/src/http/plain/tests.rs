//! What is plain is read as actix reads it, whatever comes; and a connection can change hands between any two requests.

use std::cell::Cell;
use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use actix_http::h1::{Codec, Message};
use actix_web::http::{Method, Version};
use actix_web::rt::System;
use actix_web::web::BytesMut;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schema::fate::Fault;
use tokio_util::codec::Decoder;

use super::super::head;
use super::super::tests::server::{Server, ok, request, until_closed};
use super::super::tests::{FIREFOX, pageview};
use crate::client::{Header, Proxies};
use crate::collect::Head;
use crate::hit::Visitor;
use crate::testing::Rig;

/// Names in lower case with values, a body, and what is known of who sent it.
type Asked = (Vec<(String, Vec<u8>)>, Vec<u8>, Vec<String>);

fn peer() -> Option<SocketAddr> {
    Some("198.51.100.7:4711".parse().unwrap())
}

/// As proxies tell of it that write one header or the other.
fn who<'a>(head: impl Fn(&Proxies) -> Head<'a>) -> Vec<String> {
    let by = |header| {
        let proxies = Proxies { trusted: vec!["198.51.100.0/24".parse().unwrap()], header };
        let Head { visitor: Visitor { prefix, agent, language }, hints, wishes } = head(&proxies);
        let said = [agent, language, hints.brands, hints.platform].map(String::from_utf8_lossy);
        format!("{:?} {said:?} {wishes:?}", prefix.bytes())
    };
    [Header::XForwardedFor, Header::Forwarded].map(by).into()
}

fn plainly(bytes: &[u8]) -> Option<Asked> {
    let mut room = super::request::room();
    let plain = super::request::read(bytes, &mut room)?;
    let headers = plain.headers.iter().map(|header| (header.name.to_lowercase(), header.value.to_vec()));
    let who = who(|proxies| head::of_plain(plain.headers, peer(), proxies));
    Some((headers.collect(), plain.body.to_vec(), who))
}

/// The one hit that actix makes of these bytes, if it makes that and has nothing left.
fn by_actix(bytes: &[u8]) -> Option<Asked> {
    let (mut codec, mut bytes) = (Codec::default(), BytesMut::from(bytes));
    let Ok(Some(Message::Item(mut request))) = codec.decode(&mut bytes) else { return None };
    request.head_mut().peer_addr = peer();
    let head = request.head();
    let is_hit = head.method == Method::POST && head.uri == "/api/event" && head.version == Version::HTTP_11;
    if !is_hit || head.expect() || head.upgrade() || !codec.keep_alive() {
        return None;
    }
    let Ok(Some(Message::Chunk(Some(body)))) = codec.decode(&mut bytes) else { return None };
    let ended = matches!(codec.decode(&mut bytes), Ok(Some(Message::Chunk(None))));
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let who = who(|proxies| head::of(head, proxies));
    (ended && bytes.is_empty()).then(|| (headers.collect(), body.to_vec(), who))
}

/// In an order of their own: actix's map has one, but keeps that of values with the same name.
fn sorted((mut headers, body, who): Asked) -> Asked {
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    (headers, body, who)
}

fn any_header() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        6 => prop::sample::select(vec![
            "host", "Host", "content-length", "Content-Length", "transfer-encoding", "Connection", "expect", "upgrade",
            "te", "trailer", "keep-alive", "content-length ", "Content_Length", "x",
        ]).prop_map(str::to_owned),
        6 => prop::sample::select(vec![
            "user-agent", "User-Agent", "X-Forwarded-For", "x-forwarded-for", "Forwarded", "cookie", "Cookie", "DNT",
            "Sec-GPC", "Sec-CH-UA", "sec-ch-ua-platform", "Accept-Language", "Sec-Purpose", "purpose", "x-moz",
        ]).prop_map(str::to_owned),
        1 => "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}",
        1 => "\\PC{0,6}",
    ];
    let value = prop_oneof![
        4 => prop::sample::select(vec![
            "x", "5", "05", "+5", "5, 5", "0", "-1", "16384", "16385", "99999999999999999999", "chunked", "identity",
            "keep-alive", "Keep-Alive", "close", "upgrade", "keep-alive, close", "100-continue", "h2c", "trailers", "",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        4 => prop::sample::select(vec![
            "1", "0", "203.0.113.9", "203.0.113.9, 198.51.100.9", "for=203.0.113.9", "for=\"[2001:db8::1]:5\", for=x",
            "footfall_optout=1; a=b", "a=b;footfall_own=1", "prefetch;prerender", "\"Linux\"", "fr-CH, fr;q=0.9", "\u{e9}", "\u{e9}, 203.0.113.9",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ];
    let (colon, end) = (prop_oneof![6 => Just(": "), 1 => Just(":"), 1 => Just(" :"), 1 => Just(":\t ")], any_end());
    (name, colon, value, end)
        .prop_map(|(name, colon, value, end)| [name.as_bytes(), colon.as_bytes(), &value, end].concat())
}

fn any_end() -> impl Strategy<Value = &'static [u8]> {
    let odd = prop::sample::select(vec![&b"\n"[..], b" \r\n", b"\r\n ", b"\r"]);
    prop_oneof![4 => Just(&b"\r\n"[..]), 1 => odd]
}

fn any_request() -> impl Strategy<Value = Vec<u8>> {
    let odd = prop::sample::select(vec![
        &b"POST /api/event HTTP/1.0\r\n"[..],
        b"POST /api/event HTTP/1.1\n",
        b"POST /api/event?x HTTP/1.1\r\n",
    ]);
    let begins = prop_oneof![6 => Just(&b"POST /api/event HTTP/1.1\r\n"[..]), 1 => odd];
    let usual = prop_oneof![4 => Just("Host: x\r\nContent-Length: 5\r\n"), 1 => Just("Host: x\r\n"), 1 => Just("")];
    let odd = prop::sample::select(vec!["hell", "hello!", "", "5\r\nhello\r\n0\r\n\r\n"]);
    let body = prop_oneof![4 => Just("hello"), 1 => odd];
    (begins, usual, prop::collection::vec(any_header(), 0..4), any_end(), body).prop_map(
        |(begins, usual, headers, end, body)| {
            [begins, usual.as_bytes(), &headers.concat(), end, body.as_bytes()].concat()
        },
    )
}

#[test]
fn what_is_plain_is_read_as_actix_reads_it() {
    let (plain, other) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 20_000, failure_persistence: None, ..Config::default() });
    // Actix's codec asks for a runtime: it tells the time.
    System::new().block_on(async {
        let read = runner.run(&any_request(), |bytes| {
            match plainly(&bytes) {
                Some(asked) => {
                    plain.set(plain.get() + 1);
                    prop_assert_eq!(Some(sorted(asked)), by_actix(&bytes).map(sorted));
                }
                None => other.set(other.get() + 1),
            }
            Ok(())
        });
        read.unwrap();
    });
    let (plain, other) = (plain.get(), other.get());
    assert!(plain > 1_000 && other > 1_000, "{plain} plain, {other} not");
}

#[test]
fn what_clients_send_is_plain() {
    let chromium = "Host: stats.example\r\nConnection: keep-alive\r\nContent-Length: 2\r\nsec-ch-ua-platform: \"Linux\"\r\n\
                    User-Agent: x\r\nsec-ch-ua: \"Chromium\";v=\"140\"\r\nContent-Type: text/plain\r\nsec-ch-ua-mobile: ?0\r\n\
                    Accept: */*\r\nOrigin: https://example.org\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n\
                    Sec-Fetch-Dest: empty\r\nReferer: https://example.org/\r\nAccept-Encoding: gzip, deflate, br\r\n\
                    Accept-Language: fr\r\n";
    let behind_nginx = "Host: stats.example\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nContent-Length: 2\r\n\
                        User-Agent: x\r\naccept: */*\r\n";
    let node = "host: stats.example\r\nconnection: keep-alive\r\ncontent-type: application/json\r\naccept-language: *\r\n\
                sec-fetch-mode: cors\r\nuser-agent: node\r\naccept-encoding: gzip, deflate\r\ncontent-length: 2\r\n";
    for head in [chromium, behind_nginx, node] {
        let bytes = format!("POST /api/event HTTP/1.1\r\n{head}\r\n{{}}");
        let (headers, body, _) = plainly(bytes.as_bytes()).unwrap_or_else(|| panic!("{head}"));
        assert_eq!((headers.len(), &*body), (head.lines().count(), &b"{}"[..]));
    }
}

#[test]
fn when_in_doubt_it_is_not_plain() {
    let with = |headers: &str, body: &str| format!("POST /api/event HTTP/1.1\r\n{headers}\r\n{body}");
    let usual = "host: x\r\ncontent-length: 2\r\n";
    assert!(plainly(with(usual, "{}").as_bytes()).is_some());
    for more in [
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "content-length: 2\r\n",
        "host: y\r\n",
        "expect: 100-continue\r\n",
        "connection: close\r\n",
        "connection: upgrade\r\n",
        "upgrade: h2c\r\n",
        "te: trailers\r\n",
        "trailer: x\r\n",
        " folded\r\n",
        "no colon\r\n",
        "\0: x\r\n",
        &"x: y\r\n".repeat(40),
    ] {
        assert!(plainly(with(&format!("{usual}{more}"), "{}").as_bytes()).is_none(), "{more:?}");
    }
    for length in ["1", "3", "+2", "0x2", "2 2", "2,2", "", "-2", "99999999999999999999999"] {
        let bytes = with(&format!("host: x\r\ncontent-length: {length}\r\n"), "{}");
        assert!(plainly(bytes.as_bytes()).is_none(), "{length}");
    }
    for (headers, body) in
        [("host: x\r\n", "{}"), ("content-length: 2\r\n", "{}"), ("host: x\r\ncontent-length: 0\r\n", "")]
    {
        assert!(plainly(with(headers, body).as_bytes()).is_none(), "{headers}");
    }
    let whole = with(usual, "{}");
    for begun in 0..whole.len() {
        assert!(plainly(&whole.as_bytes()[..begun]).is_none(), "{begun} bytes");
    }
    assert!(plainly(whole.repeat(2).as_bytes()).is_none());
    assert!(plainly(with("host: x\r\ncontent-length: 16385\r\n", &"x".repeat(16_385)).as_bytes()).is_none());
}

/// An answer without what says when and whether the connection stays.
fn essence(answer: &str) -> String {
    let kept = |line: &&str| !line.starts_with("date: ") && !line.starts_with("connection: ");
    answer.split("\r\n").filter(kept).collect::<Vec<_>>().join("\r\n")
}

#[test]
fn answers_are_as_actix_writes_them() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let mut fates = Vec::new();
    for (body, more) in [
        (pageview("/"), ""),
        (pageview("/"), "dnt: 1\r\n"),
        (pageview("/"), "sec-purpose: prefetch\r\n"),
        (pageview("/").replace("example.org", "unknown.example"), ""),
        ("{".to_owned(), ""),
        (format!(r#"{{"n":"pageview","d":"example.org","u":"https://example.org/{}"}}"#, "x".repeat(3_000)), ""),
    ] {
        let before = rig.plainly();
        let plain = server.asked(request(&body, more).as_bytes());
        assert_eq!(rig.plainly(), before + 1, "{more}");
        let other = server.asked(request(&body, &format!("{more}te: trailers\r\n")).as_bytes());
        assert_eq!(rig.plainly(), before + 1, "{more}");
        assert_eq!(essence(&plain), essence(&other));
        assert!(plain.contains("\r\ndate: "), "{plain}");
        fates.push(plain.split("\r\n").next().unwrap().to_owned());
    }
    server.stop();
    let statuses: Vec<_> = fates.iter().map(|line| &line["HTTP/1.1 ".len()..][..3]).collect();
    assert_eq!(statuses, ["202", "202", "202", "202", "400", "413"]);
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
    assert_eq!((essence(&plain), rig.plainly()), (essence(&other), 2));
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
        assert_eq!((rig.plainly(), rig.fate("stored")), (plain, hits));
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
    let before = rig.plainly();
    stream.write_all(hit.as_bytes()).unwrap();
    ok(&mut stream);
    assert_eq!(rig.plainly(), before + 1);
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
    assert_eq!(rig.plainly(), before + 1);
    drop(stream);
    server.stop();
    assert_eq!(rig.fate("stored"), rig.received());
}

/// A body is no request, however it looks: a proxy that sends one on would lend its sender the proxy's word.
#[test]
fn what_looks_like_a_hit_within_a_body_is_none() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let hit = request(&pageview("/smuggled"), "");
    let sized = format!("content-length: {}\r\n", hit.len());
    for (head, statuses) in [
        (format!("GET /f.gif HTTP/1.1\r\nhost: x\r\n{sized}"), &["400"][..]),
        (format!("GET /healthz/live HTTP/1.1\r\nhost: x\r\n{sized}"), &["200"]),
        (format!("POST /nowhere HTTP/1.1\r\nhost: x\r\n{sized}"), &["404"]),
        (format!("PUT /api/event HTTP/1.1\r\nhost: x\r\n{sized}"), &["405"]),
        ("GET /f.gif HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n".to_owned(), &["400"]),
        (format!("POST /api/event HTTP/1.1\r\nhost: x\r\n{sized}"), &["400"]),
        (format!("POST /api/send HTTP/1.1\r\nhost: x\r\n{sized}"), &["400"]),
        // Two at once, of which the first ends as few do.
        (
            format!("GET /healthz/live HTTP/1.1\nhost: x\n\nPOST /api/event HTTP/1.1\r\nhost: x\r\n{sized}"),
            &["200", "400"],
        ),
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
    assert_eq!((rig.fate("stored"), rig.plainly()), (0, 0));
}
