//! The deadlines of connections over real sockets: overdue connections are ended, each with its reason, and no others.

use std::io::Write;
use std::time::{Duration, Instant};

use super::server::{NEVER, Server, ok, request, until_closed};
use super::*;
use crate::http::socket::{EndReason, SocketLimits};

const SHORT: Duration = Duration::from_millis(100);

fn ended(rig: &Rig) -> Vec<(&'static str, u64)> {
    let counted = |reason: &EndReason| {
        (reason.label(), rig.counted(&format!("footfall_connections_ended_total{{reason=\"{}\"}}", reason.label())))
    };
    EndReason::ALL.iter().map(counted).filter(|(_, n)| *n > 0).collect()
}

fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_true() {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_first_head_that_does_not_arrive_is_answered_408_and_closed() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { request: SHORT, ..NEVER });
    for begun in [&b""[..], b"POST /api/event HT", b"GET / HTTP/1.1\r\nhost: x\r\n"] {
        assert!(server.exchange(begun).starts_with("HTTP/1.1 408 "), "{begun:?}");
    }
    server.stop();
    assert_eq!((ended(&rig), rig.received()), (vec![("head", 3)], 0));
}

#[test]
fn a_body_that_does_not_arrive_is_answered_408_and_closed() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { request: SHORT, ..NEVER });
    let answer = server.exchange(b"POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{\"n\":");
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.ends_with("the body took too long"), "{answer}");
    let also_later = request(&pageview("/"), "") + "POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{";
    let answer = server.exchange(also_later.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains("HTTP/1.1 408 "), "{answer}");
    server.stop();
    let records = rig.stopped();
    assert_eq!(refusals(&records), BTreeMap::from([((0, "slow", String::new()), 2)]));
    assert_eq!((ended(&rig), rig.fate("slow"), rig.received()), (vec![("body", 2)], 2, 3));
}

#[test]
fn a_body_that_arrives_byte_by_byte_is_refused_as_slow() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { request: SHORT, ..NEVER });
    let mut stream = server.connect();
    stream.write_all(b"POST /api/event HTTP/1.1\r\nhost: x\r\ncontent-length: 16000\r\n\r\n").unwrap();
    wait_until("the writing fails once the other end is closed", || stream.write_all(b"x").is_err());
    wait_until("it is counted", || rig.fate("slow") == 1);
    server.stop();
    assert_eq!((ended(&rig), rig.received()), (vec![("body", 1)], 1));
}

#[test]
fn silence_and_a_part_of_a_later_head_have_the_same_deadline() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { idle: Duration::from_secs(1), ..NEVER });
    for then in ["", "POST /api/ev", "GET /f.gif HTTP/1.1\r\nhost: x\r\nx: "] {
        let answer = server.exchange((request(&pageview("/"), "") + then).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with("ok"), "{answer}");
    }
    let mut stream = server.connect();
    stream.write_all(request(&pageview("/"), "").as_bytes()).unwrap();
    ok(&mut stream);
    wait_until("a head that arrives byte by byte does not extend the deadline", || stream.write_all(b"x").is_err());
    server.stop();
    assert_eq!((ended(&rig), rig.received()), (vec![("idle", 4)], 4));
}

#[test]
fn an_answer_on_an_old_connection_says_that_it_is_the_last() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { age: SHORT, ..NEVER });
    let mut stream = server.connect();
    let mut answers = 0;
    loop {
        stream.write_all(request(&pageview("/"), "").as_bytes()).unwrap();
        answers += 1;
        assert!(answers < 100_000, "the connection does not end");
        if ok(&mut stream).contains("connection: close") {
            break;
        }
    }
    assert_eq!(until_closed(&mut stream), "");
    server.stop();
    assert_eq!((ended(&rig), rig.fate("stored")), (vec![("age", 1)], answers));
}

#[test]
fn a_client_that_does_not_read_its_answers_is_reset() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { idle: Duration::from_secs(1), ..NEVER });
    let mut stream = server.connect();
    let asked = "GET /footfall.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    wait_until("the unread answers fill all buffers, and the connection is reset", || {
        stream.write_all(asked.as_bytes()).is_err()
    });
    server.stop();
    assert_eq!(ended(&rig), [("unread", 1)]);
}

#[test]
fn a_hit_that_waits_too_long_for_the_disk_is_answered_if_the_disk_recovers_soon() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { idle: SHORT, ..NEVER });
    let disk = rig.edge.collector.appender.hold_writer();
    let mut stream = server.connect();
    stream.write_all(request(&pageview("/"), "").as_bytes()).unwrap();
    wait_until("the connection is ended", || ended(&rig) == [("answer", 1)]);
    drop(disk);
    let answer = until_closed(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with("ok"), "{answer}");
    server.stop();
    assert_eq!((ended(&rig), rig.fate("stored")), (vec![("answer", 1)], 1));
}

#[test]
fn other_clients_are_answered_while_slow_ones_wait_and_no_connection_is_left_at_the_end() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { request: Duration::from_secs(1), ..NEVER });
    let slow: Vec<_> = (0..50).map(|_| server.connect()).collect();
    let gauge = || rig.prometheus.render().contains("footfall_connections 50\n");
    wait_until("all are open", gauge);
    let answer = server.exchange(request(&pageview("/"), "connection: close\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    for mut slow in slow.into_iter().skip(10) {
        assert!(until_closed(&mut slow).starts_with("HTTP/1.1 408 "));
    }
    wait_until("none is open", || rig.counted("footfall_connections") == 0);
    server.stop();
    assert!(ended(&rig).iter().all(|(reason, n)| *reason == "head" && (40..=50).contains(n)), "{:?}", ended(&rig));
}

#[test]
fn on_a_crowded_worker_silence_has_the_deadline_of_a_request() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { request: Duration::from_secs(1), crowded: 20, ..NEVER });
    let silent = |n: usize| -> Vec<_> {
        let connect = |_| {
            let mut stream = server.connect();
            stream.write_all(request(&pageview("/"), "").as_bytes()).unwrap();
            ok(&mut stream);
            stream
        };
        (0..n).map(connect).collect()
    };
    let few = silent(20);
    wait_until("twenty are open", || rig.counted("footfall_connections") == 20);
    assert_eq!(ended(&rig), []);
    let more = silent(5);
    wait_until("five are ended, because the worker is crowded", || rig.counted("footfall_connections") <= 20);
    server.stop();
    assert!(matches!(ended(&rig)[..], [("idle", 5..=25)]), "{:?}", ended(&rig));
    drop((few, more));
}

#[test]
fn when_the_process_stops_idle_connections_are_closed_and_requests_under_way_are_answered_first() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let mut waits = server.connect();
    waits.write_all(request(&pageview("/a"), "").as_bytes()).unwrap();
    assert!(ok(&mut waits).starts_with("HTTP/1.1 202 "));
    let silent = server.connect();
    let whole = request(&pageview("/b"), "");
    let (begun, rest) = whole.split_at(whole.len() - 5);
    let mut under_way = server.connect();
    under_way.write_all(begun.as_bytes()).unwrap();
    wait_until("all three are open", || rig.counted("footfall_connections") == 3);
    let stopping = std::thread::spawn(move || server.stop());
    let began = Instant::now();
    for mut closed in [waits, silent] {
        assert_eq!(until_closed(&mut closed), "", "nothing is sent to a client without a request");
    }
    under_way.write_all(rest.as_bytes()).unwrap();
    let answer = until_closed(&mut under_way);
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains("connection: close"), "{answer}");
    stopping.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "stopping waited until a connection timed out");
    assert_eq!((rig.events().len(), ended(&rig)), (2, vec![]));
}

/// A connection that is parked after one request.
fn parked(server: &Server, rig: &Rig) -> std::net::TcpStream {
    let before = rig.counted("footfall_connections_at_rest");
    let mut stream = server.connect();
    stream.write_all(request(&pageview("/"), "").as_bytes()).unwrap();
    assert!(ok(&mut stream).starts_with("HTTP/1.1 202 "));
    wait_until("it is parked", || rig.counted("footfall_connections_at_rest") == before + 1);
    stream
}

#[test]
fn a_silent_connection_is_parked_and_its_next_request_is_answered() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let mut stream = parked(&server, &rig);
    for _ in 0..2 {
        stream.write_all(request(&pageview("/again"), "").as_bytes()).unwrap();
        assert!(ok(&mut stream).starts_with("HTTP/1.1 202 "));
    }
    wait_until("it is parked again", || rig.counted("footfall_connections_at_rest") == 1);
    assert_eq!(rig.counted("footfall_connections"), 1);
    drop(stream);
    wait_until("the connection is closed", || rig.counted("footfall_connections") == 0);
    server.stop();
    assert_eq!((rig.counted("footfall_connections_at_rest"), rig.fate("stored"), ended(&rig)), (0, 3, vec![]));
}

#[test]
fn a_connection_with_a_part_of_a_request_is_not_parked() {
    let rig = Rig::new();
    let server = Server::start(&rig);
    let whole = request(&pageview("/b"), "");
    let mut begun: Vec<_> = [1, whole.len() / 2, whole.len() - 1]
        .into_iter()
        .map(|bytes| {
            let mut stream = server.connect();
            stream.write_all((request(&pageview("/a"), "") + &whole[..bytes]).as_bytes()).unwrap();
            assert!(ok(&mut stream).starts_with("HTTP/1.1 202 "));
            (stream, bytes)
        })
        .collect();
    // If the connections above were to be parked, they would be by now.
    let last = parked(&server, &rig);
    assert_eq!((rig.counted("footfall_connections_at_rest"), rig.counted("footfall_connections")), (1, 4));
    for (stream, bytes) in &mut begun {
        stream.write_all(&whole.as_bytes()[*bytes..]).unwrap();
        assert!(ok(stream).starts_with("HTTP/1.1 202 "), "from byte {bytes} on");
    }
    server.stop();
    assert_eq!(rig.events().len(), 7);
    drop(last);
}

#[test]
fn a_parked_connection_has_the_deadline_of_silence() {
    let rig = Rig::new();
    let server = Server::with(&rig, SocketLimits { idle: Duration::from_secs(4), ..NEVER });
    let mut stream = parked(&server, &rig);
    assert_eq!(until_closed(&mut stream), "");
    wait_until("the connection is closed", || rig.counted("footfall_connections") == 0);
    assert_eq!((rig.counted("footfall_connections_at_rest"), ended(&rig)), (0, vec![("idle", 1)]));
    let mut stream = parked(&server, &rig);
    server.stop();
    assert_eq!(until_closed(&mut stream), "");
    assert_eq!(ended(&rig), [("idle", 1)]);
}
