//! MMDB files like those that an operator configures: networks, each with a country and a region.

use std::time::{Duration, UNIX_EPOCH};

use ipnet::IpNet;
use mmdb_writer::{IpVersion, Writer};
use serde_json::{Value, json};

/// The build time in these files: 2026-11-03 07:06:40 UTC.
pub const BUILT_S: u64 = 1_793_689_600;

/// An MMDB file of this type with a record for each network. If all networks are IPv4, the file is IPv4-only.
#[must_use]
pub fn file(kind: &str, built_s: u64, records: &[(&str, Value)]) -> Vec<u8> {
    let records: Vec<(IpNet, &Value)> = records.iter().map(|(net, value)| (net.parse().unwrap(), value)).collect();
    let only_v4 = records.iter().all(|(net, _)| matches!(net, IpNet::V4(_)));
    let mut writer = Writer::builder(kind)
        .ip_version(if only_v4 { IpVersion::V4 } else { IpVersion::V6 })
        .build_epoch(UNIX_EPOCH + Duration::from_secs(built_s))
        .build();
    for (net, value) in records {
        writer.insert(net, value).unwrap();
    }
    writer.to_bytes().unwrap()
}

/// A record in MaxMind's layout for cities.
#[must_use]
pub fn nested(country: &str, region: &str) -> Value {
    json!({
        "city": { "geoname_id": 7, "names": { "en": "Somewhere", "fr": "Quelque part" } },
        "continent": { "code": "EU", "names": { "en": "Europe" } },
        "country": { "geoname_id": 8, "iso_code": country, "names": { "en": "Somewhere" } },
        "location": { "latitude": 48.8, "longitude": 2.3 },
        "registered_country": { "iso_code": "ZW" },
        "subdivisions": [{ "iso_code": region, "names": { "en": "Some region" } }, { "iso_code": "75" }],
    })
}

/// A record in the flat layout of DB-IP's MMDB files.
#[must_use]
pub fn flat(country: &str, region: &str) -> Value {
    json!({
        "city": "Somewhere", "country_code": country, "latitude": 48.8, "longitude": 2.3, "postcode": "",
        "state1": region, "state2": "",
    })
}
