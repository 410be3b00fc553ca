//! An Apache Kafka for one test: one process that is broker and controller, on free ports and a folder of its own.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::held::Held;

/// It is small and lives for seconds: what starts soonest is best. It logs what is wrong, and that it has started.
const JVM: [&str; 5] = [
    "-Xmx384m",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
];

const STARTED: &str = "Kafka Server started";

/// Some 16 bytes in base64, as Kafka wants a cluster to be named.
const CLUSTER: &str = "Zm9vdGZhbGwtdGVzdHMtMQ";

/// How long a start or a stop may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running (or killed, or paused) broker; gone when dropped, or when the process that holds it ends.
pub struct Broker {
    dir: TempDir,
    port: u16,
    process: Option<Held>,
}

impl Broker {
    /// Starts an empty one, and waits until it takes requests. Takes about 3 s.
    #[must_use]
    pub fn start() -> Broker {
        Broker::with(&[])
    }

    /// The same with these further properties, which go before ours. `{}` in one stands for what it is without.
    #[must_use]
    pub fn with(properties: &[(&str, &str)]) -> Broker {
        let mut broker = Broker { dir: TempDir::new().unwrap(), port: crate::free_port(), process: None };
        let own = broker.properties();
        let without = |key: &str| own.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or("");
        let further = properties.iter().map(|&(key, value)| format!("{key}={}\n", value.replace("{}", without(key))));
        // The last of two lines about one property counts.
        let text = further.fold(own.clone(), |text, line| text + &line);
        std::fs::write(broker.at("server.properties"), text).unwrap();
        let format = ["kafka.tools.StorageTool", "format", "--standalone", "--cluster-id", CLUSTER, "--config"];
        let (program, args) = java(&format);
        let formatted = Command::new(program)
            .args(args)
            .arg(broker.at("server.properties"))
            .stdin(Stdio::null())
            .stdout(broker.log())
            .stderr(broker.log())
            .status()
            .unwrap();
        assert!(formatted.success(), "the broker's disk was not formatted: {}", broker.said());
        broker.run();
        broker
    }

    /// Starts it (again) with the data and the ports that it had, and waits until it takes requests.
    ///
    /// After a kill this takes 3 s more than at first: the controller waits for the broker that it remembers.
    pub fn run(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let log = self.log();
        let said_before = usize::try_from(log.metadata().unwrap().len()).unwrap();
        let (program, args) = java(&["kafka.Kafka"]);
        let command = [program].into_iter().chain(args).chain([self.at("server.properties").into()]);
        let process = self.process.insert(Held::spawn(command.collect(), log));
        let began = Instant::now();
        let mut ended = None;
        while ended.is_none() && began.elapsed() < PATIENCE {
            // It answers some requests before it leads its partitions, and says that it has started after that.
            let said = std::fs::read(self.dir.path().join("kafka.log")).unwrap();
            if String::from_utf8_lossy(&said[said_before..]).contains(STARTED) && answers(self.port, PATIENCE) {
                return;
            }
            ended = process.ended();
            std::thread::sleep(Duration::from_millis(20));
        }
        let end = ended.map_or("it takes too long".to_owned(), |status| status.to_string());
        panic!("the broker did not start ({end}): {}", self.said());
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal(Signal::TERM);
        let began = Instant::now();
        while process.ended().is_none() {
            assert!(began.elapsed() < PATIENCE, "the broker does not stop: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGSTOP: connections stay, and from now on nothing answers.
    pub fn pause(&self) {
        self.process.as_ref().expect("it runs").pause();
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process.as_ref().expect("it was paused").signal(Signal::CONT);
    }

    /// What clients call `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its process, if it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Held::id)
    }

    /// Whether it answers a request (which API versions it has) in this time.
    #[must_use]
    pub fn answers(&self, within: Duration) -> bool {
        answers(self.port, within)
    }

    /// Runs one of Kafka's own tools, named by its class, against it, and returns what it printed. Takes about 1 s.
    #[must_use]
    pub fn tool(&self, class: &str, args: &[&str]) -> String {
        let (program, own) = java(&[class, "--bootstrap-server", &self.bootstrap()]);
        let output = Command::new(program).args(own).args(args).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{class}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// Everything it logged.
    #[must_use]
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.at("kafka.log")).unwrap_or_default()).into_owned()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn log(&self) -> File {
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
             {ALONE}{SMALL}{SOON}"
        )
    }
}

/// There is no other broker to hold a copy.
const ALONE: &str = "offsets.topic.replication.factor=1\n\
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

/// What a test waits for comes in a second: a group's consumers, old segments' removal, a start after a kill.
const SOON: &str = "group.initial.rebalance.delay.ms=0\n\
                    group.min.session.timeout.ms=1000\n\
                    log.initial.task.delay.ms=500\n\
                    log.retention.check.interval.ms=500\n\
                    log.segment.delete.delay.ms=100\n\
                    broker.heartbeat.interval.ms=500\n\
                    broker.session.timeout.ms=3000\n";

/// Java with Kafka's jars, and these arguments.
fn java(args: &[&str]) -> (OsString, Vec<OsString>) {
    let jars = crate::fetched("kafka-4.1.2/lib").join("*");
    let own = JVM.iter().map(OsString::from).chain(["-cp".into(), jars.into()]);
    ("java".into(), own.chain(args.iter().map(OsString::from)).collect())
}

/// Asks which API versions it has: the one request that every client begins with.
fn answers(port: u16, within: Duration) -> bool {
    // Length, API 18 in version 0, a number that comes back, no client's name.
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
