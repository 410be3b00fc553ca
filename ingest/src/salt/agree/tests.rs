//! Collectors and a real broker: the collectors agree on a salt, or have none.

mod clocks;
mod meeting;
mod outage;
mod rotation;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, Weak};

use kafka::ledger::LedgerEntry as Entry;
use kafka::topics::{Layout, Topic, ensure};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use schema::clock::now_s;
use schema::fate::Fault;
use tempfile::{NamedTempFile, TempDir};
use testbed::kafka::Broker;

use super::keys::tests::{key, line};
use super::*;
use crate::salt::SaltDir;

/// Longest wait for an event that must happen.
const SOON: Duration = Duration::from_secs(60);
const DAY_S: i64 = 86_400;

/// A topic at a broker, and the settings for collectors that use it.
struct Scene {
    broker: Arc<Broker>,
    settings: AgreementSettings,
    keys: NamedTempFile,
    /// A zone in which it is about noon, so that no date ends during a test.
    zone: Zone,
    now_s: i64,
}

impl Scene {
    /// A new topic at the broker that all tests share.
    async fn new() -> Scene {
        static SHARED: Mutex<Weak<Broker>> = Mutex::new(Weak::new());
        let shared = || {
            let mut shared = SHARED.lock().unwrap();
            shared.upgrade().unwrap_or_else(|| {
                let broker = Arc::new(Broker::start());
                *shared = Arc::downgrade(&broker);
                broker
            })
        };
        let broker = shared();
        Scene::at(broker).await
    }

    async fn at(broker: Arc<Broker>) -> Scene {
        static TOPICS: Mutex<u32> = Mutex::new(0);
        let number = {
            let mut topics = TOPICS.lock().unwrap();
            *topics += 1;
            *topics
        };
        let connection = Connection { brokers: broker.bootstrap(), tls: None, login: None };
        let layout = Layout { prefix: format!("t{number}-"), partitions: 1, replication: 1 };
        ensure(&connection, &layout, &[Topic::Salts]).await.unwrap();
        let keys = NamedTempFile::new().unwrap();
        write_keys(&keys, "a");
        let settings = AgreementSettings { connection, topic: layout.name(Topic::Salts), keys: keys.path().to_owned() };
        let now_s = now_s();
        let hour = now_s.rem_euclid(DAY_S) / 3600;
        // `Etc/GMT-3` is three hours ahead of UTC.
        let zone = Zone::new(&format!("Etc/GMT{:+}", hour - 12)).unwrap();
        Scene { broker, settings, keys, zone, now_s }
    }

    fn today(&self) -> Day {
        self.zone.at(self.now_s).day
    }

    /// A collector of one zone that starts now and finds no salt files.
    fn collector(&self) -> Collector {
        self.restarted(None)
    }

    /// A collector that finds the salt files in this directory.
    fn restarted(&self, dir: Option<SaltDir>) -> Collector {
        self.collector_at(dir, self.now_s)
    }

    fn collector_at(&self, dir: Option<SaltDir>, now_s: i64) -> Collector {
        let salts = Arc::new(Salts::agreed(dir, now_s));
        let recorder = PrometheusBuilder::new().build_recorder();
        let counted = recorder.handle();
        let agreement = metrics::with_local_recorder(&recorder, || {
            Agreement::open(&self.settings, salts.clone(), vec![self.zone.clone()]).unwrap()
        });
        Collector { salts, agreement, counted, zone: self.zone.clone(), now_s }
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.settings.connection, &self.settings.topic, 0).unwrap()
    }

    async fn entries(&self) -> Vec<Entry> {
        self.ledger().read_all().await.unwrap()
    }

    /// The dates of the records on the topic, in days from today.
    async fn dates(&self) -> Vec<i32> {
        let day = |entry: &Entry| share::parse_name(&entry.key).unwrap().1.0 - self.today().0;
        self.entries().await.iter().map(day).collect()
    }

    /// Writes a share by hand.
    async fn put(&self, day: Day, made_for: char) -> i64 {
        let record = Share::random(key(made_for).id).unwrap().record().unwrap();
        let name = share::name(self.zone.name(), day);
        self.ledger().put(name.as_bytes(), Some(&record[..]), SOON).await.unwrap()
    }

    /// Deletes all records of the topic.
    async fn lose(&self) {
        let last = self.entries().await.last().unwrap().offset;
        let admin = kafka::topics::admin(&self.settings.connection).unwrap();
        kafka::topics::delete_below(&admin, &self.settings.topic, 0, last as u64 + 1).await.unwrap();
        assert!(self.entries().await.is_empty());
    }
}

/// One collector's salts, and its part in the agreement.
struct Collector {
    salts: Arc<Salts>,
    agreement: Agreement,
    counted: PrometheusHandle,
    zone: Zone,
    now_s: i64,
}

impl Collector {
    async fn round(&mut self) {
        self.agreement.round(self.now_s).await.unwrap();
        self.agreement.count_missing(self.now_s);
    }

    /// The salt that a hit in so many days gets. As with a hit, the salt counts as used, but the date does not begin.
    fn salt(&self, days: i32) -> Result<[u8; 32], Fault> {
        let day = self.zone.at(self.now_s).day.plus(days);
        Ok(self.salts.of(&self.zone, day)?.key().unwrap())
    }

    /// A date's salt, which does not count as used.
    fn peek(&self, day: Day) -> Option<[u8; 32]> {
        self.salts.zones().get(self.zone.name())?.salts.get(&day)?.salt.key()
    }

    fn is_ready(&self) -> bool {
        self.salts.is_ready(&self.zone, self.now_s)
    }

    fn counted(&self, series: &str) -> String {
        let text = self.counted.render();
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("{series} is not in\n{text}")).to_owned()
    }
}

/// Writes one key for each letter, the newest first.
fn write_keys(file: &NamedTempFile, letters: &str) {
    fs::write(file.path(), letters.chars().map(|letter| line(letter) + "\n").collect::<String>()).unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(0o600)).unwrap();
}

/// A salt directory in this directory.
fn memory(dir: &TempDir) -> Option<SaltDir> {
    let found = SaltDir::find(&[dir.path().to_owned()], Path::new("/data"));
    assert!(found.is_some());
    found
}

fn ram() -> TempDir {
    TempDir::new_in("/dev/shm").expect("Linux has /dev/shm")
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "did not happen: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
