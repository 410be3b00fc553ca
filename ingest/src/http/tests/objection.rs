//! The page on which visitors object, and beacons in mails.

use super::*;

fn form(choice: &'static str) -> TestRequest {
    TestRequest::post()
        .uri("/opt-out")
        .insert_header(("content-type", "application/x-www-form-urlencoded"))
        .set_payload(format!("choice={choice}&lang=fr"))
}

#[actix_web::test]
async fn the_page_shows_whether_the_visitor_is_counted_and_the_button_sets_a_cookie_for_13_months_once() {
    let rig = Rig::new();
    let app = app!(rig);
    let page = |cookie: &'static str, language: &'static str| {
        get("/opt-out").insert_header(("cookie", cookie)).insert_header(("accept-language", language))
    };
    for (cookie, language, says, button) in [
        ("", "en", "are counted.", "value=\"out\""),
        ("", "fr-CA,en", "sont comptées.", "value=\"out\""),
        ("a=b; footfall_optout=1", "en", "You objected", "value=\"in\""),
        ("footfall_optout=1", "fr", "Vous vous êtes opposé", "value=\"in\""),
    ] {
        let (status, headers, body) = send(&app, page(cookie, language)).await;
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert_eq!((status, header(&headers, "cache-control")), (200, "no-store"));
        assert!(text.contains(says) && text.contains(button), "{cookie} {language}: {text}");
        assert_eq!(header(&headers, "set-cookie"), "", "GET sets no cookie and prolongs none");
    }
    let (status, headers, _) = send(&app, form("out")).await;
    assert_eq!((status, header(&headers, "location")), (303, "?lang=fr"));
    assert_eq!(header(&headers, "set-cookie"), "footfall_optout=1; Max-Age=34128000; Path=/; SameSite=Lax");
    let (_, headers, _) = send(&app, form("out").insert_header(("cookie", "footfall_optout=1"))).await;
    assert_eq!(header(&headers, "set-cookie"), "", "the cookie is not prolonged");
    let (_, headers, _) = send(&app, form("in").insert_header(("cookie", "footfall_optout=1"))).await;
    assert!(header(&headers, "set-cookie").starts_with("footfall_optout=; Max-Age=0"));
    assert_eq!(send(&app, form("perhaps")).await.0, 400);
}

#[actix_web::test]
async fn no_other_site_can_press_the_button() {
    let rig = Rig::new();
    let app = app!(rig);
    for (name, value, want) in [
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 303),
        ("origin", "https://evil.example", 403),
        ("origin", "http://stats.example", 303),
        ("origin", "null", 303),
    ] {
        let request = form("in").insert_header(("host", "stats.example")).insert_header((name, value));
        assert_eq!(send(&app, request).await.0, want, "{name}: {value}");
    }
}

#[actix_web::test]
async fn the_status_shows_whether_the_visitor_is_counted() {
    let rig = Rig::new();
    let app = app!(rig);
    for (name, value, want) in [
        ("x-nothing", "1", r#"{"opted_out":false,"gpc":false,"dnt":false,"counted":true}"#),
        ("cookie", "footfall_optout=1", r#"{"opted_out":true,"gpc":false,"dnt":false,"counted":false}"#),
        ("sec-gpc", "1", r#"{"opted_out":false,"gpc":true,"dnt":false,"counted":false}"#),
        ("dnt", "1", r#"{"opted_out":false,"gpc":false,"dnt":true,"counted":false}"#),
    ] {
        let (status, _, body) = send(&app, get("/opt-out/status").insert_header((name, value))).await;
        assert_eq!((status, std::str::from_utf8(&body).unwrap()), (200, want), "{name}");
    }
}

#[actix_web::test]
async fn a_beacon_counts_loads_of_declared_campaigns_and_stores_nothing_about_the_reader() {
    let rig = Rig::new();
    let app = app!(rig);
    let load = |path: &str, agent: &'static str| {
        get(path).insert_header(("user-agent", agent)).insert_header(("referer", "https://mail.example/CANARY"))
    };
    const GMAIL: &str = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
    for (path, agent, dropped) in [
        ("/b/example.org/spring.gif?recipient=CANARY", GMAIL, ""),
        ("/b/example.org/spring.gif", "Mozilla/5.0", ""),
        ("/b/example.org/spring.gif", FIREFOX, ""),
        ("/b/example.org/autumn.gif", FIREFOX, "no_consent"),
        ("/b/example.org/CANARY.gif", FIREFOX, "no_consent"),
        ("/b/nowhere.example/spring.gif", FIREFOX, "unknown_site"),
        ("/b/example.org/spring.gif", "Googlebot/2.1 (+http://www.google.com/bot.html)", "bot"),
        ("/b/example.org/spring.png", FIREFOX, "malformed"),
    ] {
        let (_, headers, body) = send(&app, load(path, agent)).await;
        assert_eq!((&body[..], header(&headers, "x-footfall-dropped")), (&answer::GIF[..], dropped), "{path} {agent}");
        assert_eq!((header(&headers, "cache-control"), header(&headers, "set-cookie")), ("no-store", ""));
    }
    let objector = load("/b/example.org/spring.gif", FIREFOX).insert_header(("cookie", "footfall_optout=1"));
    assert_eq!(header(&send(&app, objector).await.1, "x-footfall-dropped"), "opt_out");
    rig.stopped();
    let loads: Vec<_> = rig
        .events()
        .into_iter()
        .map(|event| match event {
            Kept::Event { kind, tag, page, rest, .. } => (kind, tag, page, rest),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(loads.len(), 3);
    for ((kind, tag, page, rest), service) in loads.iter().zip(["Gmail", "Apple Mail", ""]) {
        assert_eq!((*kind, *tag, &**page), ("open", 0, ""));
        let campaign = format!(r#"Campaign {{ source: "{service}", medium: "email", name: "spring""#);
        assert!(rest.contains(&campaign), "{rest}");
        assert!(rest.contains("device: Unknown") && rest.contains(r#"browser: "unknown""#), "{rest}");
    }
    assert!(!rig.bytes().windows(6).any(|w| w == b"CANARY"), "nothing of the URL but the two names is on disk");
}
