//! What only a real connection shows: clients that hang up, bytes that are not HTTP.

use std::io::{Read, Write};
use std::time::Duration;

use socket2::SockRef;

use super::server::{Server, request};
use super::*;

#[test]
fn too_long_a_body_is_answered_413_with_and_without_content_length() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let sized = server.exchange(b"POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n{");
    assert!(sized.starts_with("HTTP/1.1 413 "), "{sized}");
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let chunked =
        format!("POST /api/event HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}1\r\nx\r\n0\r\n\r\n");
    let unsized_body = server.exchange(chunked.as_bytes());
    assert!(unsized_body.starts_with("HTTP/1.1 413 "), "{unsized_body}");
    let fits = format!(
        "POST /api/event HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    assert!(
        server.exchange(fits.as_bytes()).starts_with("HTTP/1.1 400 "),
        "16 KiB of x are not JSON, and not too long"
    );
    server.stop();
    assert_eq!((rig.fate("too_large"), rig.fate("malformed"), rig.received()), (2, 1, 3));
}

#[test]
fn a_client_that_resets_right_after_its_body_is_stored_and_counted_once() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    for _ in 0..20 {
        let before = rig.events().len();
        let mut stream = server.connect();
        let disk = rig.edge.collector.appender.hold_writer();
        stream.write_all(request(&pageview("/leaving"), "").as_bytes()).unwrap();
        while disk.handed_over() == 0 {
            std::thread::yield_now();
        }
        // The hit waits for the disk. Now its client resets the connection, and actix drops the waiting handler.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        let mut other = server.connect();
        other.write_all(b"GET /healthz/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        other.read_to_end(&mut Vec::new()).unwrap(); // The only worker thread has polled all connections since.
        drop(disk);
        actix_web::rt::System::new().block_on(rig.edge.collector.appender.close(schema::day::Day(0))).unwrap();
        assert_eq!(rig.events().len(), before + 1);
    }
    server.stop();
    rig.stopped();
    assert_eq!((rig.events().len(), rig.fate("stored"), rig.received()), (20, 20, 20));
}

#[test]
fn bytes_that_are_not_http_are_answered_400_or_the_connection_is_closed() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/event HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /api/event HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /api/event HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let answer = server.exchange(bytes);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    let head = server.exchange(b"HEAD /f.gif?d=example.org&p=/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains("content-length: 43") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    server.stop();
    assert_eq!(rig.events().len(), 0);
}
