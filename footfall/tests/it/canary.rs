//! The canary: a marked visitor walks through, and no mark is found in anything that is left of the visit.
//!
//! It comes by every endpoint, and as the trackers of other counters tell of it.
//!
//! Looked through: every file of the data directory (spool, ClickHouse, engine), the log at its most verbose level,
//! `/metrics`, `/proc` is not. Marks: an address as text, integer, hexadecimal and raw bytes, a user agent, a language,
//! e-mail addresses in path and query, what came after `?`, a referrer's path, a purchase's order id.

use std::path::{Path, PathBuf};

use testbed::mmdb::{BUILT_S, file, nested};

use crate::footfall::{Footfall, noon_zone, ureq_agent};

const V4: [u8; 4] = [203, 0, 113, 77];
const V6: &str = "2001:db8:feed:beef:1:2:3:4";
/// A server that tells of its visitors.
const SENDER: &str = "kein-treffer-token";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0 kanarienvogel/7731";

fn marks() -> Vec<(&'static str, Vec<u8>)> {
    let number = u32::from_be_bytes(V4);
    let text = |name: &'static str, mark: &str| (name, mark.as_bytes().to_vec());
    vec![
        text("address", "203.0.113.77"),
        text("its prefix", "203.0.113."),
        text("address as a number", &number.to_string()),
        text("address in hexadecimal", "cb00714d"),
        text("IPv6 address", V6),
        text("IPv6 address, its prefix", "2001:db8:feed"),
        text("IPv6 in hexadecimal", "20010db8feed"),
        ("address in bytes", V4.to_vec()),
        ("address in bytes, reversed", V4.iter().rev().copied().collect()),
        ("IPv6 in bytes", vec![0x20, 0x01, 0x0d, 0xb8, 0xfe, 0xed]),
        text("user agent", "kanarienvogel"),
        text("the language's rest", "tlh-KX"),
        text("e-mail in the path", "person@canary"),
        text("e-mail in the path, encoded", "person%40canary"),
        text("e-mail in the query", "query@canary"),
        text("the query", "geheimnis"),
        text("the referrer's path", "verraeterisch"),
        text("the order", "ORDER-4711"),
        text("a body that is no hit", "kein-treffer"),
        text("what a tracker calls its visitor", "besucher-4711"),
        text("a server's key", "schluessel-4711"),
    ]
}

fn send(footfall: &Footfall, address: &str, method: &str, path: &str, body: &str) -> u16 {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", footfall.address()))
        .header("user-agent", AGENT)
        .header("accept-language", "fr-FR, tlh-KX;q=0.5")
        .header("sec-ch-ua", r#""Kanarienvogel";v="7", "Brave";v="kanarienvogel""#)
        .header("sec-ch-ua-platform", r#""Kanarienvogel""#)
        .header("referer", "https://www.search.example/verraeterisch?q=geheimnis")
        .header("x-forwarded-for", address)
        .header("x-umami-cache", "besucher-4711")
        .header("authorization", format!("Bearer {SENDER}"))
        .header("idempotency-key", "schluessel-4711")
        .body(body.to_owned())
        .unwrap();
    ureq_agent().run(request).unwrap().status().as_u16()
}

/// The same visitor as the trackers of other counters tell of it, and how many hits that is.
fn send_as_others_do(footfall: &Footfall, address: &str) -> u32 {
    let page = "https%3A%2F%2Fexample.org%2Fp%2Fperson%2540canary.example%3Fgeheimnis";
    let matomo = format!(
        "idsite=3&rec=1&url={page}&_id=besucher-4711&uid=query@canary.example&token_auth=kein-treffer&\
         urlref=https%3A%2F%2Fsearch.example%2Fverraeterisch"
    );
    let order = "&consent=1&idgoal=0&ec_id=ORDER-4711&revenue=5&e_c=&ec_items=%5B%5B%22s%22%2C%22Tea%22%5D%5D";
    let umami = |kind: &str| {
        format!(
            "{{\"type\":\"{kind}\",\"payload\":{{\"website\":\"example.org\",\"hostname\":\"example.org\",\"id\":\"besucher-4711\",\
             \"url\":\"/p/person@canary.example?geheimnis\",\"referrer\":\"https://search.example/verraeterisch\",\
             \"name\":\"bought\",\"ip\":\"203.0.113.77\",\"userAgent\":\"kanarienvogel\",\
             \"data\":{{\"mail\":\"query@canary.example\",\"commerce\":{{\"orderId\":\"ORDER-4711\",\"items\":[]}}}}}}}}"
        )
    };
    let hit = format!(
        "{{\"ip\":\"{}\",\"user_agent\":\"{AGENT}\",\"language\":\"fr, tlh-KX\",\"time\":{},\"n\":\"pageview\",\"c\":true,\
         \"u\":\"https://example.org/p/person@canary.example?geheimnis\",\"o\":\"ORDER-4711\",\"items\":[{{\"name\":\"Tea\"}}]}}",
        address.rsplit(' ').next().unwrap(),
        schema::clock::now_s()
    );
    let count = "/count?site=example.org&p=%2Fp%2Fperson%40canary.example%3Fgeheimnis&q=%3Fgeheimnis&t=geheimnis";
    let sent = |method: &str, path: &str, body: &str, status: u16, hits: u32| {
        assert_eq!(send(footfall, address, method, path, body), status, "{method} {path} {body}");
        hits
    };
    sent("GET", count, "", 200, 1)
        + sent("POST", count, "", 200, 1)
        + sent("POST", "/api/send", &umami("event"), 200, 1)
        + sent("POST", "/api/send", &umami("identify"), 200, 0)
        + sent("POST", "/api/batch", &format!("[{},{}]", umami("event"), umami("kein-treffer")), 200, 1)
        + sent("GET", &format!("/matomo.php?{matomo}"), "", 200, 1)
        + sent("POST", "/matomo.php", &format!("{matomo}{order}"), 200, 1)
        + sent("POST", "/matomo.php", &format!("{{\"requests\":[\"?{matomo}\",\"kein-treffer\"]}}"), 200, 1)
        + sent("POST", "/api/hits", &format!("{{\"site\":\"example.org\",\"hits\":[{hit}]}}"), 200, 1)
        + sent("POST", "/api/hits", &format!("{{\"site\":\"kein-treffer\",\"hits\":[{hit}]}}"), 403, 0)
        + sent("POST", "/api/send", "{\"kein-treffer\"", 400, 0)
        + sent("POST", "/matomo.php", "{\"kein-treffer\"", 400, 0)
        + sent("GET", "/matomo.php?kein-treffer=geheimnis", "", 400, 0)
        + sent("GET", &format!("/matomo.php?{matomo}&cip=203.0.113.77"), "", 400, 0)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map_while(Result::ok) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found
}

fn look(place: &str, bytes: &[u8], found: &mut Vec<String>) {
    for (name, mark) in marks() {
        if bytes.windows(mark.len()).any(|window| window.eq_ignore_ascii_case(&mark)) {
            found.push(format!("{name} in {place}"));
        }
    }
}

#[test]
fn no_mark_of_a_visitor_is_left_anywhere() {
    // Beside its folder: the file that says where networks are has them in it.
    let geo = tempfile::NamedTempFile::new().unwrap();
    let records = [("203.0.113.0/24", nested("FR", "IDF")), ("2001:db8:feed::/48", nested("DE", "BE"))];
    std::fs::write(geo.path(), file("Test", BUILT_S, &records)).unwrap();
    let whole = format!("geo = {:?}", geo.path());
    let sender = blake3::hash(SENDER.as_bytes());
    let site = format!(
        "time_zone = \"{}\"\nmatomo = 3\n[[token]]\nname = \"server\"\nsites = [1]\nsend = true\nblake3 = \"{sender}\"",
        noon_zone()
    );
    let mut footfall = Footfall::start_with(&whole, &site);
    let mut by_others = 0;
    for address in ["203.0.113.77", V6, "garbage, 203.0.113.77"] {
        let hit = |n: &str, page: &str| {
            format!(
                "{{\"n\":\"{n}\",\"d\":\"example.org\",\"u\":\"https://example.org{page}\",\
                 \"r\":\"https://search.example/verraeterisch?q=geheimnis\",\"p\":{{\"mail\":\"query@canary.example\"}},\
                 \"items\":[{{\"order\":\"ORDER-4711\"}}],\"$\":{{\"order\":\"ORDER-4711\"}}}}"
            )
        };
        let page = "/welcome/person@canary.example/x?geheimnis=query@canary.example#geheimnis";
        assert_eq!(send(&footfall, address, "POST", "/api/event", &hit("pageview", page)), 202);
        assert_eq!(send(&footfall, address, "POST", "/api/event", &hit("Signup", "/p/person%40canary.example")), 202);
        assert_eq!(send(&footfall, address, "GET", "/f.gif?d=example.org&p=/person@canary.example", ""), 200);
        // What fails or is refused must not talk either.
        assert_eq!(send(&footfall, address, "POST", "/api/event", "{\"kein-treffer\": person@canary.example"), 400);
        assert_eq!(send(&footfall, address, "POST", "/api/event", &"kein-treffer".repeat(4000)), 413);
        assert_eq!(
            send(
                &footfall,
                address,
                "POST",
                "/api/event",
                "{\"n\":\"pageview\",\"d\":\"kein-treffer.example\",\"u\":\"https://kein-treffer.example/\"}"
            ),
            202
        );
        assert!(send(&footfall, address, "GET", "/person@canary.example?geheimnis", "") == 404);
        by_others += send_as_others_do(&footfall, address);
        send(&footfall, address, "POST", "/api/v2/query", "{\"site_id\":\"kein-treffer\"}");
    }
    footfall.wait_until_quiet();
    let mut found = Vec::new();
    let metrics = footfall.metrics();
    let stored = format!("footfall_hits_total{{fate=\"stored\"}} {}\n", 9 + by_others);
    assert!(by_others == 3 * 8 && metrics.contains(&stored), "{metrics}");
    look("/metrics", metrics.as_bytes(), &mut found);
    footfall.stop();
    let files = files(footfall.dir());
    assert!(files.len() > 50, "ClickHouse's files are among them: {}", files.len());
    let kept: Vec<u8> = files.iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
    assert!(kept.windows(9).any(|window| window == b"/welcome/"), "the page itself is kept");
    assert!(kept.windows(6).any(|window| window == b"FR-IDF"), "and where it was looked at");
    for path in &files {
        look(&path.display().to_string(), &std::fs::read(path).unwrap(), &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_has_no_column_for_an_identifier_or_a_finer_time() {
    let engine = testbed::clickhouse::Engine::start(env!("CARGO_BIN_EXE_footfall")).await;
    warehouse::Warehouse::new(engine.client()).migrate(0).await.unwrap();
    let sql = "SELECT table, name, type FROM system.columns WHERE database = 'default' ORDER BY table, position";
    let columns = engine.client().query(sql).fetch_all::<(String, String, String)>().await.unwrap();
    let bookkeeping = ["shards", "closed", "settled", "imports", "migrations"];
    for (table, name, kind) in &columns {
        if bookkeeping.contains(&table.as_str()) {
            continue;
        }
        let cube = schema::cubes::Cube::ALL.iter().find(|cube| cube.label() == table).expect("an unknown table");
        let known = match name.as_str() {
            "site" | "day" | "round" | "shard" | "generation" => true,
            // Quarter hours and local hours: `schema::day` makes no finer ones.
            "bucket" | "hour" => cube.is_timed(),
            _ => {
                cube.dimensions().iter().any(|d| d.label() == name) && kind == "LowCardinality(String)"
                    || cube
                        .measures()
                        .iter()
                        .any(|m| m.label() == name && kind == if m.is_wide() { "Int64" } else { "Int32" })
            }
        };
        assert!(known, "{table}.{name} {kind}: what is it for?");
    }
    assert!(columns.len() > 70, "{}", columns.len());
}
