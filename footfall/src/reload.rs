//! SIGHUP: the file is read again, and sites, campaigns, tokens and lists are as it says from then on, without a hit dropped or
//! a connection closed.
//!
//! The files that `geo` and `referrer_spam` name are read again too, whether or not they have changed. A file with a
//! mistake changes nothing, and says each mistake in the log. Whatever else differs is named and waits for the next start. So does a site's time zone, and a zone that no site had: salts and the closing of days are agreed by
//! zone, and a site's date must never go back.

use std::sync::Arc;

use ingest::enrich::place::Geo;
use metrics::{counter, describe_counter};
use schema::sites::{CurrentSites, Sites};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Config;

/// Reads the file again at each SIGHUP, for as long as the process lives. `read` reads what else this process needs of it,
/// or says why it cannot; `then` is called with that after the sites were replaced.
pub(crate) async fn on_hangup<T>(
    running: Config,
    sites: Arc<CurrentSites>,
    read: impl Fn(&Config) -> Result<T, String>,
    then: impl Fn(&Config, T),
) {
    describe_counter!(
        "footfall_config_reloads_total",
        "SIGHUPs, by outcome: applied, or refused (a mistake in the file, or a change that needs a restart)."
    );
    let counted = |outcome: &'static str| counter!("footfall_config_reloads_total", "outcome" => outcome);
    let (applied, refused) = (counted("applied"), counted("refused"));
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => return tracing::error!(%error, "SIGHUP cannot be heard: {error}"),
    };
    let zones = running.sites.zones();
    while hangups.recv().await.is_some() {
        let new = match Config::load(&running.path) {
            Ok(new) => new,
            Err(mistakes) => {
                tracing::error!(%mistakes, "SIGHUP: nothing is changed: {mistakes}");
                refused.increment(1);
                continue;
            }
        };
        if let Err(why) = keeps_zones(&sites.get(), &new.sites, &zones) {
            tracing::error!(why, "SIGHUP: nothing is changed: {why}");
            refused.increment(1);
            continue;
        }
        let more = match read(&new) {
            Ok(more) => more,
            Err(why) => {
                tracing::error!(why, "SIGHUP: nothing is changed: {why}");
                refused.increment(1);
                continue;
            }
        };
        for key in waiting(&running, &new) {
            tracing::warn!(key, "SIGHUP: `{key}` has changed and waits for the next start");
        }
        sites.replace(new.sites.clone());
        then(&new, more);
        applied.increment(1);
        tracing::info!(
            sites = new.sites.iter().count(),
            "SIGHUP: sites, campaigns, tokens and lists are as the file says"
        );
    }
}

/// Reads the geo file again, on a thread that may wait.
pub(crate) fn geo(geo: Option<&Arc<Geo>>) {
    if let Some(geo) = geo.cloned() {
        tokio::task::spawn_blocking(move || geo.reload());
    }
}

/// No site changes its zone, and none has one that was not there at the start.
fn keeps_zones(old: &Sites, new: &Sites, started: &[schema::zone::Zone]) -> Result<(), String> {
    for site in new.iter() {
        let (id, zone) = (site.id, site.zone.name());
        match old.by_id(site.id) {
            Some(before) if before.zone.name() != zone => {
                let was = before.zone.name();
                return Err(format!("site {id} has the time_zone {zone}, and had {was}: that needs a restart"));
            }
            _ if !started.iter().any(|known| known.name() == zone) => {
                return Err(format!(
                    "site {id} has the time_zone {zone}, which no site had before: that needs a restart"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Keys that differ and are read at the start only.
fn waiting(old: &Config, new: &Config) -> Vec<&'static str> {
    // A new key must be placed here, or this does not compile.
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
    use schema::zone::Zone;

    use super::*;

    fn sites(zones: &[(u32, &str)]) -> Sites {
        let site =
            |&(id, zone): &(u32, &str)| Site { zone: Zone::new(zone).unwrap(), ..Site::new(id, &format!("s{id}")) };
        Sites::new(zones.iter().map(site).collect()).unwrap()
    }

    #[test]
    fn sites_come_and_go_but_no_zone_does() {
        let old = sites(&[(1, "Europe/Paris"), (2, "UTC")]);
        let started = old.zones();
        let judge = |new: &[(u32, &str)]| keeps_zones(&old, &sites(new), &started).is_ok();
        assert!(judge(&[(1, "Europe/Paris")]) && judge(&[(2, "UTC"), (3, "Europe/Paris"), (4, "UTC")]));
        assert!(!judge(&[(1, "UTC")]), "a site's date would go back");
        assert!(!judge(&[(1, "Europe/Paris"), (5, "Asia/Tokyo")]), "nobody would agree on its salts");
    }

    #[test]
    fn what_waits_for_a_restart_is_named() {
        let read = |text: &str| Config::read(text, std::path::Path::new("/x/footfall.toml"), |_| None).unwrap();
        let base = "[[site]]\nid = 1\ndomain = \"a.org\"\n";
        let old = read(base);
        assert_eq!(waiting(&old, &read("[[site]]\nid = 1\ndomain = \"b.org\"\n")), Vec::<&str>::new());
        let new = read(&format!("listen = \"127.0.0.1:1\"\nlive_step = \"1m\"\n{base}"));
        assert_eq!(waiting(&old, &new), ["listen", "live_step"]);
    }
}
