//! What only a real connection shows: slowness, hang-ups, bytes that are no HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
use socket2::SockRef;

use super::*;

/// A collector on a real socket, in a thread of its own.
struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: std::thread::JoinHandle<()>,
}

impl Server {
    fn start(edge: Edge) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().configure(|config| configure(config, &edge)));
                let server = server.workers(1).disable_signals().listen(listener).unwrap().run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Server { address, handle: receiver.recv().unwrap(), thread }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends the bytes; gives all that comes back until the server closes.
    fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset ends it as well as a close.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn stop(self) {
        actix_web::rt::System::new().block_on(self.handle.stop(true));
        self.thread.join().unwrap();
    }
}

fn request(body: &str, more: &str) -> String {
    format!(
        "POST /api/event HTTP/1.1\r\nhost: x\r\nuser-agent: {FIREFOX}\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_body_that_does_not_come_is_answered_408_and_closed() {
    let rig = Rig::new();
    let server = Server::start(Edge { body_time_max: Duration::from_millis(100), ..rig.edge.clone() });
    let answer = server.exchange(b"POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"n\":");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("the body took too long"), "{answer}");
    let also_later = request(&pageview("/"), "") + "POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
    let answer = server.exchange(also_later.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains("HTTP/1.1 408 "), "{answer}");
    server.stop();
    let records = rig.stopped();
    assert_eq!(refusals(&records), BTreeMap::from([((0, "slow", String::new()), 2)]));
    assert_eq!((rig.fate("slow"), rig.received()), (2, 3));
}

#[test]
fn too_long_a_body_is_answered_413_also_when_it_does_not_say_so() {
    let rig = Rig::new();
    let server = Server::start(rig.edge.clone());
    let said = server.exchange(b"POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n{");
    assert!(said.starts_with("HTTP/1.1 413 "), "{said}");
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let chunked =
        format!("POST /api/event HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}1\r\nx\r\n0\r\n\r\n");
    let unsaid = server.exchange(chunked.as_bytes());
    assert!(unsaid.starts_with("HTTP/1.1 413 "), "{unsaid}");
    let fits = format!(
        "POST /api/event HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
    );
    assert!(server.exchange(fits.as_bytes()).starts_with("HTTP/1.1 400 "), "16 KiB of x are no JSON, but not too long");
    server.stop();
    assert_eq!((rig.fate("too_large"), rig.fate("malformed"), rig.received()), (2, 1, 3));
}

#[test]
fn a_client_that_resets_right_after_its_body_is_stored_and_counted_once() {
    let rig = Rig::new();
    let server = Server::start(rig.edge.clone());
    for _ in 0..20 {
        let before = rig.events().len();
        let mut stream = server.connect();
        let disk = rig.edge.collector.appender.hold_writer();
        stream.write_all(request(&pageview("/leaving"), "").as_bytes()).unwrap();
        while disk.handed_over() == 0 {
            std::thread::yield_now();
        }
        // The hit waits for the disk; now its client is gone, and actix drops the handler that waits.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        drop(stream);
        let mut other = server.connect();
        other.write_all(b"GET /healthz/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        other.read_to_end(&mut Vec::new()).unwrap(); // The one worker has been round since.
        drop(disk);
        actix_web::rt::System::new().block_on(rig.edge.collector.appender.close(schema::day::Day(0))).unwrap();
        assert_eq!(rig.events().len(), before + 1);
    }
    server.stop();
    rig.stopped();
    assert_eq!((rig.events().len(), rig.fate("stored"), rig.received()), (20, 20, 20));
}

#[test]
fn bytes_that_are_no_http_are_answered_400_or_closed() {
    let rig = Rig::new();
    let server = Server::start(rig.edge.clone());
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
