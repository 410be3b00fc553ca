//! The configuration: one TOML file and a few environment variables. In: text. Out: a valid `Config`, or all mistakes
//! of the file at once.
//!
//! This is the only place that reads the environment:
//!
//! | variable | meaning |
//! |---|---|
//! | `CLICKHOUSE_URL` | a ClickHouse server (`https://HOST:PORT` or `http://...`) to use instead of the embedded engine |
//! | `CLICKHOUSE_USER`, `CLICKHOUSE_PASSWORD` | the login there; default: user `default`, no password |
//! | `CLICKHOUSE_CA` | a PEM file of the certificates trusted there, with `https`; default: the system's |
//! | `XDG_CACHE_HOME`, `HOME` | where `./start` put the engine, if the file does not name it |
//! | `KAFKA_PASSWORD` | the password at the brokers, if the file names a user |
//! | `FOOTFALL_INSTANCE` | the name of this aggregator in the consumer group |
//! | `FOOTFALL_LOG` | the log level: `error`, `warn`, `info` (default), `debug` or `trace`; only for our own crates |
//! | `XDG_RUNTIME_DIR` | a directory in memory, where the day's salt survives a restart |
//!
//! This module opens no other file, and does not know what the values are used for.

pub(crate) mod choices;
mod kafka;
mod keys;
mod limits;
mod mistakes;
mod sites;
mod tokens;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ingest::client::{Proxies, ProxyHeader};
use ipnet::IpNet;
use schema::sites::Sites;
use tracing::level_filters::LevelFilter;

pub(crate) use kafka::KafkaConfig;
pub(crate) use limits::ServerLimits;
pub(crate) use mistakes::Mistakes;
pub(crate) use tokens::{ConfiguredToken, senders};

use keys::{TomlTable, TomlText};
use mistakes::Mistake;

/// Where `./start` puts the engine, below the cache folder.
const ENGINE_BELOW_CACHE: &str = "footfall/engine-26.7.3-stable.1/libchdb.so";

/// The configuration. Every `Config` is valid.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The address for hits, the dashboard and the API.
    pub(crate) listen: SocketAddr,
    /// The address for Prometheus.
    pub(crate) metrics_listen: SocketAddr,
    /// The folder of everything that must survive a restart.
    pub(crate) data: PathBuf,
    /// The proxies that are trusted to name a client's address, and the header that they use.
    pub(crate) proxies: Proxies,
    /// The MMDB file that maps networks to countries and regions.
    pub(crate) geo: Option<PathBuf>,
    /// A list of hosts whose referrers are spam.
    pub(crate) referrer_spam: Option<PathBuf>,
    /// How long an answer about days not yet sealed is used again. Zero: each question is computed.
    pub(crate) live_step: Duration,
    /// The ClickHouse that holds the statistics.
    pub(crate) clickhouse: ClickHouse,
    /// Whether its tables are made as replicated ones.
    pub(crate) replicated_tables: bool,
    /// A directory in memory for the day's salt (`XDG_RUNTIME_DIR`).
    pub(crate) runtime_dir: Option<PathBuf>,
    /// The log level (`FOOTFALL_LOG`).
    pub(crate) log: LevelFilter,
    /// The brokers and topics, for the commands for many machines.
    pub(crate) kafka: Option<KafkaConfig>,
    /// The bounds above which the server refuses.
    pub(crate) limits: ServerLimits,
    /// The sites that are counted.
    pub(crate) sites: Sites,
    /// The tokens that may read or send.
    pub(crate) tokens: Vec<ConfiguredToken>,
    /// Where browsers reach Footfall. Only `check-config` uses it, to compare it with the sites.
    pub(crate) url: Option<String>,
    /// The file that this was read from.
    pub(crate) path: PathBuf,
}

/// The ClickHouse that holds the statistics.
#[derive(Clone, PartialEq)]
pub(crate) enum ClickHouse {
    /// The embedded engine, which this program starts as its child.
    Embedded {
        /// The engine's shared library.
        engine: PathBuf,
    },
    /// A server that the operator runs.
    Server {
        /// `http://HOST:PORT` or `https://HOST:PORT`.
        url: String,
        /// The certificates trusted with `https`. `None`: the system's.
        ca: Option<PathBuf>,
        /// The user's name there.
        user: String,
        /// The user's password. It may be empty.
        password: String,
    },
}

impl fmt::Debug for ClickHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClickHouse::Embedded { engine } => f.debug_struct("Embedded").field("engine", engine).finish(),
            ClickHouse::Server { url, ca, user, password: _ } => {
                f.debug_struct("Server").field("url", url).field("ca", ca).field("user", user).finish_non_exhaustive()
            }
        }
    }
}

impl Config {
    /// Reads the file and the environment of this process.
    pub(crate) fn load(path: &Path) -> Result<Config, Mistakes> {
        let unreadable = |error| {
            let text = format!("the file cannot be read ({error}); footfall.example.toml shows what is in one");
            Mistakes::new(path, vec![Mistake { line: None, text }])
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        let env = |name: &str| std::env::var(name).ok();
        Config::read(&text, path, env)
    }

    /// Parses `text`, the content of the file `path`. `env` returns the value of an environment variable.
    ///
    /// Relative paths are relative to the folder of the file.
    pub(crate) fn read(text: &str, path: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Config, Mistakes> {
        let source = TomlText::new(text);
        let config = read(&source, path, env);
        match (config, source.into_mistakes()) {
            (Some(config), none) if none.is_empty() => Ok(config),
            (_, mistakes) => Err(Mistakes::new(path, mistakes)),
        }
    }
}

/// Parses as much as possible, so that all mistakes are found. The result is valid only if `source` has no mistake.
fn read(source: &TomlText<'_>, path: &Path, env: impl Fn(&str) -> Option<String>) -> Option<Config> {
    let table = source.parse()?;
    let file = TomlTable::new(source, &table);
    // Absolute, because the engine's process has another working directory.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(&path);
    let variable = |name: &str| env(name).filter(|value| !value.is_empty());

    let listen = file.or("listen", SocketAddr::from(([127, 0, 0, 1], 8000)), |value| socket_address(value.text()?));
    let metrics_listen =
        file.or("metrics_listen", SocketAddr::from(([127, 0, 0, 1], 9091)), |value| socket_address(value.text()?));
    if listen == metrics_listen && listen.port() != 0 {
        file.note(None, format!("`listen` and `metrics_listen` are both {listen}: one of them must be another"));
    }
    let data = file.or("data", folder.join("data"), |value| file_path(value.text()?, folder));
    let trusted_proxies = file.list("trusted_proxies", |value| network(value.text()?));
    let url = file.optional("url", |value| public_url(value.text()?));
    let geo = file.optional("geo", |value| file_path(value.text()?, folder));
    let header = file
        .or("forwarded_header", ProxyHeader::XForwardedFor, |value| choices::parse(value, choices::FORWARDED_HEADER));
    let referrer_spam = file.optional("referrer_spam", |value| file_path(value.text()?, folder));
    let live_step = file.or("live_step", Duration::from_secs(15 * 60), |value| duration(value.text()?));
    let engine = file.optional("engine", |value| file_path(value.text()?, folder));
    let replicated_tables = file.or("replicated_tables", false, |value| value.boolean());
    let kafka = kafka::read(&file, folder, &variable);
    let limits = limits::read(&file);
    let (sites, numbers) = sites::read(&file);
    let tokens = tokens::read(&file, &numbers);
    file.refuse_unknown_keys();

    let clickhouse = match variable("CLICKHOUSE_URL") {
        None => {
            if replicated_tables {
                let wrong = "`replicated_tables = true` needs a server of your own, with a Keeper: set CLICKHOUSE_URL";
                source.note_without_line(wrong.to_owned());
            }
            ClickHouse::Embedded { engine: engine.unwrap_or_else(|| cache_folder(variable).join(ENGINE_BELOW_CACHE)) }
        }
        Some(url) => {
            check_server_url(&url)
                .unwrap_or_else(|wrong| source.note_without_line(format!("the variable CLICKHOUSE_URL {wrong}")));
            let user = variable("CLICKHOUSE_USER").unwrap_or_else(|| "default".to_owned());
            let ca = variable("CLICKHOUSE_CA").map(|ca| std::path::absolute(&ca).unwrap_or_else(|_| ca.into()));
            if ca.is_some() && !url.starts_with("https://") {
                let wrong = "the variable CLICKHOUSE_CA means nothing unless CLICKHOUSE_URL begins with `https://`";
                source.note_without_line(wrong.to_owned());
            }
            ClickHouse::Server { url, ca, user, password: variable("CLICKHOUSE_PASSWORD").unwrap_or_default() }
        }
    };
    let log = variable("FOOTFALL_LOG").map_or(Some(LevelFilter::INFO), |level| {
        let wrong = "the variable FOOTFALL_LOG must be `error`, `warn`, `info`, `debug` or `trace`";
        level.parse().inspect_err(|_| source.note_without_line(wrong.to_owned())).ok()
    });
    Some(Config {
        listen,
        metrics_listen,
        data,
        proxies: Proxies { trusted: trusted_proxies.into_iter().map(|(network, _)| network).collect(), header },
        geo,
        referrer_spam,
        live_step,
        clickhouse,
        replicated_tables,
        runtime_dir: variable("XDG_RUNTIME_DIR").map(PathBuf::from),
        log: log?,
        kafka,
        limits,
        sites,
        tokens,
        url,
        path: path.clone(),
    })
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("must be an address and a port like \"127.0.0.1:8000\", not \"{text}\""))
}

fn public_url(text: &str) -> Result<String, String> {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')) {
        true => Ok(text.to_owned()),
        false => Err(format!("must be an address like \"https://example.org/stats\", not \"{text}\"")),
    }
}

/// A path, relative to `folder` unless it is absolute.
fn file_path(text: &str, folder: &Path) -> Result<PathBuf, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(folder.join(text)) }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| {
        format!("has \"{text}\", which is no network like \"10.0.0.0/8\" (one address: \"192.0.2.1/32\")")
    })?;
    Ok(network.trunc())
}

/// A duration like `15m`, `90s` or `1h`, or `0`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("must be a time like \"15m\" or \"90s\", at most \"24h\", or \"0\", not \"{text}\"");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_s = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit_s).filter(|&seconds| seconds <= 86_400);
    seconds.map(Duration::from_secs).ok_or_else(wrong)
}

/// Checks CLICKHOUSE_URL. No error repeats the URL, because it may hold a password.
fn check_server_url(url: &str) -> Result<(), String> {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return Err("must begin with `https://` or `http://`".to_owned());
    };
    if rest.contains('@') {
        return Err("must hold no user and password: give them as CLICKHOUSE_USER and CLICKHOUSE_PASSWORD".to_owned());
    }
    let host = rest.strip_suffix('/').unwrap_or(rest);
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || "/?#".contains(c)) {
        return Err("must be `https://HOST:PORT` or `http://HOST:PORT` and nothing after it".to_owned());
    }
    Ok(())
}

/// The user's cache folder by the XDG base directory rules, or the machine's for a service without a home.
fn cache_folder(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = variable("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
    named
        .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(|| PathBuf::from("/var/cache"))
}

#[cfg(test)]
mod tests;
