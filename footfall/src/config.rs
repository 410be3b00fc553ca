//! One TOML file and a few variables, read once: in comes text, out goes a `Config` that is valid, or all its mistakes.
//!
//! This is the only place that reads the environment:
//!
//! | variable | meaning |
//! |---|---|
//! | `CLICKHOUSE_URL` | a ClickHouse server (`https://HOST:PORT` or `http://...`) to use instead of the embedded engine |
//! | `CLICKHOUSE_USER`, `CLICKHOUSE_PASSWORD` | how to sign in there; default: user `default`, no password |
//! | `CLICKHOUSE_CA` | a PEM file of the certificates believed there, with `https`; default: the system's |
//! | `XDG_CACHE_HOME`, `HOME` | where `./start` put the engine, if the file does not name it |
//! | `KAFKA_PASSWORD` | how to sign in at the brokers, if the file names a user |
//! | `FOOTFALL_INSTANCE` | this aggregator's own name in the consumer group |
//! | `FOOTFALL_LOG` | how much is logged: `error`, `warn`, `info` (default), `debug` or `trace`; only of our own crates |
//! | `XDG_RUNTIME_DIR` | a place in memory, where the day's salt survives a restart |
//!
//! It opens no file but its own, and knows nothing of what is done with the values.

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

pub(crate) use kafka::Kafka;
pub(crate) use limits::Limits;
pub(crate) use mistakes::Mistakes;
pub(crate) use tokens::{Token, senders};

use keys::{Keys, Source};
use mistakes::Mistake;

/// The engine that `./start` fetches; the folder below the cache that it is in.
const ENGINE: &str = "footfall/engine-26.7.3-stable.1/libchdb.so";

/// A value that exists is valid.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where browsers and readers reach us.
    pub(crate) listen: SocketAddr,
    /// Where Prometheus does.
    pub(crate) metrics_listen: SocketAddr,
    /// The folder of everything that must survive a restart.
    pub(crate) data: PathBuf,
    /// Peers whose word on a client's address is taken, and where it stands.
    pub(crate) proxies: Proxies,
    /// The MMDB file that says where addresses are.
    pub(crate) geo: Option<PathBuf>,
    /// A list of hosts that are never a page before.
    pub(crate) referrer_spam: Option<PathBuf>,
    /// How often the answers about days not yet sealed are made anew; zero: for every question.
    pub(crate) live_step: Duration,
    /// Where the statistics are kept.
    pub(crate) clickhouse: ClickHouse,
    /// Whether its tables are replicated ones.
    pub(crate) replicated_tables: bool,
    /// A place in memory for the day's salt (`XDG_RUNTIME_DIR`).
    pub(crate) runtime_dir: Option<PathBuf>,
    /// How much is logged (`FOOTFALL_LOG`).
    pub(crate) log: LevelFilter,
    /// The stream, where there are many machines.
    pub(crate) kafka: Option<Kafka>,
    /// Where we say no rather than grow.
    pub(crate) limits: Limits,
    /// The sites that are counted.
    pub(crate) sites: Sites,
    /// Who may ask.
    pub(crate) tokens: Vec<Token>,
    /// Where browsers reach Footfall; only to be checked against the sites.
    pub(crate) url: Option<String>,
    /// The file it was read from.
    pub(crate) path: PathBuf,
}

/// Where the statistics are kept.
#[derive(Clone, PartialEq)]
pub(crate) enum ClickHouse {
    /// In an engine that this program starts as its child.
    Embedded {
        /// Its shared library.
        engine: PathBuf,
    },
    /// On a server that someone else runs.
    Server {
        /// `http://HOST:PORT` or `https://HOST:PORT`.
        url: String,
        /// The certificates believed with `https`; without, the system's.
        ca: Option<PathBuf>,
        /// Who we are there.
        user: String,
        /// May be empty.
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
            let says = format!("the file cannot be read ({error}); footfall.example.toml shows what is in one");
            Mistakes::new(path, vec![Mistake { line: None, says }])
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
        let env = |name: &str| std::env::var(name).ok();
        Config::read(&text, path, env)
    }

    /// Reads `text`, which stands in the file `path`. `env` gives the value of a variable.
    ///
    /// Paths that are not absolute begin at the file's own folder.
    pub(crate) fn read(text: &str, path: &Path, env: impl Fn(&str) -> Option<String>) -> Result<Config, Mistakes> {
        let source = Source::new(text);
        let config = read(&source, path, env);
        match (config, source.mistakes()) {
            (Some(config), none) if none.is_empty() => Ok(config),
            (_, mistakes) => Err(Mistakes::new(path, mistakes)),
        }
    }
}

/// Reads as much as can be read; the result counts only if nothing was noted in `source`.
fn read(source: &Source<'_>, path: &Path, env: impl Fn(&str) -> Option<String>) -> Option<Config> {
    let table = source.parse()?;
    let file = Keys::new(source, &table);
    // Absolute, because the engine does not stand where this process does.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(&path);
    let set = |name: &str| env(name).filter(|value| !value.is_empty());

    let listen = file.or("listen", SocketAddr::from(([127, 0, 0, 1], 8000)), |value| address(value.text()?));
    let metrics_listen =
        file.or("metrics_listen", SocketAddr::from(([127, 0, 0, 1], 9091)), |value| address(value.text()?));
    if listen == metrics_listen && listen.port() != 0 {
        file.note(None, format!("`listen` and `metrics_listen` are both {listen}: one of them must be another"));
    }
    let data = file.or("data", folder.join("data"), |value| place(value.text()?, folder));
    let trusted_proxies = file.list("trusted_proxies", |value| network(value.text()?));
    let url = file.optional("url", |value| public_url(value.text()?));
    let geo = file.optional("geo", |value| place(value.text()?, folder));
    let header = file.or("forwarded_header", ProxyHeader::XForwardedFor, |value| header(value.text()?));
    let referrer_spam = file.optional("referrer_spam", |value| place(value.text()?, folder));
    let live_step = file.or("live_step", Duration::from_secs(15 * 60), |value| step(value.text()?));
    let engine = file.optional("engine", |value| place(value.text()?, folder));
    let replicated_tables = file.or("replicated_tables", false, |value| value.flag());
    let kafka = kafka::read(&file, folder, &set);
    let limits = limits::read(&file);
    let (sites, numbers) = sites::read(&file);
    let tokens = tokens::read(&file, &numbers);
    file.end();

    let clickhouse = match set("CLICKHOUSE_URL") {
        None => {
            if replicated_tables {
                let wrong = "`replicated_tables = true` needs a server of your own, with a Keeper: set CLICKHOUSE_URL";
                source.note_outside(wrong.to_owned());
            }
            ClickHouse::Embedded { engine: engine.unwrap_or_else(|| cache(set).join(ENGINE)) }
        }
        Some(url) => {
            server(&url).unwrap_or_else(|wrong| source.note_outside(format!("the variable CLICKHOUSE_URL {wrong}")));
            let user = set("CLICKHOUSE_USER").unwrap_or_else(|| "default".to_owned());
            let ca = set("CLICKHOUSE_CA").map(|ca| std::path::absolute(&ca).unwrap_or_else(|_| ca.into()));
            if ca.is_some() && !url.starts_with("https://") {
                let wrong = "the variable CLICKHOUSE_CA means nothing unless CLICKHOUSE_URL begins with `https://`";
                source.note_outside(wrong.to_owned());
            }
            ClickHouse::Server { url, ca, user, password: set("CLICKHOUSE_PASSWORD").unwrap_or_default() }
        }
    };
    let log = set("FOOTFALL_LOG").map_or(Some(LevelFilter::INFO), |level| {
        let wrong = "the variable FOOTFALL_LOG must be `error`, `warn`, `info`, `debug` or `trace`";
        level.parse().inspect_err(|_| source.note_outside(wrong.to_owned())).ok()
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
        runtime_dir: set("XDG_RUNTIME_DIR").map(PathBuf::from),
        log: log?,
        kafka,
        limits,
        sites,
        tokens,
        url,
        path: path.clone(),
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("must be an address and a port like \"127.0.0.1:8000\", not \"{text}\""))
}

fn public_url(text: &str) -> Result<String, String> {
    let host = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    match host.is_some_and(|host| host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')) {
        true => Ok(text.to_owned()),
        false => Err(format!("must be an address like \"https://example.org/stats\", not \"{text}\"")),
    }
}

fn place(text: &str, folder: &Path) -> Result<PathBuf, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(folder.join(text)) }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network: IpNet = text.parse().map_err(|_| {
        format!("has \"{text}\", which is no network like \"10.0.0.0/8\" (one address: \"192.0.2.1/32\")")
    })?;
    Ok(network.trunc())
}

fn header(name: &str) -> Result<ProxyHeader, String> {
    match name {
        "x-forwarded-for" => Ok(ProxyHeader::XForwardedFor),
        "forwarded" => Ok(ProxyHeader::Forwarded),
        other => Err(format!("must be \"x-forwarded-for\" or \"forwarded\", not \"{other}\"")),
    }
}

/// `15m`, `90s`, `1h`; `0` for none.
fn step(text: &str) -> Result<Duration, String> {
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

/// The URL is never repeated in what is said: it may hold a password.
fn server(url: &str) -> Result<(), String> {
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

/// The user's cache, as the XDG base directory rules say; for a service without a home, the machine's.
fn cache(set: impl Fn(&str) -> Option<String>) -> PathBuf {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let named = set("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
    named
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")))
        .unwrap_or_else(|| PathBuf::from("/var/cache"))
}

#[cfg(test)]
mod tests;
