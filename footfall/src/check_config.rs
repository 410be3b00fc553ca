//! `footfall check-config`: describes a valid configuration, every key written out as TOML, and warns of risks.

use std::fmt::{self, Write};
use std::path::Path;

use ingest::client::Proxies;
use kafka::{Connection, Layout, Login, Tls};
use schema::sites::{BeaconCampaign, CROWD_DEFAULT, Site};

use crate::config::{ClickHouse, Config, ConfiguredToken, KafkaConfig, ServerLimits, choices};

/// Every key with its value as TOML. Defaults are filled in and secrets are hidden.
pub(crate) fn describe(config: &Config) -> String {
    let mut out = String::new();
    write_config(config, &mut out).expect("writing to a string cannot fail");
    out
}

/// The risks of a valid configuration, each in a sentence. `exists` is whether a file exists.
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
        all.push(format!(
            "metrics_listen is {address}: every client that reaches it reads the metrics without a password"
        ));
    }
    opt_out_warnings(config, &mut all);
    match &config.clickhouse {
        ClickHouse::Embedded { engine } if !exists(engine) => {
            all.push(format!("the engine {} is not there: ./start fetches it", engine.display()));
        }
        ClickHouse::Embedded { .. } | ClickHouse::Server { .. } => {}
    }
    all
}

/// Warns of sites whose visitors' opt-out cookie does not reach Footfall.
///
/// Browsers send the cookie only to the host that set it, not to another host of the same domain. So the pages and
/// Footfall must have the same host. `www.` is ignored, because a site has its pages on only one of the two.
fn opt_out_warnings(config: &Config, all: &mut Vec<String>) {
    let Some(url) = &config.url else { return };
    let host = host_of(url);
    for site in config.sites.iter() {
        let (id, domain) = (site.id, &site.domain);
        let named = site.hostnames.iter().chain((site.hostnames.is_empty()).then_some(domain));
        for page in named.filter(|page| host_of(page) != host) {
            all.push(format!(
                "site {id} ({domain}): pages on {page} load Footfall from {host}, another host: browsers do not send its \
                 opt-out cookie there, so those visitors can object only by Global Privacy Control or Do Not Track. \
                 Serve Footfall from a path on {page} (deploy/nginx/first-party.conf)"
            ));
        }
    }
}

/// The host of a URL, or of a name that may lack the other parts of a URL. A leading `www.` is cut off.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = &rest[..rest.find(['/', '?', '#', ':']).unwrap_or(rest.len())];
    host.strip_prefix("www.").unwrap_or(host)
}

/// Printed if the key `url` is missing: without it the opt-out cookie cannot be checked.
pub(crate) const OPT_OUT_NOTE: &str = "\
the opt-out cookie reaches Footfall only if Footfall is served from a path on the counted site's own host. From any other \
host browsers do not send it, and visitors can object only by Global Privacy Control or Do Not Track. Set `url` to the \
URL where browsers reach Footfall, and check-config checks this";

fn write_config(config: &Config, out: &mut String) -> fmt::Result {
    // No `..` here: a new key does not compile until it is written out below.
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
    let header = choices::word(header, choices::FORWARDED_HEADER);
    writeln!(out, "trusted_proxies = {}", list(trusted.iter().map(ToString::to_string)))?;
    writeln!(out, "forwarded_header = \"{header}\"")?;
    geo.iter().try_for_each(|geo| writeln!(out, "geo = {}", path(geo)))?;
    referrer_spam.iter().try_for_each(|list| writeln!(out, "referrer_spam = {}", path(list)))?;
    writeln!(out, "live_step = \"{}\"", duration(live_step.as_secs()))?;
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

fn write_kafka(kafka: &KafkaConfig, out: &mut String) -> fmt::Result {
    let KafkaConfig { connection, layout, group, instance, session, salt_keys } = kafka;
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

fn write_limits(limits: &ServerLimits, out: &mut String) -> fmt::Result {
    let ServerLimits {
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

fn write_campaign(campaign: &BeaconCampaign, out: &mut String) -> fmt::Result {
    let BeaconCampaign { name, medium, ground, on } = campaign;
    let (medium, basis) = (choices::word(medium, choices::MEDIUM), choices::word(ground, choices::BASIS));
    writeln!(out, "[[site.campaign]]\nname = {}\nmedium = \"{medium}\"", text(name))?;
    writeln!(out, "basis = \"{basis}\"\non = {on}")
}

fn write_site(site: &Site, out: &mut String) -> fmt::Result {
    let Site { id, domain, aliases, zone, hostnames, marketing, crowd, bots, properties, currency, .. } = site;
    let Site { campaigns, umami, matomo, own, .. } = site;
    let (marketing, bots) = (choices::word(marketing, choices::MARKETING), choices::word(bots, choices::BOTS));
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

fn write_token(token: &ConfiguredToken, out: &mut String) -> fmt::Result {
    let ConfiguredToken { name, sites, blake3: _, live, send } = token;
    writeln!(out, "\n[[token]]\nname = {}\nsites = {sites:?}\n# blake3 = (hidden)", text(name))?;
    writeln!(out, "live = {live}\nsend = {send}")
}

/// In the largest unit that needs no fraction.
fn duration(seconds: u64) -> String {
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
    fn the_description_parses_as_the_same_configuration_and_hides_secrets() {
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
        let printed = format!("{}{config:?}", describe(&config));
        assert!(printed.contains("http://127.0.0.1:8123") && !printed.contains("swordfish"), "{printed}");
    }

    #[test]
    fn pages_whose_opt_out_cookie_does_not_arrive_are_named() {
        let warnings_with = |url: &str| {
            let sites = "[[site]]\nid = 1\ndomain = \"example.org\"\n\
                         [[site]]\nid = 2\ndomain = \"blog\"\nhostnames = [\"www.blog.example\"]\n";
            warnings(&read(&format!("url = \"{url}\"\n{sites}")), |_| true)
        };
        let are_named = |url: &str| -> Vec<bool> {
            ["pages on example.org", "pages on www.blog.example"]
                .map(|page| {
                    warnings_with(url).iter().any(|text| text.contains(page) && text.contains("first-party.conf"))
                })
                .to_vec()
        };
        assert_eq!(are_named("https://www.example.org:8443/stats"), [false, true]);
        assert_eq!(
            are_named("https://stats.example.org"),
            [true, true],
            "a browser does not send the cookie to another host of the same domain"
        );
        assert_eq!(are_named("https://blog.example/x?y"), [true, false]);
        assert_eq!(are_named("https://notexample.org"), [true, true]);
    }

    #[test]
    fn a_small_crowd_an_empty_token_open_metrics_and_a_missing_engine_cause_warnings() {
        let risky = format!(
            "metrics_listen = \"0.0.0.0:9091\"\n[[site]]\nid = 1\ndomain = \"a.org\"\ncrowd = 4\n\
             [[token]]\nname = \"t\"\nsites = []\nblake3 = \"{HASH}\"\n"
        );
        let found = warnings(&read(&risky), |_| false);
        for (n, word) in ["4 visitors", "\"t\"", "0.0.0.0:9091", "libchdb.so"].iter().enumerate() {
            assert!(found[n].contains(word), "{found:?}");
        }
        let harmless = "[[site]]\nid = 1\ndomain = \"a.org\"\n";
        assert_eq!(warnings(&read(harmless), |_| true), Vec::<String>::new());
    }
}
