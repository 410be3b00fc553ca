//! Random requests: what our parser takes for plain, actix reads in the same way.

mod connections;
mod streams;

use std::cell::Cell;
use std::net::SocketAddr;

use actix_http::h1::{Codec, Message};
use actix_web::http::{Method, Version};
use actix_web::rt::System;
use actix_web::web::BytesMut;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio_util::codec::Decoder;

use super::super::head;
use crate::client::{Proxies, ProxyHeader};
use crate::collect::Head;
use crate::hit::Visitor;

/// The headers, with names in lower case; the body; and the heads that are read with either proxies' header.
type ParsedRequest = (Vec<(String, Vec<u8>)>, Vec<u8>, Vec<String>);

fn peer() -> Option<SocketAddr> {
    Some("198.51.100.7:4711".parse().unwrap())
}

/// The head as text, for proxies that write one header or the other.
fn heads<'a>(head: impl Fn(&Proxies) -> Head<'a>) -> Vec<String> {
    let by = |header| {
        let proxies = Proxies { trusted: vec!["198.51.100.0/24".parse().unwrap()], header };
        let Head { visitor: Visitor { prefix, agent, language }, hints, wishes } = head(&proxies);
        let texts = [agent, language, hints.brands, hints.platform].map(String::from_utf8_lossy);
        format!("{:?} {texts:?} {wishes:?}", prefix.bytes())
    };
    [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded].map(by).into()
}

fn as_plain(bytes: &[u8]) -> Option<ParsedRequest> {
    let mut slots = super::request::header_slots();
    let plain = super::request::parse(bytes, &mut slots)?;
    let headers = plain.headers.iter().map(|header| (header.name.to_lowercase(), header.value.to_vec()));
    let heads = heads(|proxies| head::from_plain(plain.headers, peer(), proxies));
    Some((headers.collect(), plain.body.to_vec(), heads))
}

/// The hit that actix reads from these bytes, if it reads exactly one and has no bytes left.
fn as_actix(bytes: &[u8]) -> Option<ParsedRequest> {
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
    let heads = heads(|proxies| head::from_actix(head, proxies));
    (ended && bytes.is_empty()).then(|| (headers.collect(), body.to_vec(), heads))
}

/// With sorted headers: actix's map has an order of its own for names, and keeps the order of the values of a name.
fn sorted((mut headers, body, heads): ParsedRequest) -> ParsedRequest {
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    (headers, body, heads)
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
fn a_plain_request_is_read_as_actix_reads_it() {
    let (plain, other) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 20_000, failure_persistence: None, ..Config::default() });
    // Actix's codec needs a runtime, whose task reads the clock.
    System::new().block_on(async {
        let read = runner.run(&any_request(), |bytes| {
            match as_plain(&bytes) {
                Some(parsed) => {
                    plain.set(plain.get() + 1);
                    prop_assert_eq!(Some(sorted(parsed)), as_actix(&bytes).map(sorted));
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
fn the_usual_requests_of_clients_are_plain() {
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
        let (headers, body, _) = as_plain(bytes.as_bytes()).unwrap_or_else(|| panic!("{head}"));
        assert_eq!((headers.len(), &*body), (head.lines().count(), &b"{}"[..]));
    }
}

#[test]
fn when_in_doubt_a_request_is_not_plain() {
    let with = |headers: &str, body: &str| format!("POST /api/event HTTP/1.1\r\n{headers}\r\n{body}");
    let usual = "host: x\r\ncontent-length: 2\r\n";
    assert!(as_plain(with(usual, "{}").as_bytes()).is_some());
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
        assert!(as_plain(with(&format!("{usual}{more}"), "{}").as_bytes()).is_none(), "{more:?}");
    }
    for length in ["1", "3", "+2", "0x2", "2 2", "2,2", "", "-2", "99999999999999999999999"] {
        let bytes = with(&format!("host: x\r\ncontent-length: {length}\r\n"), "{}");
        assert!(as_plain(bytes.as_bytes()).is_none(), "{length}");
    }
    for (headers, body) in
        [("host: x\r\n", "{}"), ("content-length: 2\r\n", "{}"), ("host: x\r\ncontent-length: 0\r\n", "")]
    {
        assert!(as_plain(with(headers, body).as_bytes()).is_none(), "{headers}");
    }
    let whole = with(usual, "{}");
    for begun in 0..whole.len() {
        assert!(as_plain(&whole.as_bytes()[..begun]).is_none(), "{begun} bytes");
    }
    assert!(as_plain(whole.repeat(2).as_bytes()).is_none());
    assert!(as_plain(with("host: x\r\ncontent-length: 16385\r\n", &"x".repeat(16_385)).as_bytes()).is_none());
}
