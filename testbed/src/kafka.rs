//! An Apache Kafka for one test: one process that is broker and controller, on free ports, in its own directory.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::linked_child::LinkedChild;

/// Options for a small broker that runs for seconds: the shortest start matters most. The broker logs warnings, and a
/// line when it has started.
const JVM: [&str; 5] = [
    "-Xmx384m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
];

const STARTED: &str = "Kafka Server started";

/// The name of the cluster: 16 bytes in base64.
const CLUSTER: &str = "Zm9vdGZhbGwtdGVzdHMtMQ";

/// The longest accepted start or stop, on a machine that runs other tests at the same time.
const START_MAX: Duration = Duration::from_secs(90);

/// A running (or killed, or paused) broker. It is killed when dropped, and also when the process of the test ends.
pub struct Broker {
    dir: TempDir,
    port: u16,
    process: Option<LinkedChild>,
}

impl Broker {
    /// Starts an empty broker, and waits until it accepts requests. Takes about 3 s.
    #[must_use]
    pub fn start() -> Broker {
        Broker::with(&[])
    }

    /// Like [`Broker::start`], with these further properties, which override ours. `{}` in a value stands for our value
    /// of that property.
    #[must_use]
    pub fn with(properties: &[(&str, &str)]) -> Broker {
        let mut broker = Broker { dir: TempDir::new().unwrap(), port: crate::free_port(), process: None };
        let ours = broker.properties();
        let our_value = |key: &str| ours.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let further = properties
            .iter()
            .map(|&(key, value)| format!("{key}={}\n", value.replace("{}", our_value(key).unwrap_or_default())));
        // If a property has two lines, Kafka uses the last.
        let text = further.fold(ours.clone(), |text, line| text + &line);
        std::fs::write(broker.at("server.properties"), text).unwrap();
        let format = ["kafka.tools.StorageTool", "format", "--standalone", "--cluster-id", CLUSTER, "--config"];
        let (program, args) = java(&format);
        let formatted = Command::new(program)
            .args(args)
            .arg(broker.at("server.properties"))
            .stdin(Stdio::null())
            .stdout(broker.open_log())
            .stderr(broker.open_log())
            .status()
            .unwrap();
        assert!(formatted.success(), "the broker's disk was not formatted: {}", broker.log());
        broker.run();
        broker
    }

    /// Starts the broker (again) with its previous data and ports, and waits until it accepts requests.
    ///
    /// After a kill this takes 3 s longer than the first start: the controller waits for the session of the killed
    /// broker to end.
    pub fn run(&mut self) {
        assert!(self.process.is_none(), "the broker already runs");
        let log = self.open_log();
        let log_start = usize::try_from(log.metadata().unwrap().len()).unwrap();
        let (program, args) = java(&["kafka.Kafka"]);
        let command = [program].into_iter().chain(args).chain([self.at("server.properties").into()]);
        let process = self.process.insert(LinkedChild::spawn(command.collect(), log));
        let start = Instant::now();
        let mut exit_status = None;
        while exit_status.is_none() && start.elapsed() < START_MAX {
            // The broker answers some requests before it leads its partitions. It logs `STARTED` after that.
            let log = std::fs::read(self.dir.path().join("kafka.log")).unwrap();
            if String::from_utf8_lossy(&log[log_start..]).contains(STARTED) && is_answering(self.port, START_MAX) {
                return;
            }
            exit_status = process.exit_status();
            std::thread::sleep(Duration::from_millis(20));
        }
        let reason = exit_status.map_or("no start within the deadline".to_owned(), |status| status.to_string());
        panic!("the broker did not start ({reason}): {}", self.log());
    }

    /// Kills the process with SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Sends SIGTERM and waits for the end of the process.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("the broker runs");
        process.signal(Signal::TERM);
        let start = Instant::now();
        while process.exit_status().is_none() {
            assert!(start.elapsed() < START_MAX, "the broker does not stop: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops all threads with SIGSTOP. Connections stay open, and the broker answers nothing.
    pub fn pause(&self) {
        self.process.as_ref().expect("the broker runs").pause();
    }

    /// Continues after [`Broker::pause`] (SIGCONT).
    pub fn resume(&self) {
        self.process.as_ref().expect("the broker was paused").signal(Signal::CONT);
    }

    /// The address for `bootstrap.servers` of clients.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process id, if it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(LinkedChild::id)
    }

    /// Whether the broker answers a request for its API versions within this time.
    #[must_use]
    pub fn is_answering(&self, within: Duration) -> bool {
        is_answering(self.port, within)
    }

    /// Runs one of Kafka's own tools against this broker and returns its output. `class` is the tool's Java class.
    /// Takes about 1 s.
    #[must_use]
    pub fn tool(&self, class: &str, args: &[&str]) -> String {
        let (program, own) = java(&[class, "--bootstrap-server", &self.bootstrap()]);
        let output = Command::new(program).args(own).args(args).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{class}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Everything that the broker has logged.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.at("kafka.log")).unwrap_or_default()).into_owned()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn open_log(&self) -> File {
        OpenOptions::new().create(true).append(true).open(self.at("kafka.log")).unwrap()
    }

    fn properties(&self) -> String {
        let (broker, controller) = (self.port, crate::free_port());
        let data = self.at("data");
        let data = data.display();
        format!(
            "process.roles=broker,controller\n\
             node.id=1\n\
             controller.quorum.bootstrap.servers=127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{broker}\n\
             controller.listener.names=CONTROLLER\n\
             inter.broker.listener.name=PLAINTEXT\n\
             listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT\n\
             log.dirs={data}\n\
             {SINGLE_BROKER}{SMALL}{FAST}"
        )
    }
}

/// No other broker exists that could hold a replica.
const SINGLE_BROKER: &str = "offsets.topic.replication.factor=1\n\
                     transaction.state.log.replication.factor=1\n\
                     transaction.state.log.min.isr=1\n\
                     share.coordinator.state.topic.replication.factor=1\n\
                     share.coordinator.state.topic.min.isr=1\n";

const SMALL: &str = "auto.create.topics.enable=false\n\
                     offsets.topic.num.partitions=4\n\
                     transaction.state.log.num.partitions=4\n\
                     share.coordinator.state.topic.num.partitions=4\n\
                     log.cleaner.dedupe.buffer.size=4194304\n\
                     background.threads=2\n\
                     num.network.threads=2\n\
                     num.io.threads=2\n";

/// Short intervals for what tests wait for: the consumers of a group, the removal of old segments, a start after a
/// kill. Each takes about a second.
const FAST: &str = "group.initial.rebalance.delay.ms=0\n\
                    group.min.session.timeout.ms=1000\n\
                    log.initial.task.delay.ms=500\n\
                    log.retention.check.interval.ms=500\n\
                    log.segment.delete.delay.ms=100\n\
                    broker.heartbeat.interval.ms=500\n\
                    broker.session.timeout.ms=3000\n";

/// The command that runs Java with Kafka's jars and these arguments.
fn java(args: &[&str]) -> (OsString, Vec<OsString>) {
    let jars = crate::fetched("kafka-4.1.2/lib").join("*");
    let options = JVM.iter().map(OsString::from).chain(["-cp".into(), jars.into()]);
    ("java".into(), options.chain(args.iter().map(OsString::from)).collect())
}

/// Sends the request that every client begins with (`ApiVersions`) and waits for the answer.
fn is_answering(port: u16, within: Duration) -> bool {
    // Length, API 18 in version 0, the correlation id that the answer repeats, no client name.
    let request = [0, 0, 0, 10, 0, 18, 0, 0, b'f', b'o', b'o', b't', 255, 255];
    let ask = || -> std::io::Result<[u8; 8]> {
        let address = ([127, 0, 0, 1], port).into();
        let mut stream = TcpStream::connect_timeout(&address, within)?;
        stream.set_read_timeout(Some(within))?;
        stream.write_all(&request)?;
        let mut answer = [0; 8];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.ends_with(b"foot"))
}
