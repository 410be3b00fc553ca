//! `/api/hits`: which servers may send, the fate of each hit, and that a body that is sent again counts once.

use super::*;
use crate::testing::{OTHER_SENDER, SENDER};

/// A hit of a visitor, `ago_s` seconds ago.
fn hit(visitor: &str, ago_s: i64, more: &str) -> String {
    let time = schema::clock::now_s() - ago_s;
    format!(
        r#"{{"ip":"203.0.113.{visitor}","user_agent":"{FIREFOX} CANARY","language":"fr","time":{time},"n":"pageview","u":"https://example.org/a"{more}}}"#
    )
}

fn body(hits: &[String]) -> String {
    format!(r#"{{"site":"example.org","hits":[{}]}}"#, hits.join(","))
}

fn request(body: &str, key: &str) -> TestRequest {
    request_of(SENDER, body, key)
}

fn request_of(token: &str, body: &str, key: &str) -> TestRequest {
    let token = ("authorization", format!("Bearer {token}"));
    let request = TestRequest::post().uri("/api/hits").insert_header(token).insert_header(("user-agent", "curl/8"));
    request.insert_header(("idempotency-key", key)).set_payload(body.to_owned())
}

fn fates(answer: &[u8]) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer).unwrap();
    answer["fates"].as_array().unwrap().iter().map(|fate| fate.as_str().unwrap().to_owned()).collect()
}

/// Tags and idempotency numbers of all stored events, in order.
fn stored(rig: &Rig) -> Vec<(u64, u64)> {
    let mut reader = rig.spool.reader(rig.spool.start()).unwrap();
    let mut all = Vec::new();
    while let Some(frame) = reader.next().unwrap() {
        if let schema::wire::Body::Event(event) = schema::wire::decode(frame.payload).unwrap().body {
            all.push((event.tag.0, event.extra.once));
        }
    }
    all
}

#[actix_web::test]
async fn each_hit_has_its_own_visitor_and_fate() {
    let rig = Rig::new();
    let app = app!(rig);
    let now = [hit("1", 0, ""), hit("77", 1, ""), hit("1", 0, r#","gpc":true"#), hit("1", 0, r#","dnt":true"#)];
    let odd = [hit("1", 0, r#","opt_out":true"#), hit("1", 3 * 86_400, ""), hit("1", -3600, ""), "7".to_owned()];
    let other = hit("1", 0, "").replace("203.0.113.1", "2001:db8::1").replace(FIREFOX, "Googlebot/2.1");
    let all: Vec<_> = now.into_iter().chain(odd).chain([other]).collect();
    let (status, headers, answer) = send(&app, request(&body(&all), "k")).await;
    let over = "refused: malformed (time: its day is over, or it is yet to come)";
    let wrong = "refused: malformed (a field of the hit has the wrong type)";
    let want =
        ["stored", "stored", "refused: gpc", "refused: dnt", "refused: opt_out", over, over, wrong, "refused: bot"];
    assert_eq!((status, fates(&answer)), (207, want.map(str::to_owned).to_vec()));
    assert!(!headers.contains_key("access-control-allow-origin"), "pages do not send here");
    let on_disk = rig.bytes();
    let [(one, first), (other, second)] = stored(&rig)[..] else { panic!("{:?}", rig.events()) };
    assert!(
        one == other && first != second && first != 0,
        "one prefix is one visitor, and each hit has a number of its own"
    );
    for mark in [&b"CANARY"[..], b"203.0.113"] {
        assert!(!on_disk.windows(mark.len()).any(|window| window == mark));
    }
    rig.stopped();
    assert_eq!((rig.received(), rig.fate("stored"), rig.fate("malformed")), (9, 2, 3));
}

#[actix_web::test]
async fn the_same_key_of_two_servers_makes_no_repeat() {
    let rig = Rig::new();
    let app = app!(rig);
    let body = body(&[hit("1", 0, "")]);
    for token in [SENDER, OTHER_SENDER] {
        assert_eq!(send(&app, request_of(token, &body, "batch-1")).await.0, 200);
    }
    let [(one, first), (other, second)] = stored(&rig)[..] else { panic!("two") };
    assert!(one == other && first != second, "one visitor, and two hits");
}

#[actix_web::test]
async fn the_same_key_gives_the_same_numbers_and_another_key_gives_others() {
    let rig = Rig::new();
    let app = app!(rig);
    let body = body(&[hit("1", 0, ""), hit("1", 0, "")]);
    for key in ["k", "k", "other"] {
        let (status, _, answer) = send(&app, request(&body, key)).await;
        assert_eq!((status, fates(&answer)), (200, vec!["stored".to_owned(); 2]));
    }
    let stored = stored(&rig);
    assert_eq!(stored[..2], stored[2..4]);
    assert!(stored[..2].iter().all(|of_key| !stored[4..].contains(of_key)) && stored[0] != stored[1]);
}

#[actix_web::test]
async fn a_server_that_may_not_send_is_rejected_and_nothing_is_counted() {
    let rig = Rig::new();
    let app = app!(rig);
    let good = body(&[hit("1", 0, "")]);
    for (request, status) in [
        (TestRequest::post().uri("/api/hits").set_payload(good.clone()), 401),
        (request(&good, "k").insert_header(("authorization", "Bearer other")), 401),
        (request(&good, "k").insert_header(("authorization", SENDER)), 401),
        (request(&good.replace(r#""site":"example.org""#, r#""site":"shop.example""#), "k"), 403),
        (request(&good.replace(r#""site":"example.org""#, r#""site":"nobody.example""#), "k"), 403),
        (request(&good, ""), 400),
        (request(&good, &"k".repeat(129)), 400),
    ] {
        assert_eq!(send(&app, request).await.0, status);
    }
    assert_eq!(rig.received(), 0);
    assert_eq!(send(&app, request("{", "k")).await.0, 400);
    assert_eq!(send(&app, request(&"x".repeat((1 << 20) + 1), "k")).await.0, 413);
    assert_eq!(send(&app, request(&good, &"k".repeat(128))).await.0, 200);
    rig.stopped();
    assert_eq!((rig.fate("stored"), rig.fate("malformed"), rig.fate("too_large")), (1, 1, 1));
}

#[actix_web::test]
async fn a_thousand_hits_are_stored_and_each_failure_is_answered() {
    let rig = Rig::new();
    let app = app!(rig);
    let all: Vec<_> = (0..1000).map(|n| hit(&(n % 250).to_string(), 0, "")).collect();
    let (status, _, answer) = send(&app, request(&body(&all), "k")).await;
    assert_eq!((status, fates(&answer).len(), stored(&rig).len()), (200, 1000, 1000));
    rig.edge.collector.appender.stop();
    let (status, headers, answer) = send(&app, request(&body(&all[..2]), "k")).await;
    assert_eq!((status, header(&headers, "retry-after").is_empty()), (503, false));
    assert_eq!(fates(&answer), ["failed: spool_broken", "failed: spool_broken"]);
    let without = Rig::with(TempDir::new().unwrap(), options(), Salts::broken(), &[]);
    let (status, _, answer) =
        send(&app!(without), request(&body(&[hit("1", 0, ""), hit("1", 0, r#","gpc":true"#)]), "k")).await;
    assert_eq!((status, fates(&answer)), (503, vec!["failed: no_salt".to_owned(), "refused: gpc".to_owned()]));
}
