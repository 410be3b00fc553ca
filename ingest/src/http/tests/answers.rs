//! Status, headers and body of every endpoint.

use super::*;
use crate::testing::TRACKER;

#[actix_web::test]
async fn an_event_is_answered_202_ok_whatever_its_content_type_and_to_any_origin() {
    let rig = Rig::new();
    let app = app!(rig);
    for content_type in ["text/plain", "application/json", "application/x-www-form-urlencoded", "nonsense"] {
        let request = post(&pageview("/")).insert_header(("content-type", content_type));
        let (status, headers, body) = send(&app, request.insert_header(("origin", "https://example.org"))).await;
        assert_eq!((status, &body[..]), (202, &b"ok"[..]), "{content_type}");
        assert_eq!(header(&headers, "access-control-allow-origin"), "*");
        assert!(!headers.contains_key("access-control-allow-credentials") && !headers.contains_key("set-cookie"));
    }
    assert_eq!(rig.events().len(), 4);
}

#[actix_web::test]
async fn a_preflight_is_answered() {
    let rig = Rig::new();
    let app = app!(rig);
    let request = TestRequest::default().method(actix_web::http::Method::OPTIONS).uri("/api/event");
    let (status, headers, body) = send(&app, request).await;
    assert_eq!((status, body.len()), (204, 0));
    assert_eq!(header(&headers, "access-control-allow-origin"), "*");
    assert!(header(&headers, "access-control-allow-methods").contains("POST"));
    assert!(header(&headers, "access-control-allow-headers").contains("content-type"));
}

#[actix_web::test]
async fn a_request_that_is_not_a_hit_is_answered_with_one_line_of_reason() {
    let rig = Rig::new();
    let app = app!(rig);
    let long = format!(r#"{{"n":"pageview","u":"https://example.org/{}"}}"#, "x".repeat(2048));
    let large = "x".repeat(BODY_BYTES_MAX + 1);
    for (body, status, reason) in [
        ("", 400, "the body is not JSON"),
        (r#"{"n":"pageview"}"#, 400, "u (url) is missing"),
        (&*long, 413, "u (url) is longer than 2 KiB"),
        (&*large, 413, "the body is longer than 16 KiB"),
    ] {
        let (got, headers, text) = send(&app, post(body)).await;
        assert_eq!((got, &*String::from_utf8(text).unwrap()), (status, reason));
        assert_eq!(header(&headers, "access-control-allow-origin"), "*", "otherwise a page could not read the reason");
    }
    let (status, headers, body) = send(&app, get("/f.gif")).await;
    assert_eq!((status, &body[..], header(&headers, "x-footfall-dropped")), (400, &answer::GIF[..], "malformed"));
}

#[actix_web::test]
async fn engagement_and_properties_are_stored_and_marketing_only_with_consent() {
    let rig = Rig::new();
    let app = app!(rig);
    let order = r#""u":"https://example.org/?utm_campaign=CANARY-A","o":"CANARY-B","$":{"currency":"EUR","amount":3},"items":[{"name":"CANARY-C"}]"#;
    for body in [
        r#"{"n":"engagement","u":"https://example.org/","d":"example.org","sd":50,"e":4000}"#.to_owned(),
        r#"{"n":"Sign up","u":"https://counts.example/","p":{"plan":"free","undeclared":"CANARY-D"}}"#.to_owned(),
        format!(r#"{{"n":"purchase","d":"example.org",{order}}}"#),
        format!(r#"{{"n":"purchase","d":"example.org","c":true,{}}}"#, order.replace("CANARY", "kept")),
    ] {
        let (status, headers, _) = send(&app, post(&body)).await;
        assert_eq!((status, header(&headers, "x-footfall-dropped")), (202, ""), "{body}");
    }
    rig.stopped();
    let events: Vec<_> = rig
        .events()
        .into_iter()
        .map(|event| match event {
            Kept::Event { kind, rest, .. } => (kind, rest),
            other => panic!("{other:?}"),
        })
        .collect();
    let [(engaged, ms), (custom, plan), (_, audience), (_, marketing)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((*engaged, *custom), ("engagement", "custom"));
    assert!(ms.contains("Engagement { ms: 4000, scroll: 50 }"), "{ms}");
    assert!(plan.contains(r#"properties: [("plan", "free")]"#), "{plan}");
    assert!(audience.contains("lane: Audience") && audience.contains("Extra::NONE"), "{audience}");
    assert!(marketing.contains("lane: Marketing") && marketing.contains(r#"name: "kept-a""#), "{marketing}");
    assert!(marketing.contains("revenue: 300") && marketing.contains("kept-C"), "{marketing}");
    let bytes = rig.bytes();
    for canary in [&b"CANARY"[..], b"kept-B"] {
        assert!(
            !bytes.windows(canary.len()).any(|w| w.eq_ignore_ascii_case(canary)),
            "data without a basis is nowhere on disk"
        );
    }
}

#[actix_web::test]
async fn the_picture_has_43_bytes_and_is_not_cached() {
    let rig = Rig::new();
    let app = app!(rig);
    let (status, headers, body) = send(&app, get("/f.gif?d=example.org&p=/x&rnd=1")).await;
    assert_eq!((status, body.len(), &body[..6]), (200, 43, &b"GIF89a"[..]));
    assert_eq!((header(&headers, "content-type"), header(&headers, "cache-control")), ("image/gif", "no-store"));
    assert_eq!(header(&headers, "cross-origin-resource-policy"), "cross-origin");
    assert!(!headers.contains_key("set-cookie"));

    let head = TestRequest::default().method(actix_web::http::Method::HEAD).uri("/f.gif?d=example.org&p=/x");
    let (status, headers, _) = send(&app, head).await;
    assert_eq!((status, header(&headers, "content-type")), (200, "image/gif"));
    rig.stopped();
    assert_eq!((rig.events().len(), rig.received()), (1, 1), "HEAD is answered and not counted");
}

#[actix_web::test]
async fn the_script_is_cached_for_an_hour_and_revalidated_by_its_version() {
    let rig = Rig::new();
    let app = app!(rig);
    let (status, headers, body) = send(&app, get("/footfall.js")).await;
    assert_eq!((status, &body[..]), (200, TRACKER));
    assert_eq!(header(&headers, "cache-control"), "public, max-age=3600");
    assert_eq!(header(&headers, "content-type"), "text/javascript; charset=utf-8");
    let etag = header(&headers, "etag").to_owned();
    for known in [etag.clone(), format!("W/{etag}"), format!("\"other\", {etag}")] {
        let (status, headers, body) = send(&app, get("/footfall.js").insert_header(("if-none-match", known))).await;
        assert_eq!((status, body.len(), header(&headers, "etag")), (304, 0, &*etag));
    }
    let (status, ..) = send(&app, get("/footfall.js").insert_header(("if-none-match", "\"other\""))).await;
    assert_eq!(status, 200);
    assert_ne!(
        etag,
        header(&Script::new(b"/* another */").answer(&get("/").to_http_request()).headers().clone(), "etag")
    );
}

#[actix_web::test]
async fn the_collector_is_live_always_and_ready_until_the_spool_is_closed() {
    let rig = Rig::new();
    let app = app!(rig);
    assert_eq!((send(&app, get("/healthz/live")).await.0, send(&app, get("/healthz/ready")).await.0), (200, 200));
    rig.edge.collector.appender.stop();
    assert_eq!((send(&app, get("/healthz/live")).await.0, send(&app, get("/healthz/ready")).await.0), (200, 503));
    assert_eq!(send(&app, post(&pageview("/"))).await.0, 503, "a hit that comes too late is answered 503");
    assert_eq!((rig.fate("spool_broken"), rig.received()), (1, 1));
}

#[actix_web::test]
async fn other_methods_than_post_are_answered_405() {
    let rig = Rig::new();
    let app = app!(rig);
    for method in [actix_web::http::Method::GET, actix_web::http::Method::PUT] {
        let (status, headers, _) = send(&app, TestRequest::default().method(method).uri("/api/event")).await;
        assert_eq!((status, header(&headers, "allow")), (405, "POST, OPTIONS"));
    }
    assert_eq!(rig.received(), 0);
}
