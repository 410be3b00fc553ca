//! Requests made to break the collector, over a real socket: each is counted like any other or answered with one line
//! of reason, and the next request is not affected.

use std::time::Duration;

use super::server::{NEVER, Server, ok, request, until_closed};
use super::*;
use crate::http::socket::SocketLimits;

/// The status and the last line of an answer.
fn status_and_reason(answer: &str) -> (&str, &str) {
    (answer.split(' ').nth(1).unwrap_or_default(), answer.lines().last().unwrap_or_default())
}

/// A page view with these bytes between its fields and the closing bracket.
fn and(more: &[u8]) -> Vec<u8> {
    [br#"{"n":"pageview","u":"https://example.org/x","d":"example.org""#, more, b"}"].concat()
}

fn sent(server: &Server, body: &[u8]) -> String {
    let head = format!(
        "POST /api/event HTTP/1.1\r\nhost: x\r\nuser-agent: {FIREFOX}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    server.exchange_and_shutdown(&[head.as_bytes(), body].concat())
}

#[test]
fn json_made_to_break_a_parser_is_counted_or_refused_with_a_reason() {
    const NOT_JSON: (&str, &str) = ("400", "the body is not JSON");
    const WRONG: (&str, &str) = ("400", "a field of the event has the wrong type");
    const COUNTED: (&str, &str) = ("202", "ok");
    let rig = Rig::new();
    let server = Server::start(&rig);
    let deep = |open: &str, close: &str, n: usize| [open.repeat(n), close.repeat(n)].concat();
    let field = |name: &str, value: &str| and(format!(",\"{name}\":{value}").as_bytes());
    let (mut counted, mut wrong) = (0, vec![]);
    for (what, body, want) in [
        // Depth: no depth is too much for the parser in a field that is skipped; 128 levels are in one that is read.
        ("deep lists in a skipped field", field("x", &deep("[", "]", 7_000)), COUNTED),
        (
            "deep objects in a property",
            field("p", &format!("{}0{}", "{\"a\":".repeat(1_500), "}".repeat(1_500))),
            COUNTED,
        ),
        ("deep objects in a property, as text", field("m", &format!("\"{}\"", "{\\\"a\\\":".repeat(1_500))), COUNTED),
        ("unclosed lists in a skipped field", field("x", &"[".repeat(16_000)), NOT_JSON),
        ("deep lists in a field that is read", field("w", &deep("[", "]", 7_000)), NOT_JSON),
        ("lists and nothing else", b"[".repeat(16_384), WRONG),
        ("objects and nothing else", b"{\"n\":".repeat(3_000), WRONG),
        // Numbers.
        ("a number over all bounds, skipped", field("x", "1e999"), COUNTED),
        ("a number over all bounds, as a width", field("w", "1e999"), NOT_JSON),
        ("a negative zero", field("w", "-0"), COUNTED),
        ("2^64", field("w", "18446744073709551616"), COUNTED),
        ("a number of ten thousand digits", field("x", &"9".repeat(10_000)), COUNTED),
        ("a number of ten thousand digits, as a width", field("w", &"9".repeat(10_000)), NOT_JSON),
        ("a number of many places", field("w", &format!("1.{}", "0".repeat(10_000))), COUNTED),
        ("a number that is none", field("w", "NaN"), NOT_JSON),
        ("a flag that is a number", field("i", "-1"), WRONG),
        ("money over all bounds", field("$", r#"{"amount":1e999,"currency":"EUR"}"#), COUNTED),
        (
            "money of many digits",
            field("$", &format!(r#"{{"amount":"{}","currency":"EUR"}}"#, "9".repeat(9_000))),
            COUNTED,
        ),
        ("minutes without end on a page", field("e", "99999999999999999999"), WRONG),
        // Keys.
        ("a key twice", field("n", "\"pageview\""), WRONG),
        ("a key twice that is skipped", field("x", "1,\"x\":2"), COUNTED),
        ("a key by both its names", field("name", "\"other\""), COUNTED),
        ("three thousand keys", and(",\"k\":0".repeat(2_600).as_bytes()), COUNTED),
        ("a key of many bytes", field(&"k".repeat(10_000), "0"), COUNTED),
        ("an empty key", field("", "0"), COUNTED),
        // Text.
        ("bytes that are no UTF-8, in a skipped field", and(b",\"x\":\"\xff\xfe\""), COUNTED),
        ("bytes that are no UTF-8, in a field that is read", and(b",\"r\":\"\xff\xfe\""), NOT_JSON),
        ("a NUL as it is", and(b",\"r\":\"a\0b\""), NOT_JSON),
        ("a NUL, escaped", field("r", "\"https://a.example/\\u0000\""), COUNTED),
        ("half a surrogate pair", field("r", "\"\\ud800\""), NOT_JSON),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), NOT_JSON),
        ("a byte order mark", [&b"\xef\xbb\xbf"[..], &and(b"")].concat(), NOT_JSON),
        ("a gzipped body", b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), NOT_JSON),
        ("something after the end", [&and(b""), &b"{}"[..]].concat(), NOT_JSON),
        ("NULs and nothing else", vec![0; 16_384], NOT_JSON),
        ("nothing", vec![], NOT_JSON),
        ("a byte too much", vec![b' '; 16_385], ("413", "the body is longer than 16 KiB")),
    ] {
        let answer = sent(&server, &body);
        if status_and_reason(&answer) != want {
            wrong.push(format!("{what}: {:?}", status_and_reason(&answer)));
        }
        counted += u64::from(want == COUNTED);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    server.stop();
    rig.stopped();
    assert_eq!((rig.fate("stored"), rig.events().len() as u64), (counted, counted));
    assert!(rig.events().iter().all(|kept| matches!(kept, Kept::Event { page, .. } if page == "/x")));
}

#[test]
fn no_name_and_no_path_contains_control_characters() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let body = br#"{"n":"Sign\u0000up\r\n","u":"https://example.org/a\u0000b\u001b[31m\nc","d":"example.org","r":"https://a\u0000.example/"}"#;
    assert!(matches!(status_and_reason(&sent(&server, body)).0, "202" | "400"));
    server.stop();
    rig.stopped();
    for kept in rig.events() {
        let Kept::Event { name, page, source, .. } = kept else { continue };
        for text in [&name, &page, &source] {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
    }
}

/// A head of a GET with this between the request line and the empty line.
fn head(more: &str) -> String {
    format!(
        "GET /f.gif?d=example.org&p=/ HTTP/1.1\r\nhost: x\r\nuser-agent: {FIREFOX}\r\nconnection: close\r\n{more}\r\n"
    )
}

#[test]
fn the_length_and_the_lines_of_a_head_are_limited() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    for (more, statuses) in [
        ("x: y\r\n".repeat(90), &["200"][..]),
        ("x: y\r\n".repeat(97), &["431"]),
        (format!("x: {}\r\n", "y".repeat(100_000)), &["200"]),
        // Bytes that are unread when the server closes may reset the connection before the answer is read.
        (format!("x: {}\r\n", "y".repeat(140_000)), &["431", ""]),
        // actix's own parser panics at a name over 64 KiB, which ends the connection and nothing else.
        (format!("{}: y\r\n", "x".repeat(70_000)), &[""]),
        ("x: \0\r\n".to_owned(), &["400"]),
        ("x y: z\r\n".to_owned(), &["400"]),
        (": z\r\n".to_owned(), &["400"]),
        ("x: a\r\n b\r\n".to_owned(), &["400"]),
    ] {
        let answer = server.exchange(head(&more).as_bytes());
        assert!(statuses.contains(&status_and_reason(&answer).0), "{:.40} {answer}", more);
    }
    let long =
        format!("GET /f.gif?d=example.org&p=/{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(3_000));
    assert_eq!(status_and_reason(&server.exchange(long.as_bytes())).0, "413");
    let longer = format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(70_000));
    assert_eq!(status_and_reason(&server.exchange(longer.as_bytes())).0, "400");
    server.stop();
    rig.stopped();
    assert_eq!((rig.fate("stored"), rig.fate("too_large")), (2, 1));
}

#[test]
fn a_request_whose_end_is_ambiguous_is_refused_and_the_connection_closed() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let smuggled = request(&pageview("/smuggled"), "connection: close\r\n");
    for lengths in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "content-length: 0\r\ncontent-length: 4\r\n",
        "content-length: 0, 0\r\n",
        "content-length: +0\r\n",
        "content-length: -1\r\n",
        "content-length: 0x0\r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length : 0\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity, chunked\r\n",
        "transfer-encoding: gzip\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: \x0bchunked\r\n",
        "transfer-encoding\t: chunked\r\n",
        "host: y\r\n",
    ] {
        for body in ["", "0\r\n\r\n"] {
            let bytes = format!("POST /api/event HTTP/1.1\r\nhost: x\r\n{lengths}\r\n{body}{smuggled}");
            let answer = server.exchange(bytes.as_bytes());
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{lengths:?}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), usize::from(!answer.is_empty()), "{lengths:?}: {answer}");
        }
    }
    for chunks in
        ["-1\r\n", "ffffffffffffffff1\r\n", "1;\n\r\nx\r\n0\r\n\r\n", "1\r\nxx\r\n0\r\n\r\n", "0x1\r\nx\r\n0\r\n\r\n"]
    {
        let bytes =
            format!("POST /api/event HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunks}{smuggled}");
        let answer = server.exchange(bytes.as_bytes());
        assert!(!answer.contains("HTTP/1.1 202 "), "{chunks:?}: {answer}");
    }
    let old = format!("POST /api/event HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}");
    assert!(!server.exchange(old.as_bytes()).contains(" 202 "));
    server.stop();
    rig.stopped();
    assert_eq!(rig.events(), []);
}

#[test]
fn a_thousand_pipelined_requests_are_answered_in_order() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let one = |n: usize| match n % 3 {
        0 => request(&pageview("/piped"), ""),
        1 => request("nonsense", ""),
        _ => "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
    };
    let mut all: String = (0..999).map(one).collect();
    all += &request(&pageview("/piped"), "connection: close\r\n");
    let answer = server.exchange(all.as_bytes());
    let statuses: Vec<&str> = answer.split("HTTP/1.1 ").skip(1).map(|one| &one[..3]).collect();
    let want: Vec<&str> = (0..1000).map(|n| ["202", "400", "404"][n % 3]).collect();
    assert_eq!(statuses, want);
    server.stop();
    rig.stopped();
    assert_eq!((rig.fate("stored"), rig.fate("malformed"), rig.received()), (334, 333, 667));
}

#[test]
fn expect_100_continue_is_answered_and_an_upgrade_is_not() {
    let rig = Rig::new();
    let times = SocketLimits { request: Duration::from_millis(300), ..NEVER };
    let server = Server::with(&rig, times);
    let asks = request(&pageview("/"), "expect: 100-continue\r\nconnection: close\r\n");
    let answer = server.exchange(asks.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 "), "{answer}");
    let never =
        server.exchange(b"POST /api/event HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n");
    assert!(never.contains("HTTP/1.1 408 "), "{never}");
    let upgrade = "GET /f.gif HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    let answer = server.exchange(upgrade.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let mut stream = server.connect();
    std::io::Write::write_all(&mut stream, request(&pageview("/"), "").as_bytes()).unwrap();
    ok(&mut stream);
    drop(stream);
    let mut half = server.connect();
    std::io::Write::write_all(&mut half, request(&pageview("/"), "").as_bytes()).unwrap();
    half.shutdown(std::net::Shutdown::Write).unwrap();
    assert!(until_closed(&mut half).starts_with("HTTP/1.1 202 "), "a client may close its half before it reads");
    server.stop();
}
