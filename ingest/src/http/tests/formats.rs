//! Hits of other products' trackers: what is stored, and what is answered.

use actix_web::http::Method;

use super::*;
use crate::testing::UMAMI;

fn umami(kind: &str, fields: &str) -> String {
    format!(r#"{{"type":"{kind}","payload":{{"website":"{UMAMI}","hostname":"example.org","url":"/a"{fields}}}}}"#)
}

fn json(body: &[u8]) -> serde_json::Value {
    serde_json::from_slice(body).unwrap()
}

/// Site, kind, name and page of all stored events.
fn stored(rig: &Rig) -> Vec<(u32, &'static str, String, String)> {
    rig.stopped();
    let of = |event| match event {
        Kept::Event { site, kind, name, page, .. } => (site, kind, name, page),
        other => panic!("{other:?}"),
    };
    rig.events().into_iter().map(of).collect()
}

fn want(all: &[(u32, &'static str, &str, &str)]) -> Vec<(u32, &'static str, String, String)> {
    all.iter().map(|&(site, kind, name, page)| (site, kind, name.to_owned(), page.to_owned())).collect()
}

#[actix_web::test]
async fn goatcounter_is_always_answered_with_the_picture() {
    let rig = Rig::new();
    let app = app!(rig);
    let here = ("referer", "https://www.example.org/prices");
    for (request, status, dropped) in [
        (get("/count?p=%2Fa&r=&t=A&s=1280,800,1&b=0&rnd=1").insert_header(here), 200, ""),
        (post("").uri("/count?p=sign+up&e=true&b=0&rnd=2").insert_header(here), 200, ""),
        (post("").uri("/count?p=%2Fb").insert_header(("origin", "https://example.org")), 200, ""),
        (get("/count?p=%2Fc&b=153").insert_header(here), 200, "bot"),
        (get("/count?p=%2Fc").insert_header(here).insert_header(("sec-gpc", "1")), 200, "gpc"),
        (get("/count?p=%2Fc").insert_header(("referer", "https://nobody.example/")), 200, "unknown_site"),
        (get("/count?p=%2Fc"), 400, "malformed"),
    ] {
        let (got, headers, body) = send(&app, request).await;
        assert_eq!((got, &body[..], header(&headers, "x-footfall-dropped")), (status, &answer::GIF[..], dropped));
        assert_eq!(header(&headers, "access-control-allow-origin"), "*");
        assert!(!headers.contains_key("set-cookie"));
    }
    let head = TestRequest::default().method(Method::HEAD).uri("/count?p=%2Fa").insert_header(here);
    assert_eq!(send(&app, head).await.0, 200);
    let want = want(&[(1, "pageview", "", "/a"), (1, "custom", "sign up", "/prices"), (1, "pageview", "", "/b")]);
    assert_eq!((stored(&rig), rig.received()), (want, 7), "HEAD is answered and not counted");
}

#[actix_web::test]
async fn umami_is_answered_without_anything_about_a_visitor() {
    let rig = Rig::new();
    let app = app!(rig);
    for (body, dropped) in [
        (umami("event", r#","id":"CANARY","ip":"203.0.113.77","userAgent":"curl/8"#), "malformed"),
        (umami("event", r#","id":"CANARY","ip":"203.0.113.77","userAgent":"curl/8""#), ""),
        (umami("event", r#","name":"signup","data":{"plan":"x"}"#), ""),
        (umami("performance", r#","lcp":1200,"cls":0.3"#), ""),
        (umami("engagement", r#","engagement":4000"#), ""),
        (umami("identify", r#","data":{"mail":"CANARY"}"#), ""),
        (umami("event", "").replace(UMAMI, "nobody.example"), "unknown_site"),
    ] {
        let request = post(&body).uri("/api/send").insert_header(("x-umami-cache", "CANARY"));
        let (status, headers, answer) = send(&app, request).await;
        assert_eq!(header(&headers, "x-footfall-dropped"), dropped, "{body}");
        assert_eq!(header(&headers, "access-control-allow-origin"), "*");
        match dropped {
            "malformed" => assert_eq!((status, json(&answer)["error"]["message"].is_string()), (400, true)),
            _ => assert_eq!((status, json(&answer)), (200, serde_json::json!({ "beep": "boop" }))),
        }
    }
    let names: Vec<_> = stored(&rig).into_iter().map(|(_, kind, name, _)| (kind, name)).collect();
    let want = [("pageview", ""), ("custom", "signup"), ("vital", "vitals"), ("engagement", "")];
    assert_eq!(names, want.map(|(kind, name)| (kind, name.to_owned())));
    let events = rig.events();
    let tag = |n: usize| if let Kept::Event { tag, .. } = &events[n] { *tag } else { 0 };
    assert_eq!(tag(0), tag(1), "an `ip` and an `id` in the body make no other visitor");
    assert!(!rig.bytes().windows(6).any(|window| window == b"CANARY"));
    assert_eq!(rig.received(), 6, "`identify` is not a hit");
}

#[actix_web::test]
async fn the_answer_to_an_umami_batch_names_what_was_not_a_hit() {
    let rig = Rig::new();
    let app = app!(rig);
    let body = format!("[{},7,{},{}]", umami("event", ""), umami("identify", ""), umami("event", r#","name":"x""#));
    let (status, _, answer) = send(&app, post(&body).uri("/api/batch")).await;
    let answer = json(&answer);
    assert_eq!(
        (status, &answer["size"], &answer["processed"], &answer["errors"]),
        (200, &4.into(), &3.into(), &1.into())
    );
    assert_eq!(answer["details"][0]["index"], 1);
    assert_eq!(send(&app, post("{}").uri("/api/batch")).await.0, 400);
    assert_eq!(send(&app, post(&"x".repeat(BATCH_BYTES_MAX + 1)).uri("/api/batch")).await.0, 413);
    rig.stopped();
    assert_eq!((rig.events().len(), rig.fate("malformed"), rig.fate("too_large")), (2, 2, 1));
}

#[actix_web::test]
async fn matomo_is_answered_with_the_picture_or_204() {
    let rig = Rig::new();
    let app = app!(rig);
    let page = "idsite=7&rec=1&url=https%3A%2F%2Fexample.org%2Fa";
    for (request, status, body, dropped) in [
        (get(&format!("/matomo.php?{page}&_id=CANARY&uid=CANARY")), 200, &answer::GIF[..], ""),
        (get(&format!("/matomo.php?{page}&send_image=0&e_c=Video&e_a=Play")), 204, b"", ""),
        (post(&format!("{page}&send_image=0&search=tea&search_count=0")).uri("/matomo.php"), 204, b"", ""),
        (get(&format!("/matomo.php?{page}&ping=1")), 200, answer::GIF, ""),
        (get(&format!("/matomo.php?{page}")).insert_header(("dnt", "1")), 200, answer::GIF, "dnt"),
        (get(&format!("/matomo.php?{}", page.replace('7', "8"))), 200, answer::GIF, "unknown_site"),
        (get("/matomo.php?idsite=7&send_image=0"), 400, answer::GIF, "malformed"),
    ] {
        let (got, headers, answer) = send(&app, request).await;
        assert_eq!((got, &answer[..], header(&headers, "x-footfall-dropped")), (status, body, dropped));
        assert!(!headers.contains_key("set-cookie"));
    }
    let want = want(&[(1, "pageview", "", "/a"), (1, "custom", "Video: Play", "/a"), (1, "search", "tea", "/a")]);
    assert_eq!((stored(&rig), rig.received()), (want, 6), "a ping is not a hit");
    assert!(!rig.bytes().windows(6).any(|window| window == b"CANARY"));
}

#[actix_web::test]
async fn a_matomo_list_is_counted_and_its_counts_are_answered() {
    let rig = Rig::new();
    let app = app!(rig);
    let body = r#"{"requests":["?idsite=7&rec=1&url=https://example.org/a","?idsite=7","?idsite=7&rec=1&url=https://example.org/b&link=https://other.example/x"]}"#;
    let (status, _, answer) = send(&app, post(body).uri("/matomo.php")).await;
    let want_answer = serde_json::json!({ "status": "success", "tracked": 2, "invalid": 1 });
    assert_eq!((status, json(&answer)), (200, want_answer));
    assert_eq!(send(&app, post("{").uri("/matomo.php")).await.0, 400);
    let want = want(&[(1, "pageview", "", "/a"), (1, "outbound", "other.example", "/b")]);
    assert_eq!((stored(&rig), rig.fate("malformed")), (want, 2));
}

#[actix_web::test]
async fn matomos_script_may_read_the_answer_although_it_sends_credentials() {
    let rig = Rig::new();
    let app = app!(rig);
    let origin = ("origin", "https://example.org");
    let preflight = || TestRequest::default().method(Method::OPTIONS);
    let hit = post("idsite=7&rec=1&url=https://example.org/").uri("/matomo.php");
    for request in [hit.insert_header(origin), preflight().uri("/matomo.php").insert_header(origin)] {
        let (_, headers, _) = send(&app, request).await;
        assert_eq!(header(&headers, "access-control-allow-origin"), "https://example.org");
        assert_eq!(header(&headers, "access-control-allow-credentials"), "true");
        assert_eq!(header(&headers, "vary"), "origin");
    }
    for path in ["/api/send", "/api/batch", "/count", "/api/event"] {
        let (status, headers, _) = send(&app, preflight().uri(path).insert_header(origin)).await;
        assert_eq!((status, header(&headers, "access-control-allow-origin")), (204, "*"));
        assert!(header(&headers, "access-control-allow-headers").contains("x-umami-cache"));
        assert!(!headers.contains_key("access-control-allow-credentials"));
    }
}

#[actix_web::test]
async fn a_hit_that_could_not_be_stored_is_answered_503_in_every_format() {
    let rig = Rig::with(TempDir::new().unwrap(), options(), Salts::broken(), &[]);
    let app = app!(rig);
    for request in [
        get("/count?p=%2Fa&site=example.org"),
        post(&umami("event", "")).uri("/api/send"),
        post(&format!("[{}]", umami("event", ""))).uri("/api/batch"),
        get("/matomo.php?idsite=7&rec=1&send_image=0&url=https://example.org/"),
        post(r#"{"requests":["idsite=7&rec=1&url=https://example.org/"]}"#).uri("/matomo.php"),
    ] {
        let (status, headers, _) = send(&app, request).await;
        assert_eq!((status, header(&headers, "retry-after").is_empty()), (503, false));
    }
    rig.stopped();
    assert_eq!((rig.fate("no_salt"), rig.received()), (5, 5));
}
