//! SIGHUP: reads the configuration file again. From then on sites, campaigns, tokens and lists are as the file says. No
//! hit is dropped and no connection is closed.
//!
//! The files that `geo` and `referrer_spam` name are read again too, whether or not they have changed. If the
//! configuration has a mistake, nothing changes and each mistake is logged.
//!
//! Every other key that has changed is named in the log and applies after the next start. A site's time zone, and a
//! zone that no site had at the start, need a restart: salts and closes are agreed by zone, and a site's date must
//! never go back.

use std::sync::Arc;

use metrics::{counter, describe_counter};
use schema::sites::{CurrentSites, Sites};
use schema::zone::Zone;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;

/// Reads the file again at each SIGHUP, for as long as the process runs.
///
/// `read_more` reads what else this process takes from the new configuration, or returns why it cannot. After the sites
/// are replaced, `apply` is called with the new configuration and the result of `read_more`.
pub(crate) async fn on_hangup<T>(
    running: Config,
    sites: Arc<CurrentSites>,
    read_more: impl Fn(&Config) -> Result<T, String>,
    apply: impl Fn(&Config, T),
) {
    describe_counter!(
        "footfall_config_reloads_total",
        "SIGHUPs, by outcome: applied, or refused (a mistake in the file, or a change that needs a restart)."
    );
    let counted = |outcome: &'static str| counter!("footfall_config_reloads_total", "outcome" => outcome);
    let (applied, refused) = (counted("applied"), counted("refused"));
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => return tracing::error!(%error, "SIGHUP cannot be received: {error}"),
    };
    let zones = running.sites.zones();
    let read_all = || {
        let new = Config::load(&running.path).map_err(|mistakes| mistakes.to_string())?;
        check_zones(&sites.get(), &new.sites, &zones)?;
        let more = read_more(&new)?;
        Ok::<_, String>((new, more))
    };
    while hangups.recv().await.is_some() {
        let (new, more) = match read_all() {
            Ok(read) => read,
            Err(reason) => {
                tracing::error!(reason, "SIGHUP: nothing is changed: {reason}");
                refused.increment(1);
                continue;
            }
        };
        for key in changed_start_keys(&running, &new) {
            tracing::warn!(key, "SIGHUP: `{key}` has changed and waits for the next start");
        }
        sites.replace(new.sites.clone());
        apply(&new, more);
        applied.increment(1);
        tracing::info!(
            sites = new.sites.iter().count(),
            "SIGHUP: sites, campaigns, tokens and lists are as the file says"
        );
    }
}

/// Refuses a site whose zone has changed, and a zone that is not among `at_start`.
fn check_zones(old: &Sites, new: &Sites, at_start: &[Zone]) -> Result<(), String> {
    for site in new.iter() {
        let (id, zone) = (site.id, site.zone.name());
        match old.by_id(site.id) {
            Some(before) if before.zone.name() != zone => {
                let was = before.zone.name();
                return Err(format!("site {id} has the time_zone {zone}, and had {was}: that needs a restart"));
            }
            _ if !at_start.iter().any(|known| known.name() == zone) => {
                return Err(format!(
                    "site {id} has the time_zone {zone}, which no site had before: that needs a restart"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The keys that differ and are read only at the start.
fn changed_start_keys(old: &Config, new: &Config) -> Vec<&'static str> {
    // No `..` here: a new key does not compile until it is placed in this function.
    let Config {
        listen,
        metrics_listen,
        data,
        proxies,
        geo,
        referrer_spam: _,
        live_step,
        clickhouse,
        replicated_tables,
        runtime_dir: _,
        log: _,
        kafka,
        limits,
        sites: _,
        tokens: _,
        url: _,
        path: _,
    } = old;
    let differs = [
        ("listen", *listen != new.listen),
        ("metrics_listen", *metrics_listen != new.metrics_listen),
        ("data", *data != new.data),
        ("trusted_proxies", proxies.trusted != new.proxies.trusted),
        ("forwarded_header", proxies.header != new.proxies.header),
        ("geo", *geo != new.geo),
        ("live_step", *live_step != new.live_step),
        ("engine", *clickhouse != new.clickhouse),
        ("replicated_tables", *replicated_tables != new.replicated_tables),
        ("kafka", *kafka != new.kafka),
        ("limits", *limits != new.limits),
    ];
    differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

#[cfg(test)]
mod tests {
    use schema::sites::Site;

    use super::*;

    fn sites(zones: &[(u32, &str)]) -> Sites {
        let site =
            |&(id, zone): &(u32, &str)| Site { zone: Zone::new(zone).unwrap(), ..Site::new(id, &format!("s{id}")) };
        Sites::new(zones.iter().map(site).collect()).unwrap()
    }

    #[test]
    fn sites_may_come_and_go_but_zones_need_a_restart() {
        let old = sites(&[(1, "Europe/Paris"), (2, "UTC")]);
        let at_start = old.zones();
        let is_accepted = |new: &[(u32, &str)]| check_zones(&old, &sites(new), &at_start).is_ok();
        assert!(is_accepted(&[(1, "Europe/Paris")]) && is_accepted(&[(2, "UTC"), (3, "Europe/Paris"), (4, "UTC")]));
        assert!(!is_accepted(&[(1, "UTC")]), "a site's date would go back");
        assert!(!is_accepted(&[(1, "Europe/Paris"), (5, "Asia/Tokyo")]), "no collector would agree on its salts");
    }

    #[test]
    fn changed_keys_that_need_a_restart_are_named() {
        let read = |text: &str| Config::read(text, std::path::Path::new("/x/footfall.toml"), |_| None).unwrap();
        let base = "[[site]]\nid = 1\ndomain = \"a.org\"\n";
        let old = read(base);
        assert_eq!(changed_start_keys(&old, &read("[[site]]\nid = 1\ndomain = \"b.org\"\n")), Vec::<&str>::new());
        let new = read(&format!("listen = \"127.0.0.1:1\"\nlive_step = \"1m\"\n{base}"));
        assert_eq!(changed_start_keys(&old, &new), ["listen", "live_step"]);
    }
}
