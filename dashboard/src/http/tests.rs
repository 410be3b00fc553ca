use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::ServiceResponse;
use actix_web::http::header::HeaderMap;
use actix_web::test::TestRequest;
use actix_web::{App, test};
use schema::sites::{CurrentSites, Site, Sites};
use schema::zone::Zone;
use serde_json::{Value, json};

use super::*;

/// A response.
struct Received {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Received {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn error(&self) -> String {
        self.json()["error"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }
}

/// Sends a request to an API with two sites and a token for the first. No ClickHouse answers.
async fn send(request: TestRequest) -> Received {
    let site =
        |id, domain: &str, zone: &str| Site { zone: Zone::new(zone).unwrap(), crowd: 7, ..Site::new(id, domain) };
    let sites = Sites::new(vec![site(1, "a.org", "Europe/Paris"), site(2, "b.org", "UTC")]).unwrap();
    let token = ApiToken { name: "t".into(), sites: vec![1], blake3: blake3::hash(b"secret"), live: true };
    let nowhere = clickhouse::Client::default().with_url("http://127.0.0.1:1");
    let state = Data::new(StatsApi::new(Arc::new(CurrentSites::new(sites)), vec![token], Duration::ZERO, nowhere));
    let app = test::init_service(App::new().configure(|config| configure(config, state))).await;
    let response: ServiceResponse<_> = test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().try_into_bytes().ok().unwrap().to_vec();
    Received { status, headers, body }
}

fn ask(body: &Value) -> TestRequest {
    let known = ("authorization", "Bearer secret");
    TestRequest::post().uri("/api/v2/query").insert_header(known).set_payload(body.to_string())
}

fn ask_many(body: &Value) -> TestRequest {
    ask(body).uri("/api/v2/queries")
}

fn question(site: &str) -> Value {
    json!({"site_id": site, "metrics": ["visitors"], "date_range": "day"})
}

#[actix_web::test]
async fn without_a_known_token_nothing_is_answered() {
    for (uri, post) in [("/api/v2/query", true), ("/api/v2/queries", true), ("/api/sites", false)] {
        for header in [None, Some("Bearer wrong"), Some("Basic secret")] {
            let request = if post { TestRequest::post() } else { TestRequest::get() }.uri(uri);
            let request = match header {
                Some(header) => request.insert_header(("authorization", header)),
                None => request,
            };
            let answer = send(request.set_payload(question("a.org").to_string())).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"), "{uri} {header:?}");
            assert!(answer.error().contains("token"));
        }
    }
}

#[actix_web::test]
async fn a_site_that_the_token_does_not_see_is_answered_like_one_that_does_not_exist() {
    let (other, none) = (send(ask(&question("b.org"))).await, send(ask(&question("z.org"))).await);
    assert_eq!((other.status, &other.body), (403, &none.body));
    assert_eq!(none.status, 403);
    assert!(other.error().contains("GET /api/sites"));
}

#[actix_web::test]
async fn a_token_lists_its_own_sites() {
    let request = TestRequest::get().uri("/api/sites").insert_header(("authorization", "Bearer secret"));
    let answer = send(request).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!([{"id": 1, "domain": "a.org", "time_zone": "Europe/Paris", "crowd": 7}]));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[actix_web::test]
async fn a_question_that_cannot_be_answered_gets_a_sentence() {
    let answer = send(ask(&json!({"site_id": "a.org", "metrics": ["shoes"], "date_range": "day"}))).await;
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("there are visitors"), "{}", answer.error());
    assert_eq!(answer.header("content-type"), "application/json");
}

#[actix_web::test]
async fn questions_that_are_refused_have_their_sentence_in_the_place_of_their_answer() {
    let wrong = json!({"site_id": "a.org", "metrics": ["shoes"], "date_range": "day"});
    let unknown_field = json!({"site_id": "a.org", "metrics": ["visits"], "date_range": "day", "segments": []});
    let answer = send(ask_many(&json!({"queries": [wrong, question("b.org"), 7, unknown_field]}))).await;
    assert_eq!(answer.status, 200);
    let answers = answer.json()["answers"].as_array().unwrap().clone();
    let sentences: Vec<&str> = answers.iter().map(|answer| answer["error"].as_str().unwrap()).collect();
    for (sentence, words) in
        sentences.iter().zip(["there are visitors", "GET /api/sites", "must be an object", "there are site_id"])
    {
        assert!(sentence.contains(words), "{sentence}");
    }
    assert_eq!(sentences.len(), 4);
}

#[actix_web::test]
async fn a_request_takes_from_1_to_32_questions() {
    let questions = |n: usize| json!({"queries": vec![json!({}); n]});
    for (body, status, words) in [
        (questions(32), 200, "site_id must be"),
        (questions(33), 400, "from 1 to 32"),
        (questions(0), 400, "from 1 to 32"),
        (json!({"queries": {}}), 400, "a list of questions"),
        (json!([]), 400, "a list of questions"),
        (json!({"queries": [], "more": 1}), 400, "there are `queries`"),
    ] {
        let answer = send(ask_many(&body)).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert!(answer.status == status && text.contains(&words.replace('`', "")), "{body}: {text}");
    }
}

#[actix_web::test]
async fn the_views_are_listed_with_the_metrics_that_they_serve() {
    let answer = send(TestRequest::get().uri("/api/views")).await;
    let views = answer.json();
    let of = |dimension: &str| {
        let view = views.as_array().unwrap().iter().find(|view| view["dimension"] == dimension);
        view.unwrap()["metrics"].clone()
    };
    assert_eq!(of("event:name"), json!(["visitors", "visits", "events"]));
    assert_eq!(of("time:day").as_array().unwrap().len(), 7);
}

#[actix_web::test]
async fn the_openapi_document_needs_no_token() {
    let answer = send(TestRequest::get().uri("/api/openapi.json")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert!(answer.json()["paths"]["/api/v2/query"]["post"].is_object());
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused() {
    let fits = |bytes: usize| json!({"site_id": "x".repeat(bytes)});
    assert_eq!(send(ask(&fits(BODY_BYTES_MAX - 100))).await.status, 400);
    let answer = send(ask(&fits(BODY_BYTES_MAX))).await;
    assert_eq!((answer.status, answer.error()), (413, "the question is over 64 KiB".to_owned()));
}

#[actix_web::test]
async fn while_clickhouse_does_not_answer_the_response_is_503_with_retry_after() {
    for request in [ask(&question("a.org")), ask_many(&json!({"queries": [question("z.org"), question("a.org")]}))] {
        let answer = send(request).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"));
        assert!(!answer.error().contains("127.0.0.1"), "the address of ClickHouse is not in a response");
    }
}

#[actix_web::test]
async fn a_wrong_method_is_refused_with_the_right_one() {
    for (uri, request, right) in [
        ("/api/v2/query", TestRequest::get(), "POST"),
        ("/api/v2/queries", TestRequest::get(), "POST"),
        ("/api/sites", TestRequest::post(), "GET"),
        ("/api/views", TestRequest::post(), "GET"),
    ] {
        let answer = send(request.uri(uri)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, right));
        assert!(answer.error().contains(right));
    }
}

#[actix_web::test]
async fn the_page_and_all_its_files_have_a_strict_policy() {
    let index = send(TestRequest::get().uri("/")).await;
    assert_eq!((index.status, index.header("cache-control")), (200, "no-cache"));
    let text = String::from_utf8(index.body.clone()).unwrap();
    let linked: Vec<String> = text
        .split(['"'])
        .filter(|link| link.starts_with("./"))
        .map(|link| link.trim_start_matches('.').to_owned())
        .collect();
    assert!(linked.iter().any(|link| link.ends_with(".js")), "{linked:?}");
    for uri in linked.iter().map(String::as_str).chain(["/", "/assets/none.js"]) {
        let answer = send(TestRequest::get().uri(uri)).await;
        assert_eq!(answer.status == 200, uri != "/assets/none.js", "{uri}");
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
    assert_eq!(send(TestRequest::with_uri("/").method(actix_web::http::Method::HEAD)).await.status, 200);
}
