use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::mmdb::{BUILT_S, file, flat, nested};

use super::*;

fn place(country: &str, region: &str) -> GeoPlace {
    GeoPlace { country: country.to_owned().into(), region: region.to_owned().into() }
}

fn found(atlas: &Atlas, address: &str) -> GeoPlace {
    atlas.find(Prefix::of_text(address)).map_or(GeoPlace::UNKNOWN, |record| record.place())
}

fn cities() -> Vec<u8> {
    let records = [
        ("192.0.2.0/24", nested("FR", "IDF")),
        ("198.51.100.0/23", nested("de", "BE")),
        ("2001:db8:7::/48", nested("FR", "BRE")),
        ("2001:db8:8000::/34", nested("US", "CA")),
    ];
    file("Test-City", BUILT_S, &records)
}

/// The place that a file with only this record gives its network.
fn place_of(record: &Value) -> Result<GeoPlace, AtlasError> {
    let atlas = Atlas::new(file("Test", BUILT_S, &[("192.0.2.0/24", record.clone())]))?;
    Ok(found(&atlas, "192.0.2.9"))
}

#[test]
fn a_network_is_found_for_both_families_and_mapped_addresses_and_nothing_else() {
    let atlas = Atlas::new(cities()).unwrap();
    for (address, want) in [
        ("192.0.2.0", place("FR", "FR-IDF")),
        ("192.0.2.255", place("FR", "FR-IDF")),
        ("::ffff:192.0.2.7", place("FR", "FR-IDF")),
        ("198.51.101.9", place("DE", "DE-BE")),
        ("2001:db8:7:1:2:3:4:5", place("FR", "FR-BRE")),
        ("2001:db8:8fff::1", place("US", "US-CA")),
        ("192.0.3.1", GeoPlace::UNKNOWN),
        ("2001:db8:6:ffff::", GeoPlace::UNKNOWN),
        ("host.example", GeoPlace::UNKNOWN),
    ] {
        assert_eq!(found(&atlas, address), want, "{address}");
    }
    assert_eq!(
        atlas.to_string(),
        "\"Test-City\", built 2026-11-03, with 3 countries in `country.iso_code` and 4 regions in \
         `subdivisions[0].iso_code`; for IPv4 and IPv6"
    );
}

#[test]
fn a_region_of_a_flat_file_is_its_country_and_a_name() {
    let records = [
        ("192.0.2.0/24", flat("FR", "Île-de-France")),
        ("192.0.3.0/24", flat("FR", "")),
        ("198.51.100.0/24", flat("ES", "La Rioja")),
        ("203.0.113.0/24", flat("AR", "La Rioja")),
    ];
    let atlas = Atlas::new(file("flat", BUILT_S, &records)).unwrap();
    assert_eq!(found(&atlas, "192.0.2.1"), place("FR", "FR-Île-de-France"));
    assert_eq!(found(&atlas, "192.0.3.1"), place("FR", "unknown"));
    assert_eq!(found(&atlas, "198.51.100.1"), place("ES", "ES-La Rioja"));
    assert_eq!(found(&atlas, "203.0.113.1"), place("AR", "AR-La Rioja"));
    assert_eq!(found(&atlas, "2001:db8::1"), GeoPlace::UNKNOWN, "it is for IPv4 only");
    assert_eq!(
        atlas.to_string(),
        "\"flat\", built 2026-11-03, with 3 countries in `country_code` and 3 regions in `state1`; for IPv4 only"
    );
}

#[test]
fn the_address_families_of_a_file_are_those_of_its_networks() {
    let of = |networks: &[&str]| {
        let records: Vec<_> = networks.iter().map(|net| (*net, flat("FR", ""))).collect();
        let about = Atlas::new(file("flat", BUILT_S, &records)).unwrap().to_string();
        about.rsplit_once("; for ").unwrap().1.to_owned()
    };
    assert_eq!(of(&["192.0.2.0/24"]), "IPv4 only");
    assert_eq!(of(&["2001:db8::/32"]), "IPv6 only");
    assert_eq!(of(&["2001:db8::/32", "192.0.2.0/24"]), "IPv4 and IPv6");
}

#[test]
fn each_makers_fields_are_found() {
    let in_france = |rest: &str| place("FR", &format!("FR-{rest}"));
    for (record, want) in [
        (nested("FR", "IDF"), in_france("IDF")),
        (
            json!({ "country": { "iso_code": "FR" }, "subdivisions": [{ "names": { "en": "Brittany" } }] }),
            in_france("Brittany"),
        ),
        (json!({ "country": "fr", "country_name": "France" }), place("FR", "unknown")),
        (json!({ "country": "FR", "region": "Brittany", "region_code": "BRE" }), in_france("BRE")),
        (json!({ "country": "FR", "region": "Brittany" }), in_france("Brittany")),
        (json!({ "country": "France", "country_code": "FR", "region_code": "FR-BRE" }), in_france("BRE")),
        (json!({ "country_code": "FR", "stateprov": " Brittany " }), in_france("Brittany")),
    ] {
        assert_eq!(place_of(&record).unwrap(), want, "{record}");
    }
}

#[test]
fn a_text_that_does_not_look_like_a_country_or_a_region_is_unknown() {
    let in_france = place("FR", "unknown");
    for (odd, good, want) in [
        (json!({ "registered_country": { "iso_code": "FR" } }), nested("FR", "IDF"), GeoPlace::UNKNOWN),
        (nested("F", "IDF"), nested("FR", "IDF"), GeoPlace::UNKNOWN),
        (json!("FR"), nested("FR", "IDF"), GeoPlace::UNKNOWN),
        (nested("FR", "IDF4"), nested("FR", "IDF"), in_france.clone()),
        (nested("FR", "I/F"), nested("FR", "IDF"), in_france.clone()),
        (json!({ "country": { "iso_code": "FR" }, "subdivisions": [] }), nested("FR", "IDF"), in_france.clone()),
        (flat("FRA", "Brittany"), flat("FR", "Brittany"), GeoPlace::UNKNOWN),
        (flat("4é", "Brittany"), flat("FR", "Brittany"), GeoPlace::UNKNOWN),
        (json!({ "country_code": 33, "state1": "Brittany" }), flat("FR", "Brittany"), GeoPlace::UNKNOWN),
        (json!({ "country_code": "FR", "state1": 7 }), flat("FR", "Brittany"), in_france.clone()),
        (flat("FR", "Britt\nany"), flat("FR", "Brittany"), in_france.clone()),
        (flat("FR", "  "), flat("FR", "Brittany"), in_france),
    ] {
        // The good record beside it shows which fields the file has.
        let records = [("192.0.2.0/24", odd.clone()), ("203.0.113.0/24", good)];
        let atlas = Atlas::new(file("Test", BUILT_S, &records)).unwrap();
        assert_eq!(found(&atlas, "192.0.2.1"), want, "{odd}");
        assert_ne!(found(&atlas, "203.0.113.1").region, UNKNOWN, "{odd}");
    }
    let long = place_of(&flat("FR", &"é".repeat(100))).unwrap();
    assert_eq!(long, place("FR", &format!("FR-{}", "é".repeat(64))));
}

#[test]
fn a_file_without_countries_is_rejected_with_a_reason() {
    let reason = |bytes: Vec<u8>| Atlas::new(bytes).err().expect("is refused").to_string();
    for bytes in [b"".to_vec(), b"country,region\nFR,IDF\n".to_vec(), vec![0xab; 100_000]] {
        assert!(reason(bytes).starts_with("is no whole MMDB file ("));
    }
    let asn = json!({ "autonomous_system_number": 64_496, "autonomous_system_organization": "Example" });
    let asn = reason(file("GeoLite2-ASN", BUILT_S, &[("192.0.2.0/24", asn)]));
    assert!(asn.contains("\"GeoLite2-ASN\" and holds no countries"), "{asn}");
    let missing = Atlas::read(std::path::Path::new("/nowhere/geo.mmdb")).err().unwrap().to_string();
    assert!(missing.starts_with("cannot be read (No such file"), "{missing}");
}

#[test]
fn a_truncated_file_is_rejected() {
    let whole = cities();
    for end in 0..whole.len() {
        assert!(Atlas::new(whole[..end].to_vec()).is_err(), "{end} bytes of {}", whole.len());
    }
    // Also if the hole is before the metadata, which is at the end, unless the hole contained nothing that is read.
    let right = ["192.0.2.1", "198.51.100.1", "2001:db8:7::1", "2001:db8:8000::1"];
    let answers = |atlas: Atlas| right.map(|address| found(&atlas, address));
    let metadata = whole.windows(11).position(|window| window == b"MaxMind.com").unwrap() - 3;
    for from in 0..metadata {
        if let Ok(atlas) = Atlas::new([&whole[..from], &whole[metadata..]].concat()) {
            assert_eq!(answers(atlas), answers(Atlas::new(cities()).unwrap()), "without bytes {from} to {metadata}");
        }
    }
}

proptest! {
    /// A damaged file is rejected, or its texts have the expected shape. Nothing panics or runs without end.
    #[test]
    fn damage_causes_at_most_a_wrong_place(at in prop::collection::vec((0usize..2_000, any::<u8>()), 1..4), address: [u8; 6]) {
        let mut bytes = cities();
        let len = bytes.len();
        for (at, byte) in at {
            bytes[at % len] = byte;
        }
        if let Ok(atlas) = Atlas::new(bytes) {
            let [a, b, c, d, e, f] = address;
            let v6 = format!("{:x}:{:x}:{:x}::", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), u16::from_be_bytes([e, f]));
            for text in [format!("{a}.{b}.{c}.{d}"), v6, "192.0.2.1".to_owned(), "2001:db8:8000::".to_owned()] {
                let GeoPlace { country, region } = found(&atlas, &text);
                prop_assert!(country == UNKNOWN || country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase()));
                let rest = region.strip_prefix(&*country).and_then(|rest| rest.strip_prefix('-'));
                prop_assert!(region == UNKNOWN || rest.is_some_and(|rest| matches!(rest.len(), 1..=3)));
            }
        }
    }
}

/// A file that a `Geo` checks for changes, and the metrics.
struct Scene {
    dir: TempDir,
    geo: Arc<Geo>,
    prometheus: PrometheusHandle,
}

impl Scene {
    fn new(first: &[u8]) -> Scene {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("geo.mmdb");
        std::fs::write(&path, first).unwrap();
        let recorder = PrometheusBuilder::new().build_recorder();
        let prometheus = recorder.handle();
        let geo = Arc::new(metrics::with_local_recorder(&recorder, || Geo::open(&path)).unwrap());
        Scene { dir, geo, prometheus }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("geo.mmdb")
    }

    /// Puts another file in its place at once.
    fn replace(&self, bytes: &[u8]) {
        let new = self.dir.path().join("new");
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(new, self.path()).unwrap();
    }

    fn counted(&self, name: &str) -> u64 {
        let text = self.prometheus.render();
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("{name}: {text}"))
    }

    fn failures(&self) -> u64 {
        self.counted("footfall_geo_reload_failures_total ")
    }

    fn built_s(&self) -> u64 {
        self.counted("footfall_geo_build_timestamp_seconds ")
    }
}

fn country(country: &str, built_s: u64) -> Vec<u8> {
    file("Test-Country", built_s, &[("192.0.2.0/24", json!({ "country": { "iso_code": country } }))])
}

fn here() -> Prefix {
    Prefix::of_text("192.0.2.1")
}

#[test]
fn a_new_file_is_used_from_the_second_check_on_and_the_old_one_until_then() {
    let scene = Scene::new(&country("FR", 1_000_000_000));
    let mut places = Places::new(Some(scene.geo.clone()));
    let mut seen = |look: bool| {
        if look {
            scene.geo.check();
        }
        places.get(here(), 0).country.clone()
    };
    assert_eq!((seen(false), seen(true), seen(true)), ("FR".into(), "FR".into(), "FR".into()));
    scene.replace(&country("DE", 1_000_000_001));
    assert_eq!((seen(false), seen(true), scene.built_s()), ("FR".into(), "FR".into(), 1_000_000_000));
    assert_eq!((seen(true), scene.built_s()), ("DE".into(), 1_000_000_001));
    assert_eq!(scene.geo.change(), 1);
    seen(true);
    assert_eq!((scene.geo.change(), scene.failures()), (1, 0), "it is read once");
}

#[test]
fn a_reload_reads_the_file_at_once() {
    let scene = Scene::new(&country("FR", 1));
    let mut places = Places::new(Some(scene.geo.clone()));
    scene.replace(&country("DE", 2));
    scene.geo.reload();
    assert_eq!(places.get(here(), 0).country, "DE");
    scene.geo.check();
    scene.geo.check();
    assert_eq!(scene.geo.change(), 1, "and not again");
}

#[test]
fn a_file_that_is_being_written_is_not_read() {
    let scene = Scene::new(&country("FR", 1));
    let new = cities();
    for end in [new.len() / 3, new.len() / 2, new.len()] {
        std::fs::write(scene.path(), &new[..end]).unwrap();
        scene.geo.check();
    }
    assert_eq!((scene.geo.change(), scene.failures()), (0, 0));
    scene.geo.check();
    assert_eq!((scene.geo.change(), scene.failures()), (1, 0));
    assert_eq!(*Places::new(Some(scene.geo.clone())).get(here(), 0), place("FR", "FR-IDF"));
}

#[test]
fn a_bad_or_missing_file_changes_nothing_and_is_counted_once() {
    let scene = Scene::new(&country("FR", 1));
    let mut places = Places::new(Some(scene.geo.clone()));
    let mut look = || {
        (0..4).for_each(|_| scene.geo.check());
        places.get(here(), 0).country.clone()
    };
    std::fs::write(scene.path(), b"a page that says the download has moved").unwrap();
    assert_eq!((look(), scene.failures(), scene.built_s()), ("FR".into(), 1, 1));
    scene.replace(&cities()[..500]);
    assert_eq!((look(), scene.failures()), ("FR".into(), 2));
    std::fs::remove_file(scene.path()).unwrap();
    assert_eq!((look(), scene.failures()), ("FR".into(), 3));
    scene.replace(&country("DE", 2));
    assert_eq!((look(), scene.failures(), scene.built_s()), ("DE".into(), 3, 2));
}

#[test]
fn while_files_change_every_place_is_from_one_of_them() {
    let scene = Scene::new(&file("a", 1, &[("192.0.2.0/24", nested("FR", "IDF"))]));
    let files = [
        file("b", 2, &[("192.0.2.0/25", nested("DE", "BE")), ("2001:db8::/32", nested("US", "CA"))]),
        file("c", 3, &[("192.0.0.0/16", flat("FR", "Brittany"))]),
    ];
    let over = AtomicBool::new(false);
    let rounds = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut places = Places::new(Some(scene.geo.clone()));
                    let mut seen = HashSet::new();
                    while !over.load(std::sync::atomic::Ordering::Acquire) {
                        let GeoPlace { country, region } = places.get(here(), 0);
                        seen.insert(format!("{country} {region}"));
                    }
                    (seen, places.get(here(), 0).clone())
                })
            })
            .collect();
        for round in 0..200 {
            scene.replace(&files[round % 2]);
            scene.geo.reload();
        }
        over.store(true, std::sync::atomic::Ordering::Release);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    let possible = ["FR FR-IDF", "DE DE-BE", "FR FR-Brittany"];
    for (seen, last) in rounds {
        assert!(seen.iter().all(|it| possible.contains(&it.as_str())), "{seen:?}");
        assert_eq!(last, place("FR", "FR-Brittany"));
    }
    assert_eq!((scene.geo.change(), scene.failures()), (200, 0));
}

#[test]
fn the_cache_is_bounded_and_is_emptied_with_the_salt_and_with_the_file() {
    let networks: Vec<String> = (0..9_000).map(|n| format!("10.{}.{}.0/24", n / 250, n % 250)).collect();
    let records: Vec<_> = networks.iter().map(|net| (net.as_str(), flat("FR", net))).collect();
    let scene = Scene::new(&file("many", 1, &records));
    let mut places = Places::new(Some(scene.geo.clone()));
    let cached = |places: &Places| places.0.as_ref().unwrap().cached.len();
    for network in &networks {
        let region = &places.get(Prefix::of_text(network.trim_end_matches("/24")), 0).region;
        assert_eq!(*region, format!("FR-{network}"));
        assert!(cached(&places) <= CACHED_MAX);
    }
    assert!(cached(&places) > 500);
    let first = Prefix::of_text("10.0.0.1");
    places.get(first, 1);
    assert_eq!(cached(&places), 1);
    places.get(Prefix::of_text("10.0.1.1"), 1);
    assert_eq!(cached(&places), 2);
    scene.geo.reload();
    places.get(first, 1);
    assert_eq!(cached(&places), 1);
}

#[test]
fn without_a_file_everything_is_unknown() {
    assert_eq!(*Places::default().get(here(), 0), GeoPlace::UNKNOWN);
    let error = Geo::open(std::path::Path::new("/nowhere/geo.mmdb")).err().unwrap().to_string();
    assert_eq!(error, "geo: /nowhere/geo.mmdb cannot be read (No such file or directory (os error 2))");
}
