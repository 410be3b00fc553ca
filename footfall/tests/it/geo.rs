//! Country and region by the operator's geo file, from a hit through a proxy to an answer; and a new file while hits
//! arrive.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use tempfile::TempDir;
use testbed::mmdb::{BUILT_S, file, flat, nested};

use crate::fleet::{Fleet, Size};
use crate::footfall::{Footfall, noon_zone, ureq_agent};

fn send(collector: &str, address: &str, visitor: usize) {
    let agent = format!("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0 v{visitor}");
    let request = ureq_agent()
        .post(format!("http://{collector}/api/event"))
        .header("user-agent", &agent)
        .header("x-forwarded-for", address);
    let hit = json!({ "n": "pageview", "d": "example.org", "u": "https://example.org/" });
    assert_eq!(request.send(hit.to_string()).unwrap().status(), 202);
}

/// Visits by country and region.
const PLACES: &str = "SELECT country, region, toInt64(sum(visits)) FROM live_visits GROUP BY ALL ORDER BY ALL";

type Places = Vec<(String, String, i64)>;

fn places(all: &[(&str, &str, i64)]) -> Places {
    all.iter().map(|(country, region, visits)| ((*country).to_owned(), (*region).to_owned(), *visits)).collect()
}

/// Replaces a file by a rename.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn nested_file(country: &str, region: &str, built_s: u64) -> Vec<u8> {
    let records = [("203.0.113.0/24", nested(country, region)), ("2001:db8:feed::/48", nested("DE", "BE"))];
    file("Test-City", built_s, &records)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_is_counted_in_its_country_and_a_new_file_is_used_without_a_restart() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("geo.mmdb");
    std::fs::write(&path, nested_file("FR", "IDF", BUILT_S)).unwrap();
    let mut footfall = Footfall::start_with(&format!("geo = {path:?}"), &format!("time_zone = \"{}\"", noon_zone()));
    let built = |it: &Footfall| it.metric("footfall_geo_build_timestamp_seconds") as u64;
    let failures = |it: &Footfall| it.metric("footfall_geo_reload_failures_total") as u64;
    assert_eq!((built(&footfall), failures(&footfall)), (BUILT_S, 0));

    let collector = footfall.address();
    for visitor in 0..6 {
        for address in ["203.0.113.77", "::ffff:203.0.113.9", "2001:db8:feed:1::2", "198.51.100.1"] {
            send(&collector, address, visitor);
        }
    }
    footfall.wait_until_quiet();
    let before = [("DE", "DE-BE", 6), ("FR", "FR-IDF", 6), ("unknown", "unknown", 6)];
    assert_eq!(
        footfall.clickhouse().query(PLACES).fetch_all::<(String, String, i64)>().await.unwrap(),
        places(&before)
    );
    let question = json!({
        "site_id": "example.org", "metrics": ["visitors"], "date_range": "day", "dimensions": ["visit:country"],
        "order_by": [["visit:country", "asc"]],
    });
    let (status, answer) = footfall.query(&question);
    assert_eq!(status, 200, "{answer}");
    let found = |country: &str| {
        let rows = answer["results"].as_array().unwrap();
        rows.iter().find(|row| row["dimensions"] == json!([country])).map(|row| row["metrics"][0].clone())
    };
    assert_eq!((found("DE"), found("FR")), (Some(json!(6)), Some(json!(6))), "{answer}");

    // A file that is no MMDB file replaces it: the old one stays in use.
    replace(&path, b"<html>404 Not Found</html>");
    footfall.wait("the bad file is noticed", |it| failures(it) == 1);
    send(&collector, "203.0.113.77", 7);
    // Then a good file, with another country for the network.
    replace(&path, &nested_file("BE", "BRU", BUILT_S + 1));
    footfall.wait("the new file is in use", |it| built(it) == BUILT_S + 1);
    send(&collector, "203.0.113.77", 8);
    footfall.wait_until_quiet();
    let after = [("BE", "BE-BRU", 1), ("DE", "DE-BE", 6), ("FR", "FR-IDF", 7), ("unknown", "unknown", 6)];
    assert_eq!(footfall.clickhouse().query(PLACES).fetch_all::<(String, String, i64)>().await.unwrap(), places(&after));
    assert_eq!(failures(&footfall), 1);
    footfall.stop();
    let printed = footfall.log_text();
    assert_eq!(printed.matches("is no whole MMDB file").count(), 1, "{printed}");
    for word in ["203.0.113", "2001:db8", "198.51.100"] {
        assert!(!printed.contains(word), "{word} in {printed}");
    }
}

#[test]
fn a_collector_of_many_machines_uses_the_geo_file_too() {
    let mut fleet = Fleet::prepare(Size { partitions: 1, ingests: 1, aggregates: 1 }, "");
    let ingest = fleet.ingests[0].config();
    let records = [("127.0.0.0/8", flat("FR", "Île-de-France"))];
    std::fs::write(ingest.with_file_name("places.mmdb"), file("flat", BUILT_S, &records)).unwrap();
    let config = std::fs::read_to_string(&ingest).unwrap();
    std::fs::write(&ingest, format!("geo = \"places.mmdb\"\n{config}")).unwrap();
    fleet.aggregates[0].run();
    fleet.ingests[0].run();
    fleet.wait("it is ready", |fleet| fleet.ingests[0].get("/healthz/ready") == 200);
    send(&fleet.ingests[0].address(), "203.0.113.77", 1);
    fleet.wait_until_quiet();
    let found: (String, String, i64) = fleet.one(PLACES);
    assert_eq!(vec![found], places(&[("FR", "FR-Île-de-France", 1)]), "no proxy is trusted there");
}

fn command(dir: &Path, name: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_footfall"))
        .args([name, "--config"])
        .arg(dir.join("footfall.toml"))
        .env("XDG_CACHE_HOME", testbed::clickhouse::library().ancestors().nth(3).unwrap())
        .env_remove("CLICKHOUSE_URL")
        .output()
        .unwrap()
}

#[test]
fn check_config_describes_the_geo_file_and_a_bad_file_is_an_error_at_the_start() {
    let dir = TempDir::new().unwrap();
    let ports = [testbed::free_port(), testbed::free_port()];
    let config = format!(
        "listen = \"127.0.0.1:{}\"\nmetrics_listen = \"127.0.0.1:{}\"\ngeo = \"geo.mmdb\"\n[[site]]\nid = 1\ndomain = \"a.org\"\n",
        ports[0], ports[1]
    );
    std::fs::write(dir.path().join("footfall.toml"), config).unwrap();
    let path = dir.path().join("geo.mmdb");
    std::fs::write(&path, nested_file("FR", "IDF", BUILT_S)).unwrap();
    let Output { status, stdout, stderr } = command(dir.path(), "check-config");
    let printed = String::from_utf8(stderr).unwrap();
    let about = "note: geo: \"Test-City\", built 2026-11-03, with 2 countries in `country.iso_code` and 2 regions in \
                 `subdivisions[0].iso_code`; for IPv4 and IPv6\n";
    assert!(status.success() && printed.contains(about), "{printed}");
    assert!(String::from_utf8(stdout).unwrap().contains(&format!("geo = {path:?}\n")));

    let asn = [("203.0.113.0/24", json!({ "autonomous_system_number": 64_496 }))];
    let whole = nested_file("FR", "IDF", BUILT_S);
    for (bytes, words) in [
        (Some(b"garbage".to_vec()), "is no whole MMDB file"),
        (Some(whole[..whole.len() / 2].to_vec()), "is no whole MMDB file"),
        (
            Some(file("GeoLite2-ASN", BUILT_S, &asn)),
            "is an MMDB file of the type \"GeoLite2-ASN\" and holds no countries",
        ),
        (None, "cannot be read (No such file"),
    ] {
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        for name in ["check-config", "serve"] {
            let Output { status, stderr, .. } = command(dir.path(), name);
            let printed = String::from_utf8(stderr).unwrap();
            assert!(
                !status.success() && printed.contains(&format!("geo: {} {words}", path.display())),
                "{name}: {printed}"
            );
        }
    }
}
