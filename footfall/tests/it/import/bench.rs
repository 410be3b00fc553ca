//! `footfall import` into a ClickHouse of the test, and what it counted there, in the format of the independent count
//! (`import_check.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use clickhouse::{Client, Row};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use testbed::clickhouse::Engine;

pub(super) struct Bench {
    dir: TempDir,
    pub(super) engine: Engine,
}

impl Bench {
    /// Configures one site, number 7. `site` is added to its table.
    pub(super) async fn new(site: &str) -> Bench {
        let bench = Bench { dir: TempDir::new().unwrap(), engine: Engine::start(env!("CARGO_BIN_EXE_footfall")).await };
        write_config(bench.dir(), site);
        bench
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn write(&self, name: &str, log: &[u8]) -> PathBuf {
        let path = self.dir().join(name);
        std::fs::write(&path, log).unwrap();
        path
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = import_command(self.dir());
        command.env("CLICKHOUSE_URL", self.engine.url()).args(["--site", "7"]).args(args);
        command
    }

    /// Imports a log and returns the summary.
    pub(super) fn import(&self, log: &Path, args: &[&str]) -> Value {
        summary(self.command(args).arg(log))
    }

    /// The counts of one shard, or of all shards.
    pub(super) async fn counted(&self, shard: Option<&Value>) -> Value {
        counted(&self.engine.client(), shard).await
    }

    /// Imports a new log, and compares the result with the independent count.
    pub(super) async fn check(&self, log: &Path, shift: i64, zone: &str) -> Value {
        let summary = self.import(log, &["--shift", &shift.to_string()]);
        let want = independent_count(log, &["--shift", &shift.to_string(), "--zone", zone]);
        self.check_against(&summary, &want).await;
        summary
    }

    /// Compares the counts of an import's shard with the independent count.
    pub(super) async fn check_against(&self, summary: &Value, want: &Value) {
        let got = self.counted(Some(&summary["shard"])).await;
        for part in ["total", "days", "pages", "errors"] {
            assert_eq!(got[part], want[part], "{part}");
        }
        for part in ["lines", "stored", "malformed", "refused"] {
            assert_eq!(summary[part], want[part], "{part}: {summary:#}");
        }
        let mut fates = want["refused"].clone();
        if want["malformed"] != 0 {
            fates["malformed"] = want["malformed"].clone();
        }
        assert_eq!(got["fates"], fates);
        assert_eq!(fates_of(summary), summary["lines"].as_u64().unwrap(), "each line has one fate: {summary:#}");
    }
}

/// The number of lines of all fates together.
pub(super) fn fates_of(summary: &Value) -> u64 {
    let refused: u64 = summary["refused"].as_object().unwrap().values().map(|lines| lines.as_u64().unwrap()).sum();
    let parts = ["pageviews", "errors", "malformed", "too_old", "not_yet_closed"];
    refused + parts.iter().map(|part| summary[part].as_u64().unwrap()).sum::<u64>()
}

pub(super) fn write_config(dir: &Path, site: &str) {
    let config = format!("data = \"data\"\n[[site]]\nid = 7\ndomain = \"example.org\"\n{site}\n");
    std::fs::write(dir.join("footfall.toml"), config).unwrap();
}

/// `footfall import` with JSON output.
pub(super) fn import_command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_footfall"));
    command
        .args(["import", "--json", "--config"])
        .arg(dir.join("footfall.toml"))
        .env("XDG_CACHE_HOME", testbed::clickhouse::library().ancestors().nth(3).unwrap())
        .env_remove("CLICKHOUSE_URL")
        .stdin(Stdio::null());
    command
}

/// Runs an import that must succeed, and returns the summary.
pub(super) fn summary(command: &mut Command) -> Value {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

/// Runs an import that must fail, and returns its error output.
pub(super) fn import_error(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(!status.success(), "{}", String::from_utf8_lossy(&stdout));
    String::from_utf8(stderr).unwrap()
}

/// The counts that a reader gets, of one shard or of all shards that are named.
pub(super) async fn counted(client: &Client, shard: Option<&Value>) -> Value {
    let shard = shard.map_or(String::new(), |shard| format!(" AND shard = {shard}"));
    let of = format!("shard IN (SELECT shard FROM shards) AND site = 7{shard}");
    let visits = &["visits", "visitors", "pageviews", "bounces", "seconds"];
    let pages = &["pageviews", "visitors", "visits", "entries", "exits"];
    let total = sums(client, "'total'", visits, &format!("live_visits WHERE {of}")).await;
    let fates = sums(client, "reason", &["hits"], &format!("live_fates WHERE {of}")).await;
    let fates: BTreeMap<&String, &Value> = fates.iter().map(|(reason, sums)| (reason, &sums["hits"])).collect();
    json!({
        "total": total.get("total"),
        "days": sums(client, "toString(day)", visits, &format!("live_visits WHERE {of}")).await,
        "pages": sums(client, "page", pages, &format!("live_pages WHERE {of}")).await,
        "errors": sums(client, "name", &["events", "visitors"], &format!("live_events WHERE {of} AND kind = 'error'")).await,
        "fates": fates,
    })
}

#[derive(Row, Deserialize)]
struct SumsRow {
    key: String,
    sums: Vec<i64>,
}

async fn sums(client: &Client, key: &str, measures: &[&str], from: &str) -> Map<String, Value> {
    let sums: Vec<String> = measures.iter().map(|measure| format!("sum({measure})")).collect();
    let sql = format!("SELECT toString({key}) AS key, [{}] AS sums FROM {from} GROUP BY key", sums.join(", "));
    let rows = client.query(&sql).fetch_all::<SumsRow>().await.unwrap();
    let object = |sums: Vec<i64>| {
        Value::Object(measures.iter().map(|m| (*m).to_owned()).zip(sums.into_iter().map(Value::from)).collect())
    };
    rows.into_iter().map(|SumsRow { key, sums }| (key, object(sums))).collect()
}

/// The independent count of a log.
pub(super) fn independent_count(log: &Path, args: &[&str]) -> Value {
    let check = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/import_check.py");
    let Output { status, stdout, stderr } = Command::new("python3").arg(check).args(args).arg(log).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}
