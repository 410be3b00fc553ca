//! Random requests: the status is one of five, nothing panics, and each hit has one fate.

use actix_web::http::Uri;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::rt::System;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

const HEADERS: &[&str] = &[
    "user-agent",
    "accept-language",
    "referer",
    "cookie",
    "x-forwarded-for",
    "dnt",
    "sec-gpc",
    "sec-purpose",
    "content-type",
    "content-length",
    "if-none-match",
    "origin",
];

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        "\\PC{0,40}".prop_map(String::into_bytes),
        "(https?://)?[a-z.%@:/?#\\[\\]0-9-]{0,40}".prop_map(String::into_bytes),
        "([0-9a-f:.]{0,20},? ?){0,4}".prop_map(String::into_bytes),
    ]
}

fn any_json() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![
        "n",
        "u",
        "d",
        "r",
        "p",
        "i",
        "h",
        "w",
        "c",
        "name",
        "url",
        "domain",
        "payload",
        "requests",
        "[a-z]{1,3}"
    ];
    let value = prop_oneof![
        Just("\"pageview\"".to_owned()),
        Just(r#"{"website":"example.org","url":"/x","name":"y","data":{"a":[1]}}"#.to_owned()),
        Just(r#"["?idsite=7&rec=1&url=https://example.org/&e_c=a&e_a=b","?",7]"#.to_owned()),
        Just("\"example.org\"".to_owned()),
        "\"https?://[a-z.@:%/?#0-9]{0,60}\"",
        "\"\\PC{0,30}\"",
        "-?[0-9]{1,30}(\\.[0-9]{1,5})?",
        Just("null".to_owned()),
        Just("true".to_owned()),
        "\\{(\"a\":\\[?){0,200}",
    ];
    let begun = prop_oneof![Just(""), Just(r#""name":"pageview","url":"https://example.org/","domain":"example.org""#)];
    (begun, prop::collection::vec((key, value), 0..6)).prop_map(|(begun, fields)| {
        let mut all = Vec::from_iter((!begun.is_empty()).then(|| begun.to_owned()));
        all.extend(fields.iter().map(|(key, value)| format!("\"{key}\":{value}")));
        format!("{{{}}}", all.join(",")).into_bytes()
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let cut = (any_json(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut json, at, byte)| {
        let at = at.index(json.len());
        json[at] = byte;
        json
    });
    prop_oneof![3 => any_json(), 2 => cut, 1 => prop::collection::vec(any::<u8>(), 0..200), 1 => Just(vec![b'['; 17_000])]
}

type Headers = Vec<(usize, Vec<u8>)>;

fn any_headers() -> impl Strategy<Value = Headers> {
    prop::collection::vec((0..HEADERS.len(), any_value()), 0..5)
}

fn with(mut request: TestRequest, headers: &Headers) -> TestRequest {
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request = request.append_header((HeaderName::from_static(HEADERS[*name]), value));
        }
    }
    request
}

#[test]
fn no_random_request_is_a_500_or_a_panic_and_each_has_one_fate() {
    let system = System::new();
    let rig = Rig::new();
    let (app, mut sent) = system.block_on(async { (app!(rig), 0u64) });
    let query = "(d=example.org&p=|rec=1&idsite=7&url=https://example.org/|p=/&site=example.org&)?[a-z_]{0,8}=?[a-z.,%0-9&=+/?@:-]{0,60}";
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(1500) });
    let browser = prop_oneof![Just(""), Just(FIREFOX)];
    let targets = [
        (true, "/api/event"),
        (true, "/api/send"),
        (true, "/api/batch"),
        (true, "/matomo.php"),
        (true, "/count"),
        (false, "/f.gif"),
        (false, "/count"),
        (false, "/matomo.php"),
    ];
    let cases = (prop::sample::select(targets.to_vec()), any_body(), any_headers(), query, browser);
    let sent_so_far = std::cell::RefCell::new(&mut sent);
    let outcome = runner.run(&cases, |((is_post, path), body, headers, query, browser)| {
        let Ok(uri) = format!("{path}?{query}").parse::<Uri>() else { return Ok(()) };
        let request = match is_post {
            true => TestRequest::post().uri(&uri.to_string()).set_payload(body),
            false => TestRequest::get().uri(&uri.to_string()),
        };
        let request = request.insert_header(("user-agent", browser));
        let (status, ..) = system.block_on(send(&app, with(request, &headers)));
        prop_assert!(matches!(status, 200 | 202 | 204 | 400 | 413), "{}", status);
        // These may send an empty list, or a request that asks for nothing to be counted: no hit.
        **sent_so_far.borrow_mut() += u64::from(!matches!(path, "/api/send" | "/api/batch" | "/matomo.php"));
        Ok(())
    });
    outcome.unwrap();
    let records = rig.stopped();
    let refused: u64 = refusals(&records).values().sum();
    let events = rig.events().len() as u64;
    assert_eq!(rig.fate("stored"), events);
    assert_eq!(rig.received(), events + refused, "metrics and records agree");
    assert!(rig.received() >= sent, "a request is at least one hit");
    assert!(events > 0 && refused > 0, "both happen: {events}, {refused}");
}
