//! The canary: a marked visitor walks through, and no mark is found in anything that is left of the visit.
//!
//! Looked through: every file of the data directory (spool, ClickHouse, engine), the log at its most verbose level,
//! `/metrics`, `/proc` is not. Marks: an address as text, integer, hexadecimal and raw bytes, a user agent, a language,
//! e-mail addresses in path and query, what came after `?`, a referrer's path, a purchase's order id.

use std::path::{Path, PathBuf};

use testbed::mmdb::{BUILT_S, file, nested};

use crate::footfall::{Footfall, noon_zone, ureq_agent};

const V4: [u8; 4] = [203, 0, 113, 77];
const V6: &str = "2001:db8:feed:beef:1:2:3:4";
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
    ]
}

fn send(footfall: &Footfall, address: &str, method: &str, path: &str, body: &str) -> u16 {
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{}{path}", footfall.address()))
        .header("user-agent", AGENT)
        .header("accept-language", "fr-FR, tlh-KX;q=0.5")
        .header("referer", "https://www.search.example/verraeterisch?q=geheimnis")
        .header("x-forwarded-for", address)
        .body(body.to_owned())
        .unwrap();
    ureq_agent().run(request).unwrap().status().as_u16()
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
    let mut footfall = Footfall::start_with(&whole, &format!("time_zone = \"{}\"", noon_zone()));
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
        send(&footfall, address, "POST", "/api/v2/query", "{\"site_id\":\"kein-treffer\"}");
    }
    footfall.wait_until_quiet();
    let mut found = Vec::new();
    let metrics = footfall.metrics();
    assert!(metrics.contains("footfall_hits_total{fate=\"stored\"} 9"), "{metrics}");
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
    aggregator::warehouse::Warehouse::new(engine.client()).migrate(0).await.unwrap();
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
                    || cube.measures().iter().any(|m| m.label() == name) && kind == "Int32"
            }
        };
        assert!(known, "{table}.{name} {kind}: what is it for?");
    }
    assert!(columns.len() > 70, "{}", columns.len());
}
