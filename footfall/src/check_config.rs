//! Says what a valid configuration means, every key written out as TOML, and what its owner should think about.

use std::fmt::{self, Write};
use std::path::Path;

use ingest::client::{Proxies, ProxyHeader};
use kafka::{Connection, Layout, Login, Tls};
use schema::sites::{Bots, CROWD_DEFAULT, Campaign, Ground, Marketing, Site};

use crate::config::{ClickHouse, Config, Kafka, Limits, Token};

/// Every key with its value, defaults filled in and secrets hidden.
pub(crate) fn describe(config: &Config) -> String {
    let mut out = String::new();
    write_config(config, &mut out).expect("a string takes everything");
    out
}

/// What is valid and still worth a thought, each in a sentence. `exists` says whether a file is there.
pub(crate) fn warnings(config: &Config, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let mut all = Vec::new();
    for site in config.sites.iter().filter(|site| site.crowd < CROWD_DEFAULT) {
        let Site { id, domain, crowd, .. } = site.as_ref();
        all.push(format!(
            "site {id} ({domain}) shows cells of {crowd} visitors: {CROWD_DEFAULT} or more protects them better"
        ));
    }
    for token in config.tokens.iter().filter(|token| token.sites.is_empty()) {
        all.push(format!("token \"{}\" may read no site", token.name));
    }
    if !config.metrics_listen.ip().is_loopback() {
        let address = config.metrics_listen;
        all.push(format!("metrics_listen is {address}: whoever reaches it reads the metrics without a password"));
    }
    objections(config, &mut all);
    match &config.clickhouse {
        ClickHouse::Embedded { engine } if !exists(engine) => {
            all.push(format!("the engine {} is not there: ./start fetches it", engine.display()));
        }
        ClickHouse::Embedded { .. } | ClickHouse::Server { .. } => {}
    }
    all
}

/// Whether the opt-out cookie of each site's visitors gets here, as far as the configuration tells.
///
/// The cookie is one host's own, and the tracker's requests to any other host carry none, be it a neighbour: so the hosts
/// must be the same (`www.` aside: a site has its pages on one of the two).
fn objections(config: &Config, all: &mut Vec<String>) {
    let Some(url) = &config.url else { return };
    let host = host_of(url);
    for site in config.sites.iter() {
        let (id, domain) = (site.id, &site.domain);
        let named = site.hostnames.iter().chain((site.hostnames.is_empty()).then_some(domain));
        for page in named.filter(|page| host_of(page) != host) {
            all.push(format!(
                "site {id} ({domain}): pages on {page} load Footfall from {host}, another host: browsers do not send its \
                 opt-out cookie from there, so those visitors object by Global Privacy Control or Do Not Track alone. \
                 Serve Footfall from a path on {page} (deploy/nginx/first-party.conf)"
            ));
        }
    }
}

/// The host of an URL, or of a name that has none of an URL's other parts.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = &rest[..rest.find(['/', '?', '#', ':']).unwrap_or(rest.len())];
    host.strip_prefix("www.").unwrap_or(host)
}

/// What the configuration cannot tell without `url`, and its owner must know.
pub(crate) const OBJECTION: &str = "\
the opt-out cookie reaches Footfall only if it is served from a path on the counted site's own host; from any other \
host, browsers do not send it, and visitors object by Global Privacy Control or Do Not Track alone. Say in `url` where \
browsers reach Footfall, and this is checked";

fn write_config(config: &Config, out: &mut String) -> fmt::Result {
    // A new key must be placed here, or this does not compile.
    let Config {
        listen,
        metrics_listen,
        data,
        proxies,
        geo,
        referrer_spam,
        live_step,
        clickhouse,
        replicated_tables,
        runtime_dir,
        log,
        kafka,
        limits,
        sites,
        tokens,
        url,
        path: _,
    } = config;
    if let Some(url) = url {
        writeln!(out, "url = {}", text(url))?;
    }
    writeln!(out, "listen = \"{listen}\"")?;
    writeln!(out, "metrics_listen = \"{metrics_listen}\"")?;
    writeln!(out, "data = {}", path(data))?;
    let Proxies { trusted, header } = proxies;
    let header = match header {
        ProxyHeader::XForwardedFor => "x-forwarded-for",
        ProxyHeader::Forwarded => "forwarded",
    };
    writeln!(out, "trusted_proxies = {}", list(trusted.iter().map(ToString::to_string)))?;
    writeln!(out, "forwarded_header = \"{header}\"")?;
    geo.iter().try_for_each(|geo| writeln!(out, "geo = {}", path(geo)))?;
    referrer_spam.iter().try_for_each(|list| writeln!(out, "referrer_spam = {}", path(list)))?;
    writeln!(out, "live_step = \"{}\"", step(live_step.as_secs()))?;
    match clickhouse {
        ClickHouse::Embedded { engine } => writeln!(out, "engine = {}", path(engine))?,
        ClickHouse::Server { url, ca, user, password } => {
            let secret = if password.is_empty() { "no password" } else { "a password" };
            writeln!(out, "# ClickHouse (from the environment): {url}, user {user}, {secret}")?;
            ca.iter().try_for_each(|ca| writeln!(out, "# CLICKHOUSE_CA: {}", ca.display()))?;
        }
    }
    writeln!(out, "replicated_tables = {replicated_tables}")?;
    if let Some(dir) = runtime_dir {
        writeln!(out, "# XDG_RUNTIME_DIR: {}", dir.display())?;
    }
    writeln!(out, "# FOOTFALL_LOG: {log}")?;
    kafka.iter().try_for_each(|kafka| write_kafka(kafka, out))?;
    write_limits(limits, out)?;
    sites.iter().try_for_each(|site| write_site(site, out))?;
    tokens.iter().try_for_each(|token| write_token(token, out))
}

fn write_kafka(kafka: &Kafka, out: &mut String) -> fmt::Result {
    let Kafka { connection, layout, group, instance, session, salt_keys } = kafka;
    let Connection { brokers, tls, login } = connection;
    let Layout { prefix, partitions, replication } = layout;
    writeln!(out, "\n[kafka]\nbrokers = {}", text(brokers))?;
    writeln!(out, "topic_prefix = {}\npartitions = {partitions}\nreplication = {replication}", text(prefix))?;
    writeln!(out, "group = {}\ninstance = {}", text(group), text(instance))?;
    writeln!(out, "session_s = {}\nsalt_keys = {}", session.as_secs(), path(salt_keys))?;
    writeln!(out, "tls = {}", tls.is_some())?;
    if let Some(Tls { ca, own }) = tls {
        ca.iter().try_for_each(|ca| writeln!(out, "ca = {}", path(ca)))?;
        own.iter().try_for_each(|(own, key)| writeln!(out, "certificate = {}\nkey = {}", path(own), path(key)))?;
    }
    if let Some(Login { mechanism, user, password: _ }) = login {
        writeln!(out, "mechanism = {}\nuser = {}", text(mechanism.label()), text(user))?;
        writeln!(out, "# KAFKA_PASSWORD: (hidden)")?;
    }
    Ok(())
}

fn write_limits(limits: &Limits, out: &mut String) -> fmt::Result {
    let Limits {
        request_s_max,
        idle_s_max,
        connection_s_max,
        connections_max,
        hits_per_minute_per_prefix_max,
        spool_bytes_max,
    } = limits;
    writeln!(out, "\n[limits]")?;
    writeln!(out, "request_s_max = {}", request_s_max.as_secs())?;
    writeln!(out, "idle_s_max = {}", idle_s_max.as_secs())?;
    writeln!(out, "connection_s_max = {}", connection_s_max.as_secs())?;
    writeln!(out, "connections_max = {connections_max}")?;
    writeln!(out, "hits_per_minute_per_prefix_max = {hits_per_minute_per_prefix_max}")?;
    writeln!(out, "spool_bytes_max = {spool_bytes_max}")
}

fn write_campaign(campaign: &Campaign, out: &mut String) -> fmt::Result {
    let Campaign { name, medium, ground, on } = campaign;
    let basis = match ground {
        Ground::SenderConsent => "sender-consent",
        Ground::Exempt => "exempt",
    };
    writeln!(out, "[[site.campaign]]\nname = {}\nmedium = \"{}\"", text(name), medium.label())?;
    writeln!(out, "basis = \"{basis}\"\non = {on}")
}

fn write_site(site: &Site, out: &mut String) -> fmt::Result {
    let Site { id, domain, aliases, zone, hostnames, marketing, crowd, bots, properties, currency, .. } = site;
    let Site { campaigns, umami, matomo, own, .. } = site;
    let marketing = match marketing {
        Marketing::Consent => "consent",
        Marketing::Always => "always",
        Marketing::Never => "never",
    };
    let bots = match bots {
        Bots::Refuse => "refuse",
        Bots::Count => "count",
    };
    writeln!(out, "\n[[site]]\nid = {id}\ndomain = {}", text(domain))?;
    writeln!(out, "aliases = {}", list(aliases))?;
    writeln!(out, "time_zone = {}", text(zone.name()))?;
    writeln!(out, "hostnames = {}", list(hostnames))?;
    writeln!(out, "marketing = \"{marketing}\"\ncrowd = {crowd}\nbots = \"{bots}\"")?;
    writeln!(out, "properties = {}\ncurrency = {}", list(properties), text(currency))?;
    writeln!(out, "own = {}", list(own.iter().map(ToString::to_string)))?;
    writeln!(out, "umami = {}\nmatomo = {matomo}", text(umami))?;
    campaigns.iter().try_for_each(|campaign| write_campaign(campaign, out))
}

fn write_token(token: &Token, out: &mut String) -> fmt::Result {
    let Token { name, sites, blake3: _, live, send } = token;
    writeln!(out, "\n[[token]]\nname = {}\nsites = {sites:?}\n# blake3 = (hidden)", text(name))?;
    writeln!(out, "live = {live}\nsend = {send}")
}

/// In the largest unit that says it without a fraction.
fn step(seconds: u64) -> String {
    match seconds {
        0 => "0".to_owned(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn path(path: &Path) -> String {
    text(&path.display().to_string())
}

fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| text(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn read(text: &str) -> Config {
        let env = |name: &str| (name == "HOME").then(|| "/home/someone".to_owned());
        Config::read(text, Path::new("/etc/footfall.toml"), env).unwrap()
    }

    #[test]
    fn what_is_described_reads_as_the_same_configuration_and_hides_secrets() {
        let example = include_str!("../../footfall.example.toml");
        let token = format!("[[token]]\nname = \"t\"\nsites = [1]\nblake3 = \"{HASH}\"\nlive = true\n");
        let config = read(&format!("geo = \"places.mmdb\"\n{example}\n{token}"));
        let described = describe(&config);
        assert!(!described.contains(&HASH[..8]), "{described}");
        let again = read(&described.replace("# blake3 = (hidden)", &format!("blake3 = \"{HASH}\"")));
        assert_eq!(describe(&again), described);
        assert_eq!(format!("{again:?}"), format!("{config:?}"));
    }

    #[test]
    fn the_password_of_a_server_is_hidden() {
        let env = |name: &str| match name {
            "CLICKHOUSE_URL" => Some("http://127.0.0.1:8123".to_owned()),
            "CLICKHOUSE_PASSWORD" => Some("swordfish".to_owned()),
            _ => None,
        };
        let config = Config::read("[[site]]\nid = 1\ndomain = \"a.org\"\n", Path::new("x"), env).unwrap();
        let told = format!("{}{config:?}", describe(&config));
        assert!(told.contains("http://127.0.0.1:8123") && !told.contains("swordfish"), "{told}");
    }

    #[test]
    fn pages_whose_opt_out_cookie_would_not_arrive_are_named() {
        let said = |url: &str| {
            let sites = "[[site]]\nid = 1\ndomain = \"example.org\"\n\
                         [[site]]\nid = 2\ndomain = \"blog\"\nhostnames = [\"www.blog.example\"]\n";
            warnings(&read(&format!("url = \"{url}\"\n{sites}")), |_| true)
        };
        let of = |url: &str| -> Vec<bool> {
            ["pages on example.org", "pages on www.blog.example"]
                .map(|page| said(url).iter().any(|told| told.contains(page) && told.contains("first-party.conf")))
                .to_vec()
        };
        assert_eq!(of("https://www.example.org:8443/stats"), [false, true]);
        assert_eq!(
            of("https://stats.example.org"),
            [true, true],
            "the tracker's requests to a neighbour carry no cookie"
        );
        assert_eq!(of("https://blog.example/x?y"), [true, false]);
        assert_eq!(of("https://notexample.org"), [true, true]);
    }

    #[test]
    fn a_small_crowd_an_empty_token_open_metrics_and_a_missing_engine_are_warned_of() {
        let risky = format!(
            "metrics_listen = \"0.0.0.0:9091\"\n[[site]]\nid = 1\ndomain = \"a.org\"\ncrowd = 4\n\
             [[token]]\nname = \"t\"\nsites = []\nblake3 = \"{HASH}\"\n"
        );
        let said = warnings(&read(&risky), |_| false);
        for (n, word) in ["4 visitors", "\"t\"", "0.0.0.0:9091", "libchdb.so"].iter().enumerate() {
            assert!(said[n].contains(word), "{said:?}");
        }
        let calm = "[[site]]\nid = 1\ndomain = \"a.org\"\n";
        assert_eq!(warnings(&read(calm), |_| true), Vec::<String>::new());
    }
}
