//! The endpoints as clients see them, and what is stored of a hit.

mod answers;
mod connections;
mod formats;
mod garbage;
mod hits;
mod hostile;
mod limits;
mod objection;
pub(super) mod server;
mod sockets;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use actix_http::{Request, Response};
use actix_service::{Service, ServiceFactory};
use actix_web::body::MessageBody;
use actix_web::http::header::HeaderMap;
use actix_web::test::TestRequest;
use schema::fate::{Fault, Refusal};
use tempfile::TempDir;

use super::*;
use crate::accept::{BATCH_BYTES_MAX, BODY_BYTES_MAX};
use crate::salt::Salts;
use crate::testing::{Kept, Rig, options, refusals};

pub(super) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";

/// The hit of a browser; tests change it.
pub(super) fn post(body: &str) -> TestRequest {
    from_browser(TestRequest::post().uri("/api/event")).set_payload(body.to_owned())
}

pub(super) fn get(uri: &str) -> TestRequest {
    from_browser(TestRequest::get().uri(uri))
}

fn from_browser(request: TestRequest) -> TestRequest {
    let peer: SocketAddr = "198.51.100.7:4711".parse().unwrap();
    let request = request.insert_header(("user-agent", FIREFOX)).insert_header(("content-type", "text/plain"));
    request.peer_addr(peer).insert_header(("accept-language", "fr-CH,fr;q=0.9"))
}

pub(super) fn pageview(path: &str) -> String {
    format!(r#"{{"n":"pageview","u":"https://example.org{path}","d":"example.org"}}"#)
}

/// Sends a request; returns status, headers and body.
pub(super) async fn send<S, B>(app: &S, request: TestRequest) -> (u16, HeaderMap, Vec<u8>)
where
    S: Service<Request, Response = Response<B>, Error = actix_web::Error>,
    B: MessageBody,
{
    let answer = app.call(request.to_request()).await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body =
        actix_web::body::to_bytes(answer.into_body()).await.unwrap_or_else(|_| panic!("the body cannot be read"));
    (status, headers, body.to_vec())
}

pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

macro_rules! app {
    ($rig:expr) => {
        front::requests(Some(std::rc::Rc::new($crate::http::worker::Worker::new($rig.edge.clone()))), |_| {})
            .new_service(())
            .await
            .unwrap()
    };
}
pub(super) use app;

#[actix_web::test]
async fn a_hit_is_on_disk_before_the_answer_and_its_visitor_is_not() {
    let rig = Rig::with(TempDir::new().unwrap(), options(), Salts::in_memory(), &["198.51.100.0/24"]);
    let app = app!(rig);
    let body = r#"{"n":"Signup canary@example.net","u":"https://canary:pw@example.org/u/canary%40example.net/a?mail=canary@example.net#canary","d":"example.org","r":"https://news.example/canary?mail=canary@example.net"}"#;
    let request = post(body)
        .insert_header(("x-forwarded-for", "203.0.113.77"))
        .insert_header(("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0 CANARY"))
        .insert_header(("accept-language", "fr-CANARY"));
    let (status, _, _) = send(&app, request).await;
    let on_disk = rig.bytes(); // Read before anything else can happen.
    assert_eq!(status, 202);

    let [Kept::Event { site: 1, kind: "custom", name, page, source, rest, .. }] = &rig.events()[..] else {
        panic!("{:?}", rig.events())
    };
    assert_eq!((&**name, &**page, &**source), ("Signup (email)", "/u/(email)/a", "news.example"));
    assert!(rest.contains("Firefox 132") && rest.contains("\"fr\"") && rest.contains("\"Linux\""), "{rest}");
    for mark in ["canary", "203.0.113", "3405803853", "cb00714d", "cb:00:71", "198.51.100"] {
        let found = on_disk.windows(mark.len()).any(|window| window.eq_ignore_ascii_case(mark.as_bytes()));
        assert!(!found, "{mark} is on disk");
    }
    for mark in [[203, 0, 113, 77], [77, 113, 0, 203]] {
        assert!(!on_disk.windows(4).any(|window| window == mark), "the address is on disk, as a number");
    }
    assert!(on_disk.windows(12).any(|window| window == b"/u/(email)/a"), "the event is");
}

#[actix_web::test]
async fn a_visitor_who_objects_is_answered_like_any_other_and_only_the_reason_is_stored() {
    let rig = Rig::new();
    let app = app!(rig);
    let mut sent = 0;
    for (name, value, reason) in [
        ("cookie", "a=b; footfall_optout=1; c=d", "opt_out"),
        ("sec-gpc", "1", "gpc"),
        ("dnt", "1", "dnt"),
        ("sec-purpose", "prefetch;prerender", "prefetch"),
        ("purpose", "prefetch", "prefetch"),
        ("x-moz", "prefetch", "prefetch"),
    ] {
        let googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        let event = post(&pageview("/")).insert_header((name, value));
        let robot = post(&pageview("/")).insert_header((name, value)).insert_header(("user-agent", googlebot));
        for request in [event, robot] {
            let (status, headers, body) = send(&app, request).await;
            assert_eq!((status, &body[..], header(&headers, "x-footfall-dropped")), (202, &b"ok"[..], reason));
        }
        let pixel = get("/f.gif?d=example.org&p=/").insert_header((name, value));
        let (status, headers, body) = send(&app, pixel).await;
        assert_eq!((status, &body[..], header(&headers, "x-footfall-dropped")), (200, &answer::GIF[..], reason));
        assert!(!headers.contains_key("set-cookie"));
        sent += 3;
    }
    for (name, value) in [("cookie", "footfall_optout=0; not_footfall_optout=1"), ("sec-gpc", "0"), ("dnt", "0")] {
        let (_, headers, _) = send(&app, post(&pageview("/")).insert_header((name, value))).await;
        assert_eq!(header(&headers, "x-footfall-dropped"), "", "{name}: {value} is no objection");
        sent += 1;
    }
    let records = rig.stopped();
    assert_eq!(rig.events().len(), 3);
    let want = [("dnt", 3), ("gpc", 3), ("opt_out", 3), ("prefetch", 9)];
    let want: BTreeMap<_, _> = want.into_iter().map(|(reason, hits)| ((1, reason, String::new()), hits)).collect();
    assert_eq!(refusals(&records), want, "no crawler is named: of an objection only the reason is stored");
    assert_eq!(rig.received(), sent);
}

/// The tags of hits sent with these values of `X-Forwarded-For`, all by one peer.
async fn tags(rig: &Rig, forwarded: &[&str]) -> Vec<u64> {
    let app = app!(rig);
    for value in forwarded {
        assert_eq!(send(&app, post(&pageview("/")).insert_header(("x-forwarded-for", *value))).await.0, 202);
    }
    rig.events().iter().map(|kept| if let Kept::Event { tag, .. } = kept { *tag } else { unreachable!() }).collect()
}

#[actix_web::test]
async fn a_forged_forwarded_list_changes_nothing_and_a_trusted_proxys_is_read_from_the_right() {
    let rig = Rig::new();
    let tags_untrusted = tags(&rig, &["203.0.113.77", "192.0.2.1", "198.51.100.7"]).await;
    assert!(tags_untrusted.iter().all(|tag| *tag == tags_untrusted[0]));

    let rig = Rig::with(TempDir::new().unwrap(), options(), Salts::in_memory(), &["198.51.100.0/24", "10.0.0.0/8"]);
    let tags =
        tags(&rig, &["203.0.113.77", "203.0.113.99", "192.0.2.1, 203.0.113.5", "203.0.113.5, 10.1.1.1", "192.0.2.1"])
            .await;
    assert!(tags[..4].iter().all(|tag| *tag == tags[0]), "addresses further left are what the client claims");
    assert_ne!(tags[4], tags[0]);
}

#[actix_web::test]
async fn each_hit_has_one_fate_and_refusals_are_recorded() {
    let rig = Rig::new();
    let app = app!(rig);
    let on = |site: &str, host: &str| format!(r#"{{"n":"pageview","u":"https://{host}/x","d":"{site}"}}"#);
    let curl = ("user-agent", "curl/8.5.0");
    for (request, dropped) in [
        (post(&pageview("/a")), ""),
        (post(&on("EXAMPLE.org", "anything.example")), ""),
        (post(&on("nobody.example", "nobody.example")), "unknown_site"),
        (post(&on("shop.example", "www.shop.example")), ""),
        (post(&on("shop.example", "evil.example")), "hostname"),
        (post(&pageview("/a")).insert_header(curl), "bot"),
        (post(&on("counts.example", "counts.example")).insert_header(curl), ""),
        (get("/f.gif?d=example.org").insert_header(("referer", "https://example.org/from-referer")), ""),
        (get("/f.gif?d=nobody.example&p=/"), "unknown_site"),
    ] {
        let (status, headers, _) = send(&app, request).await;
        assert!(matches!(status, 200 | 202));
        assert_eq!(header(&headers, "x-footfall-dropped"), dropped);
    }
    assert_eq!(send(&app, post("nonsense")).await.0, 400);
    assert_eq!(send(&app, post(&"x".repeat(BODY_BYTES_MAX + 1))).await.0, 413);
    let records = rig.stopped();
    let want = [
        ((0, "malformed", String::new()), 1),
        ((0, "too_large", String::new()), 1),
        ((0, "unknown_site", String::new()), 2),
        ((1, "bot", "curl".to_owned()), 1),
        ((2, "hostname", String::new()), 1),
    ];
    assert_eq!(refusals(&records), BTreeMap::from(want));
    assert_eq!(rig.events().len(), 5);
    assert_eq!((rig.fate("stored"), rig.fate("unknown_site"), rig.received()), (5, 2, 11));
    let bot = rig.events().into_iter().find(|kept| matches!(kept, Kept::Event { site: 3, .. })).unwrap();
    assert!(
        matches!(bot, Kept::Event { rest, .. } if rest.contains("device: Bot")),
        "if a site counts robots, their device is `Bot`"
    );
}

#[actix_web::test]
async fn a_request_may_name_several_sites_and_counts_once_on_each() {
    let rig = Rig::new();
    let app = app!(rig);
    let body = r#"{"n":"pageview","u":"https://example.org/x","d":"example.org, counts.example,alias-1,nobody.example,shop.example"}"#;
    let (status, headers, _) = send(&app, post(body)).await;
    assert_eq!((status, header(&headers, "x-footfall-dropped")), (202, "unknown_site"));
    rig.stopped();
    let sites: Vec<u32> =
        rig.events().iter().map(|kept| if let Kept::Event { site, .. } = kept { *site } else { 0 }).collect();
    assert_eq!(sites, [1, 3]);
    assert_eq!((rig.fate("stored"), rig.fate("unknown_site"), rig.fate("hostname")), (2, 1, 1));
}

#[actix_web::test]
async fn only_consent_or_the_owners_declaration_opens_the_marketing_lane() {
    let rig = Rig::new();
    let app = app!(rig);
    let body = |site: &str, more: &str| {
        format!(r#"{{"n":"pageview","u":"https://a.example/?utm_source=x","d":"{site}"{more}}}"#)
    };
    for (site, more) in
        [("example.org", ""), ("example.org", r#","c":false"#), ("example.org", r#","c":true"#), ("counts.example", "")]
    {
        send(&app, post(&body(site, more))).await;
    }
    let lanes: Vec<bool> = rig
        .events()
        .iter()
        .map(|kept| matches!(kept, Kept::Event { rest, .. } if rest.contains("lane: Marketing")))
        .collect();
    assert_eq!(lanes, [false, false, true, true]);
    assert!(!rig.bytes().windows(3).any(|window| window == b"utm"), "no campaign is stored in either lane");
}

#[actix_web::test]
async fn a_full_spool_is_answered_503_with_the_picture_and_freed_space_is_used_again() {
    let small = spool::Options { segment_bytes: 32 << 10, bytes_max: 64 << 10, ..options() };
    let rig = Rig::with(TempDir::new().unwrap(), small, Salts::in_memory(), &[]);
    let app = app!(rig);
    let mut stored = 0;
    loop {
        let (status, headers, body) = send(&app, get(&format!("/f.gif?d=example.org&p=/{}", "ab/".repeat(150)))).await;
        assert_eq!(&body[..], answer::GIF);
        if status == 503 {
            assert_ne!(header(&headers, "retry-after"), "");
            break;
        }
        assert_eq!(status, 200);
        stored += 1;
        assert!(stored < 1000, "the spool of 64 KiB does not get full");
    }
    let (status, headers, _) = send(&app, post(&pageview(&"ab/".repeat(150)))).await;
    assert_eq!((status, header(&headers, "retry-after").is_empty()), (503, false));
    assert_eq!((rig.fate("stored"), rig.fate("spool_full"), rig.received()), (stored, 2, stored + 2));

    rig.spool.trim(rig.spool.synced()).unwrap();
    assert_eq!(send(&app, post(&pageview("/again"))).await.0, 202);
    let (_, last, _) = rig.records().pop().unwrap();
    assert_eq!(last, stored + 1, "failed commits used up no numbers");
}

#[actix_web::test]
async fn without_the_salt_of_its_day_a_hit_is_not_stored() {
    let rig = Rig::with(TempDir::new().unwrap(), options(), Salts::broken(), &[]);
    let app = app!(rig);
    assert_eq!(send(&app, post(&pageview("/"))).await.0, 503);
    let (status, _, body) = send(&app, get("/f.gif?d=example.org&p=/")).await;
    assert_eq!((status, &body[..]), (503, &answer::GIF[..]));
    assert_eq!(send(&app, get("/healthz/ready")).await.0, 503);
    assert_eq!(send(&app, post(&pageview("/")).insert_header(("dnt", "1"))).await.0, 202, "objections need no salt");
    rig.stopped();
    assert_eq!((rig.events().len(), rig.fate("no_salt"), rig.fate("dnt")), (0, 2, 1));
}

#[actix_web::test]
async fn every_fate_has_a_counter_from_the_start() {
    let rig = Rig::new();
    let refusals = Refusal::ALL.iter().map(|refusal| refusal.label());
    for label in refusals.chain(Fault::ALL.iter().map(|fault| fault.label())).chain(["stored"]) {
        assert_eq!(rig.fate(label), 0);
    }
}

#[actix_web::test]
async fn client_hints_correct_the_user_agent_and_stay_out_of_the_tag() {
    let rig = Rig::new();
    let app = app!(rig);
    let chrome =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
    let plain = || post(&pageview("/")).insert_header(("user-agent", chrome));
    let hints = [("sec-ch-ua", r#""Brave";v="131", "Chromium";v="131""#), ("sec-ch-ua-platform", r#""Android""#)];
    for request in [plain(), plain().insert_header(hints[0]).insert_header(hints[1])] {
        assert_eq!(send(&app, request).await.0, 202);
    }
    let [Kept::Event { rest: plain, tag, .. }, Kept::Event { rest: hinted, tag: same, .. }] = &rig.events()[..] else {
        panic!("{:?}", rig.events())
    };
    assert!(plain.contains("Chrome 131") && plain.contains("Linux"), "{plain}");
    assert!(hinted.contains("Brave 131") && hinted.contains("Android") && hinted.contains("Tablet"), "{hinted}");
    assert_eq!(tag, same, "one visitor");
}
