//! Random streams in random pieces: the answers and the stored events are the same as if actix read all of it.

use std::io::Write;
use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::connections::without_date;
use crate::http::tests::server::{Server, request, until_closed};
use crate::http::tests::{FIREFOX, pageview};
use crate::testing::{Kept, Rig};

/// A request in one of many forms; most bodies look like requests.
fn any_request() -> impl Strategy<Value = String> {
    let hit = (0..100u8).prop_map(|n| request(&pageview(&format!("/{n}")), ""));
    let body = prop_oneof![3 => hit.clone(), 1 => Just("{}".to_owned()), 1 => Just("\r\n\r\n".to_owned())];
    let line = prop::sample::select(vec![
        "POST /api/event HTTP/1.1",
        "POST /api/event HTTP/1.0",
        "POST /api/event?x HTTP/1.1",
        "POST /api/send HTTP/1.1",
        "GET /healthz/live HTTP/1.1",
        "GET /f.gif?d=example.org&p=/pixel HTTP/1.1",
        "POST /nowhere HTTP/1.1",
        "PUT /api/event HTTP/1.1",
        "OPTIONS /api/event HTTP/1.1",
        "GET /opt-out/status HTTP/1.1",
        "NONSENSE",
    ]);
    let more = prop_oneof![
        8 => Just(""),
        1 => Just("connection: close{}"),
        1 => Just("te: trailers{}"),
        1 => Just("expect: 100-continue{}"),
        1 => Just("host: twice{}"),
    ];
    let end = prop_oneof![6 => Just("\r\n"), 1 => Just("\n")];
    let sized = (line, more, body, 0..4usize, end, any::<bool>()).prop_map(|(line, more, body, how, end, before)| {
        let more = more.replace("{}", end);
        let head = format!("{line}{end}host: x{end}user-agent: {FIREFOX}{end}{more}");
        let asked = match how {
            0 => format!("{head}content-length: {}{end}{end}{body}", body.len()),
            1 => format!("{head}transfer-encoding: chunked{end}{end}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
            2 => format!("{head}content-length: {}{end}{end}{body}", body.len() / 2),
            _ => format!("{head}{end}"),
        };
        if before { format!("{end}{asked}") } else { asked }
    });
    prop_oneof![2 => hit, 1 => sized]
}

/// The pieces of a stream of requests.
fn any_stream() -> impl Strategy<Value = Vec<Vec<u8>>> {
    (
        prop::collection::vec(any_request(), 1..6),
        prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        any::<bool>(),
    )
        .prop_map(|(requests, cuts, one_by_one)| {
            let mut ends: Vec<usize> = match one_by_one {
                true => requests
                    .iter()
                    .scan(0, |at, request| {
                        *at += request.len();
                        Some(*at)
                    })
                    .collect(),
                false => vec![],
            };
            let all = requests.concat().into_bytes();
            ends.extend(cuts.iter().map(|cut| cut.index(all.len())));
            ends.extend([0, all.len()]);
            ends.sort_unstable();
            ends.windows(2).map(|ends| all[ends[0]..ends[1]].to_vec()).filter(|piece| !piece.is_empty()).collect()
        })
}

/// The answers without `connection: close`; the stored pages; and whether any answer had `connection: close`, or was
/// one of HTTP/1.0, which closes without it.
///
/// `connection: close` is left out because after bytes that are not HTTP actix sends it only if they are the first that
/// it reads on a connection, although it closes the connection in any case.
fn outcome(rig: &Rig, server: &Server, pieces: &[Vec<u8>], pause: Duration) -> (String, Vec<String>, bool) {
    let before = rig.events().len();
    let mut stream = server.connect();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        let _it_may_be_closed = stream.write_all(piece);
        std::thread::sleep(pause);
    }
    let _it_may_be_closed = stream.shutdown(Shutdown::Write);
    let answers = without_date(&until_closed(&mut stream));
    let closes = answers.contains(CLOSES) || answers.contains("HTTP/1.0 ");
    (answers.replace(CLOSES, ""), pages(rig, before), closes)
}

const CLOSES: &str = "connection: close\r\n";

/// The stored pages without the first `before`.
fn pages(rig: &Rig, before: usize) -> Vec<String> {
    let page = |kept| if let Kept::Event { page, .. } = kept { page } else { String::new() };
    let mut pages: Vec<String> = rig.events().into_iter().skip(before).map(page).collect();
    pages.sort();
    pages
}

/// Pauses between pieces, and between attempts.
///
/// Actix closes the connection after an answer if it has read a part of the *next* request's body by then, and it
/// answers in the version of the last head that it has read. So the answers depend on whether a piece arrives before
/// the request before it is answered. If one side closes, and so may have answered less than the other, both are tried
/// again with longer pauses.
const PAUSES: [Duration; 3] = [Duration::from_millis(4), Duration::from_millis(60), Duration::from_millis(600)];

#[test]
fn any_stream_is_answered_as_actix_would() {
    let (rig, only_actix) = (Rig::new(), Rig::new());
    only_actix.edge.collector.only_actix.store(true, Ordering::Relaxed);
    let (server, reference) = (Server::start(&rig), Server::start(&only_actix));
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    runner
        .run(&any_stream(), |pieces| {
            for pause in PAUSES {
                let (ours, stored, we_close) = outcome(&rig, &server, &pieces, pause);
                let (actix, stored_by_actix, actix_closes) = outcome(&only_actix, &reference, &pieces, pause);
                if (&ours, &stored) != (&actix, &stored_by_actix) {
                    if (we_close || actix_closes) && pause != PAUSES[2] {
                        std::thread::sleep(pause);
                        continue;
                    }
                    prop_assert_eq!((ours, stored), (actix, stored_by_actix), "after pauses of {:?}", pause);
                }
                break;
            }
            Ok(())
        })
        .unwrap();
    server.stop();
    reference.stop();
    assert!(rig.plain_hits() > 50 && only_actix.plain_hits() == 0, "{}", rig.plain_hits());
}
