//! Many machines on one: a Kafka broker, a ClickHouse, and any number of `footfall ingest` and `footfall aggregate`.
//! Each process has its own folder and ports, and a test can kill and restart it.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kafka::Connection;
use kafka::rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use kafka::rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use kafka::rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;
use testbed::clickhouse::Engine;
use testbed::free_port;
use testbed::kafka::Broker;

use crate::footfall::{noon_zone, ureq_agent};

/// All processes of one deployment.
pub(crate) struct Fleet {
    pub(crate) broker: Broker,
    pub(crate) engine: Engine,
    pub(crate) ingests: Vec<Member>,
    pub(crate) aggregates: Vec<Member>,
    partitions: u32,
    runtime: tokio::runtime::Runtime,
    _keys: TempDir,
}

/// One `footfall` process.
pub(crate) struct Member {
    dir: TempDir,
    command: &'static str,
    listen: u16,
    metrics: u16,
    url: String,
    child: Option<Child>,
}

/// The numbers of partitions and processes.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) partitions: u32,
    pub(crate) ingests: usize,
    pub(crate) aggregates: usize,
}

impl Fleet {
    /// Starts all processes. `limits` is added to the `[limits]` table of each configuration.
    pub(crate) fn start(size: Size, limits: &str) -> Fleet {
        let mut fleet = Fleet::prepare(size, limits);
        fleet.aggregates.iter_mut().for_each(Member::run);
        fleet.ingests.iter_mut().for_each(Member::run);
        fleet.wait("every ingest is ready", |fleet| fleet.ingests.iter().all(|it| it.get("/healthz/ready") == 200));
        fleet
    }

    /// Starts the broker and ClickHouse, and writes the configurations, but starts no `footfall`.
    pub(crate) fn prepare(size: Size, limits: &str) -> Fleet {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let broker = Broker::start();
        let engine = runtime.block_on(Engine::start(env!("CARGO_BIN_EXE_footfall")));
        let keys = TempDir::new().unwrap();
        let salt_keys = keys.path().join("salt-keys");
        std::fs::write(&salt_keys, format!("{}\n", "0123456789abcdef".repeat(4))).unwrap();
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&salt_keys, owner_only).unwrap();
        let member = |command, number: usize| {
            let member = Member::new(command, engine.url());
            let (brokers, partitions) = (broker.bootstrap(), size.partitions);
            let config = format!(
                "listen = \"127.0.0.1:{}\"\nmetrics_listen = \"127.0.0.1:{}\"\ndata = \"data\"\nlive_step = \"0\"\n\
                 [kafka]\nbrokers = \"{brokers}\"\npartitions = {partitions}\nreplication = 1\nsession_s = 6\n\
                 instance = \"{command}-{number}\"\nsalt_keys = {salt_keys:?}\n\
                 [limits]\nhits_per_minute_per_prefix_max = 0\n{limits}\n\
                 [[site]]\nid = 1\ndomain = \"example.org\"\ntime_zone = \"{}\"\n",
                member.listen,
                member.metrics,
                noon_zone(),
            );
            std::fs::write(member.config(), config).unwrap();
            member
        };
        let ingests = (0..size.ingests).map(|number| member("ingest", number)).collect();
        let aggregates = (0..size.aggregates).map(|number| member("aggregate", number)).collect();
        Fleet { broker, engine, ingests, aggregates, partitions: size.partitions, runtime, _keys: keys }
    }

    /// How to reach the broker.
    pub(crate) fn connection(&self) -> Connection {
        Connection { brokers: self.broker.bootstrap(), tls: None, login: None }
    }

    /// Appends messages to a partition of `hits`, as a collector does, and waits until the broker has all of them.
    pub(crate) fn produce(&self, partition: u32, messages: &[Vec<u8>]) {
        let producer: BaseProducer = self.connection().producer("test").create().unwrap();
        for message in messages {
            let record = BaseRecord::<(), [u8]>::to("hits").partition(partition as i32).payload(message);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    /// The commit of a partition: offset and metadata.
    pub(crate) fn committed(&self, partition: u32) -> Option<(i64, String)> {
        let group = self.group();
        let mut list = TopicPartitionList::new();
        list.add_partition("hits", partition as i32);
        let found = group.committed_offsets(list, Duration::from_secs(10)).unwrap();
        let element = &found.elements()[0];
        Some((element.offset().to_raw().filter(|&offset| offset >= 0)?, element.metadata().to_owned()))
    }

    /// Commits in place of the aggregators, none of which may run.
    pub(crate) fn commit(&self, partition: u32, offset: i64, metadata: &str) {
        let group = self.group();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset("hits", partition as i32, Offset::Offset(offset)).unwrap();
        list.find_partition("hits", partition as i32).unwrap().set_metadata(metadata);
        let began = Instant::now();
        while let Err(error) = group.commit(&list, CommitMode::Sync) {
            assert!(began.elapsed() < Duration::from_secs(60), "the group does not drop its members: {error}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Deletes the group and its commits. Waits until the group has dropped its members, none of which may run.
    pub(crate) fn delete_group(&self) {
        let admin = kafka::topics::admin(&self.connection()).unwrap();
        let began = Instant::now();
        let options = kafka::rdkafka::admin::AdminOptions::new();
        while self.block_on(admin.delete_groups(&["footfall"], &options)).unwrap()[0].is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the group does not drop its members");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Joins the group under the name of a running member, then disappears without leaving the group.
    pub(crate) fn join_and_leave(&self, instance: &str) {
        let mut config = self.connection().client("test");
        config.set("group.id", "footfall").set("group.instance.id", instance).set("session.timeout.ms", "6000");
        let member: BaseConsumer = config.set("partition.assignment.strategy", "cooperative-sticky").create().unwrap();
        member.subscribe(&["hits"]).unwrap();
        let began = Instant::now();
        while member.assignment().unwrap().count() == 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "the member is assigned no partition");
            let _silence = member.poll(Duration::from_millis(50));
        }
    }

    /// Leaves the group in the state of members that were killed in the middle of a rebalance, after partitions were
    /// revoked and before they were assigned: the first member has half of the partitions, the second has none.
    pub(crate) fn leave_half_assigned(&self, instances: [&str; 2]) {
        let join = |instance: &str| {
            let mut config = self.connection().client(instance);
            config.set("group.id", "footfall").set("group.instance.id", instance).set("session.timeout.ms", "30000");
            let member: BaseConsumer =
                config.set("partition.assignment.strategy", "cooperative-sticky").create().unwrap();
            member.subscribe(&["hits"]).unwrap();
            member
        };
        let first = join(instances[0]);
        self.wait("the first member has all partitions", |fleet| {
            let _silence = first.poll(Duration::from_millis(50));
            first.assignment().unwrap().count() == fleet.partitions as usize
        });
        let second = join(instances[1]);
        // The first member polls no more, so it does not take part in the second step of the rebalance.
        let asker = self.group();
        self.wait("the group is stable with two members", |_| {
            let _silence = second.poll(Duration::from_millis(50));
            let groups = asker.fetch_group_list(Some("footfall"), Duration::from_secs(10)).unwrap();
            groups.groups().iter().any(|it| it.state() == "Stable" && it.members().len() == 2)
        });
        // `forget`, because a consumer that is dropped leaves the group.
        std::mem::forget((first, second));
    }

    fn group(&self) -> BaseConsumer {
        let mut config = self.connection().client("test");
        config.set("group.id", "footfall").set("enable.auto.commit", "false").create().unwrap()
    }

    /// The first offset that a partition of `hits` still holds, and its high-water mark.
    pub(crate) fn watermarks(&self, partition: u32) -> (i64, i64) {
        self.group().fetch_watermarks("hits", partition as i32, Duration::from_secs(10)).unwrap()
    }

    /// Whether every partition of `hits` has held a message. False if the topic does not exist yet.
    pub(crate) fn has_a_message_in_every_partition(&self) -> bool {
        let group = self.group();
        let high_water_mark = |partition: u32| {
            let marks = group.fetch_watermarks("hits", partition as i32, Duration::from_secs(10));
            marks.map_or(0, |(_, high)| high)
        };
        (0..self.partitions).all(|partition| high_water_mark(partition) > 0)
    }

    /// Runs a future on the fleet's runtime.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Kills ClickHouse and starts it again on the same data.
    pub(crate) fn kill_engine(&mut self) {
        self.engine.kill();
        self.runtime.block_on(self.engine.run());
    }

    /// The only value of a query's result.
    pub(crate) fn one<T: clickhouse::RowOwned + clickhouse::RowRead>(&self, sql: &str) -> T {
        self.runtime.block_on(async { self.engine.client().query(sql).fetch_one::<T>().await.unwrap() })
    }

    /// Page -> views, by the generations that a reader counts.
    pub(crate) fn views(&self) -> HashMap<String, i64> {
        let sql = "SELECT page, sum(pageviews) FROM live_pages WHERE (shard, generation) IN \
                   (SELECT shard, max(generation) FROM shards GROUP BY shard) GROUP BY page HAVING sum(pageviews) != 0";
        let rows = self
            .runtime
            .block_on(async { self.engine.client().query(sql).fetch_all::<(String, i64)>().await.unwrap() });
        rows.into_iter().collect()
    }

    /// A sum over one live table, by the generations that a reader counts.
    pub(crate) fn sum(&self, measure: &str, table: &str) -> i64 {
        self.one(&format!(
            "SELECT sum({measure}) FROM {table} WHERE (shard, generation) IN \
             (SELECT shard, max(generation) FROM shards GROUP BY shard)"
        ))
    }

    /// Waits until every answered hit is shipped, folded and inserted, and no position changes any more.
    pub(crate) fn wait_until_quiet(&self) {
        let positions = |fleet: &Fleet| {
            let shipped = fleet.ingests.iter().all(|it| {
                let synced = it.metric("footfall_spool_synced_position_bytes");
                synced.is_some() && synced == it.metric("footfall_ship_position_bytes")
            });
            // The broker is asked for the ends: an aggregator that has just started has none yet, and one whose
            // partition was revoked shows an old one.
            let ends: Vec<u64> = (0..fleet.partitions).map(|partition| fleet.watermarks(partition).1 as u64).collect();
            let inserted = fleet.by_shard("footfall_aggregate_inserted_position");
            let all = (0..).zip(&ends).all(|(shard, end)| inserted.get(&format!("{{shard=\"{shard}\"}}")) == Some(end));
            (shipped && all).then_some(ends)
        };
        self.wait("everything stored is inserted", |fleet| {
            let before = positions(fleet);
            std::thread::sleep(Duration::from_millis(1500));
            before.is_some() && positions(fleet) == before
        });
    }

    /// A metric by shard. If two processes show the same shard, the higher value.
    fn by_shard(&self, name: &str) -> BTreeMap<String, u64> {
        let texts = self.aggregates.iter().map(Member::metrics).collect::<Vec<_>>().join("\n");
        let mut all = BTreeMap::new();
        for (labels, value) in texts.lines().filter_map(|line| line.strip_prefix(name)?.split_once(' ')) {
            let position = all.entry(labels.to_owned()).or_insert(0);
            *position = value.parse::<f64>().map_or(0, |value| value as u64).max(*position);
        }
        all
    }

    /// The ends of all logs, then the positions of all processes.
    pub(crate) fn all_logs(&self) -> String {
        let all = || self.ingests.iter().chain(&self.aggregates);
        let logs: String = all().map(|it| format!("\n--- {}:\n{}", it.command, it.end_of_log())).collect();
        logs + &all().map(|it| format!("\n--- {}:\n{}", it.command, it.positions())).collect::<String>()
    }

    /// Waits until `is_true`. `what` is named if it never is.
    pub(crate) fn wait(&self, what: &str, mut is_true: impl FnMut(&Fleet) -> bool) {
        let began = Instant::now();
        while !is_true(self) {
            assert!(began.elapsed() < Duration::from_secs(180), "waited in vain until {what}: {}", self.all_logs());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Member {
    fn new(command: &'static str, url: String) -> Member {
        let (listen, metrics) = (free_port(), free_port());
        Member { dir: TempDir::new().unwrap(), command, listen, metrics, url, child: None }
    }

    /// Starts the process, the first time or again, without waiting until it is ready.
    pub(crate) fn run(&mut self) {
        self.run_with(&[]);
    }

    /// Starts the process with further arguments.
    pub(crate) fn run_with(&mut self, arguments: &[&str]) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_footfall"))
            .args([self.command, "--config"])
            .arg(self.config())
            .args(arguments)
            .env("CLICKHOUSE_URL", &self.url)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Its resident memory, in MiB.
    pub(crate) fn memory_mib(&self) -> u64 {
        let Some(child) = &self.child else { return 0 };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
        kib.unwrap_or(0u64) / 1024
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        if let Some(child) = &self.child {
            rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
        }
    }

    /// Sends SIGTERM and returns the exit status.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.take().unwrap().wait().unwrap()
    }

    /// Waits until it ends by itself with an error that contains `words`.
    pub(crate) fn fails_with(&mut self, words: &str) {
        let mut child = self.child.take().unwrap();
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > Duration::from_secs(90) {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("the process does not end: {}", self.end_of_log());
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let log = self.log_text();
        assert!(!status.success() && log.contains(words), "{status}, and {words:?} is not in: {}", self.end_of_log());
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("footfall.toml")
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listen)
    }

    /// Everything it has logged.
    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn end_of_log(&self) -> String {
        let log = self.log_text();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// The status of an answer; 0 if there is none.
    pub(crate) fn get(&self, path: &str) -> u16 {
        ureq_agent().get(format!("http://{}{path}", self.address())).call().map_or(0, |answer| answer.status().as_u16())
    }

    pub(crate) fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics);
        ureq_agent().get(url).call().map_or(String::new(), |mut answer| answer.body_mut().read_to_string().unwrap())
    }

    /// Its metrics of positions, partitions and shards.
    fn positions(&self) -> String {
        let metrics = self.metrics();
        let is_position =
            |line: &&str| line.contains("position") || line.contains("partitions") || line.contains("shards");
        metrics.lines().filter(|line| !line.starts_with('#')).filter(is_position).collect::<Vec<_>>().join("\n")
    }

    /// The value of one metric with exactly these labels.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let text = self.metrics();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.parse().ok()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}
