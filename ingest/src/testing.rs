//! For tests: a collector with a spool of its own, the records in its spool, and its counters.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use schema::sites::{BeaconCampaign, Bots, CurrentSites, Ground, Marketing, Medium, Site, Sites};
use schema::wire::{Body, decode};
use tempfile::TempDir;

use crate::append::Appender;
use crate::client::{Proxies, ProxyHeader};
use crate::collect::Collector;
use crate::http::socket::{SocketLimits, Sockets};
use crate::http::{Edge, Script, Sender, Senders};
use crate::metrics::Meters;
use crate::rate::Rate;
use crate::salt::Salts;
use crate::spam::{CurrentSpam, Spam};

/// Umami's UUID of site 1.
pub(crate) const UMAMI: &str = "b59e9c65-ae32-47f1-8400-119fcf4861c4";
/// The token of a server that may send hits for sites 1 and 3.
pub(crate) const SENDER: &str = "a server's token";
pub(crate) const OTHER_SENDER: &str = "another server's token";
pub(crate) const TRACKER: &[u8] = b"/* tracker */";

/// One collector.
pub(crate) struct Rig {
    pub(crate) dir: TempDir,
    pub(crate) spool: spool::Handle,
    pub(crate) edge: Edge,
    pub(crate) prometheus: PrometheusHandle,
    recorder: PrometheusRecorder,
}

/// A record, as far as tests compare it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    Event { site: u32, tag: u64, kind: &'static str, name: String, page: String, source: String, rest: String },
    Fates(Vec<(u32, &'static str, String, u64)>),
    Close(i32),
}

/// A record: epoch, number, body.
pub(crate) type Numbered = (u64, u64, Kept);

pub(crate) fn site(id: u32, domain: &str) -> Site {
    Site { aliases: vec![format!("alias-{id}")], ..Site::new(id, domain) }
}

pub(crate) fn sites() -> Vec<Site> {
    vec![
        Site { campaigns: campaigns(), umami: UMAMI.into(), matomo: 7, ..site(1, "example.org") },
        Site { hostnames: vec!["shop.example".into()], ..site(2, "shop.example") },
        Site {
            bots: Bots::Count,
            marketing: Marketing::Always,
            properties: vec!["plan".into(), "author".into()],
            own: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8:77::/48".parse().unwrap()],
            ..site(3, "counts.example")
        },
    ]
}

fn campaigns() -> Vec<BeaconCampaign> {
    let campaign =
        |name: &str, on| BeaconCampaign { name: name.into(), medium: Medium::Email, ground: Ground::SenderConsent, on };
    vec![campaign("spring", true), campaign("autumn", false)]
}

/// A spool with small segments.
pub(crate) fn options() -> spool::Options {
    spool::Options { segment_bytes: 256 << 10, segment_age: Duration::from_secs(3600), bytes_max: 64 << 20 }
}

impl Rig {
    pub(crate) fn new() -> Rig {
        Rig::with(TempDir::new().unwrap(), options(), Salts::in_memory(), &[])
    }

    /// A new rig with these changes to its collector.
    pub(crate) fn changed(change: impl FnOnce(&mut Collector)) -> Rig {
        let mut rig = Rig::new();
        change(Arc::get_mut(&mut rig.edge.collector).expect("it is not shared yet"));
        rig
    }

    pub(crate) fn with(dir: TempDir, options: spool::Options, salts: Salts, trusted: &[&str]) -> Rig {
        let (writer, spool, _) = spool::open(&dir.path().join("spool"), options, 0).unwrap();
        let recorder = PrometheusBuilder::new().build_recorder();
        let prometheus = recorder.handle();
        let meters = Arc::new(metrics::with_local_recorder(&recorder, Meters::register));
        let appender = Appender::start(writer, spool.clone(), 1, meters.clone()).unwrap();
        let collector = Arc::new(Collector {
            sites: Arc::new(CurrentSites::new(Sites::new(sites()).unwrap())),
            proxies: Proxies {
                trusted: trusted.iter().map(|net| net.parse().unwrap()).collect(),
                header: ProxyHeader::XForwardedFor,
            },
            spam: Arc::new(CurrentSpam::new(Spam::of_list("spam.example"))),
            rate: Rate::new(0, 0),
            geo: None,
            salts: Arc::new(salts),
            appender,
            meters,
            plain_hits: Default::default(),
            only_actix: Default::default(),
        });
        let sender = |token: &str| Sender { blake3: blake3::hash(token.as_bytes()), sites: vec![1, 3] };
        let senders = Arc::new(Senders::new(vec![sender(SENDER), sender(OTHER_SENDER)]));
        let edge = Edge { collector, script: Script::new(TRACKER), senders };
        Rig { dir, spool, edge, prometheus, recorder }
    }

    /// How many hits were read without actix.
    pub(crate) fn plain_hits(&self) -> u64 {
        self.edge.collector.plain_hits.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Connections with these limits, whose metrics are those of the rig.
    pub(crate) fn sockets(&self, limits: SocketLimits) -> Sockets {
        metrics::with_local_recorder(&self.recorder, || Sockets::new(limits))
    }

    /// Stops the writer, after which all accepted hits and all refusals are in the spool.
    pub(crate) fn stopped(&self) -> Vec<Numbered> {
        self.edge.collector.appender.stop();
        self.records()
    }

    /// The records in the spool.
    pub(crate) fn records(&self) -> Vec<Numbered> {
        let mut reader = self.spool.reader(self.spool.start()).unwrap();
        let mut records = Vec::new();
        while let Some(frame) = reader.next().unwrap() {
            let record = decode(frame.payload).unwrap();
            records.push((record.epoch, record.number, kept(record.body)));
        }
        records
    }

    pub(crate) fn events(&self) -> Vec<Kept> {
        self.records().into_iter().map(|(_, _, kept)| kept).filter(|kept| matches!(kept, Kept::Event { .. })).collect()
    }

    /// A counter's value, by its name and labels as Prometheus writes them.
    pub(crate) fn counted(&self, series: &str) -> u64 {
        let text = self.prometheus.render();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
    }

    /// The sum of all fates.
    pub(crate) fn received(&self) -> u64 {
        let text = self.prometheus.render();
        let hits = text.lines().filter(|line| line.starts_with("footfall_hits_total{"));
        hits.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    }

    pub(crate) fn fate(&self, label: &str) -> u64 {
        self.counted(&format!("footfall_hits_total{{fate=\"{label}\"}}"))
    }

    /// The bytes of all files in the data directory, and their names.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        gather(self.dir.path(), &mut all);
        all
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.edge.collector.appender.stop();
    }
}

fn gather(dir: &Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        all.extend_from_slice(path.as_os_str().as_encoded_bytes());
        if path.is_dir() { gather(&path, all) } else { all.extend(std::fs::read(&path).unwrap()) }
    }
}

fn kept(body: Body<'_>) -> Kept {
    match body {
        Body::Event(event) => Kept::Event {
            site: event.site,
            tag: event.tag.0,
            kind: event.kind.label(),
            name: event.name.to_owned(),
            page: event.page.to_owned(),
            source: event.source.to_owned(),
            rest: format!("{event:?}"),
        },
        Body::Fates(counts) => {
            Kept::Fates(counts.iter().map(|c| (c.site, c.reason.label(), c.crawler.to_owned(), c.hits)).collect())
        }
        Body::Close(day) => Kept::Close(day.0),
    }
}

/// The sums of all refusals in the records.
pub(crate) fn refusals(records: &[Numbered]) -> std::collections::BTreeMap<(u32, &'static str, String), u64> {
    let mut sums = std::collections::BTreeMap::new();
    for (_, _, kept) in records {
        if let Kept::Fates(counts) = kept {
            for (site, reason, crawler, hits) in counts {
                *sums.entry((*site, *reason, crawler.clone())).or_insert(0) += hits;
            }
        }
    }
    sums
}
