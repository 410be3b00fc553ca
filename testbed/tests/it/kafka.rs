use std::io::{BufRead, BufReader};
use std::panic::catch_unwind;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testbed::kafka::Broker;

const SOON: Duration = Duration::from_secs(30);
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// Set for the process that holds a broker until it is killed.
const HOLD: &str = "TESTBED_HOLD";

/// Whether this process runs Kafka. One that has ended, and that nobody waited for yet, has no command line.
fn runs_kafka(id: u32) -> bool {
    let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    command.split(|&byte| byte == 0).any(|arg| arg == b"kafka.Kafka")
}

#[test]
fn it_has_its_data_after_a_kill_and_after_a_stop_and_is_gone_when_dropped() {
    // The thread that starts it ends before the broker does, as with any test that shares one.
    let mut broker = std::thread::spawn(Broker::start).join().unwrap();
    let first = broker.id().unwrap();
    assert!(broker.answers(SOON) && runs_kafka(first));
    let _said = broker.tool(TOPICS, &["--create", "--topic", "kept", "--partitions", "3"]);

    broker.kill();
    assert!(!broker.answers(SOON) && !runs_kafka(first) && broker.id().is_none());
    broker.run();
    assert_ne!(broker.id(), Some(first));
    let said = broker.tool(TOPICS, &["--describe", "--topic", "kept"]);
    assert!(said.contains("PartitionCount: 3") && !said.contains("Leader: none"), "{said}");

    broker.stop();
    assert!(!broker.answers(SOON));
    broker.run();
    assert!(broker.tool(TOPICS, &["--list"]).lines().any(|topic| topic == "kept"));

    let last = broker.id().unwrap();
    assert!(runs_kafka(last));
    drop(broker);
    assert!(!runs_kafka(last));
}

#[test]
fn a_paused_broker_takes_connections_and_answers_when_it_is_resumed() {
    // This test's own properties go before the usual ones.
    let broker = Broker::with(&[("num.io.threads", "3")]);
    let configs = ["--entity-type", "brokers", "--entity-name", "1", "--describe", "--all"];
    let said = broker.tool("kafka.admin.ConfigCommand", &configs);
    assert!(said.contains("num.io.threads=3 "), "{said}");
    broker.pause();
    for task in std::fs::read_dir(format!("/proc/{}/task", broker.id().unwrap())).unwrap() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        assert!(stat.rsplit_once(") ").unwrap().1.starts_with('T'), "has not stopped (proc_pid_stat(5)): {stat}");
    }
    assert!(!broker.answers(Duration::from_millis(500)));
    broker.resume();
    assert!(broker.answers(SOON));
}

#[test]
fn a_start_that_fails_says_why() {
    let complaint = |property| {
        let panic = catch_unwind(|| Broker::with(&[property])).map(drop).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    let said = complaint(("num.io.threads", "none"));
    assert!(said.contains("not formatted") && said.contains("Invalid value none"), "{said}");
    let said = complaint(("metric.reporters", "no.such.Reporter"));
    assert!(said.contains("did not start (exit status: 1)") && said.contains("no.such.Reporter"), "{said}");
}

#[test]
fn it_ends_with_the_process_that_holds_it() {
    #[expect(clippy::disallowed_methods, reason = "tells the process to hold from the process that kills it")]
    if std::env::var_os(HOLD).is_some() {
        let broker = Broker::start();
        println!("holding {}", broker.id().unwrap());
        loop {
            std::thread::park();
        }
    }
    // What the killed process cannot remove goes away with this.
    let dir = tempfile::tempdir().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kafka::it_ends_with_the_process_that_holds_it", "--nocapture"])
        .env(HOLD, "yes")
        .env("TMPDIR", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let id = lines.map_while(Result::ok).find_map(|line| line.split_once("holding ")?.1.parse().ok());
    let ran = id.is_some_and(runs_kafka);
    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(ran, "it did not hold a broker: {id:?}");
    let began = Instant::now();
    while runs_kafka(id.unwrap()) {
        assert!(began.elapsed() < SOON, "the broker lives on as process {id:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
