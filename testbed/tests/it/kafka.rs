use std::io::{BufRead, BufReader};
use std::panic::catch_unwind;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testbed::kafka::Broker;

const ANSWER_MAX: Duration = Duration::from_secs(30);
const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";

/// Environment variable of the child process that runs a broker until it is killed.
const HOLD: &str = "TESTBED_HOLD";

/// Whether this process runs Kafka. A zombie process has no command line.
fn runs_kafka(id: u32) -> bool {
    let command = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    command.split(|&byte| byte == 0).any(|arg| arg == b"kafka.Kafka")
}

#[test]
fn a_broker_has_its_data_after_a_kill_and_after_a_stop_and_ends_when_dropped() {
    // The thread that starts the broker ends before the broker does, as in tests that share a broker.
    let mut broker = std::thread::spawn(Broker::start).join().unwrap();
    let first = broker.id().unwrap();
    assert!(broker.is_answering(ANSWER_MAX) && runs_kafka(first));
    let _output = broker.tool(TOPICS, &["--create", "--topic", "numbers", "--partitions", "3"]);

    broker.kill();
    assert!(!broker.is_answering(ANSWER_MAX) && !runs_kafka(first) && broker.id().is_none());
    broker.run();
    assert_ne!(broker.id(), Some(first));
    let output = broker.tool(TOPICS, &["--describe", "--topic", "numbers"]);
    assert!(output.contains("PartitionCount: 3") && !output.contains("Leader: none"), "{output}");

    broker.stop();
    assert!(!broker.is_answering(ANSWER_MAX));
    broker.run();
    assert!(broker.tool(TOPICS, &["--list"]).lines().any(|topic| topic == "numbers"));

    let last = broker.id().unwrap();
    assert!(runs_kafka(last));
    drop(broker);
    assert!(!runs_kafka(last));
}

#[test]
fn a_paused_broker_accepts_connections_and_answers_once_resumed() {
    // The properties of a test override the usual ones.
    let broker = Broker::with(&[("num.io.threads", "3")]);
    let configs = ["--entity-type", "brokers", "--entity-name", "1", "--describe", "--all"];
    let output = broker.tool("kafka.admin.ConfigCommand", &configs);
    assert!(output.contains("num.io.threads=3 "), "{output}");
    broker.pause();
    for task in std::fs::read_dir(format!("/proc/{}/task", broker.id().unwrap())).unwrap() {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap();
        assert!(
            stat.rsplit_once(") ").unwrap().1.starts_with('T'),
            "a thread has not stopped (proc_pid_stat(5)): {stat}"
        );
    }
    assert!(!broker.is_answering(Duration::from_millis(500)));
    broker.resume();
    assert!(broker.is_answering(ANSWER_MAX));
}

#[test]
fn a_failed_start_reports_the_reason() {
    let message = |property| {
        let panic = catch_unwind(|| Broker::with(&[property])).map(drop).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    let text = message(("num.io.threads", "none"));
    assert!(text.contains("not formatted") && text.contains("Invalid value none"), "{text}");
    let text = message(("metric.reporters", "no.such.Reporter"));
    assert!(text.contains("did not start (exit status: 1)") && text.contains("no.such.Reporter"), "{text}");
}

#[test]
fn a_broker_ends_with_the_process_that_started_it() {
    #[expect(clippy::disallowed_methods, reason = "distinguishes the process that runs the broker from its parent")]
    if std::env::var_os(HOLD).is_some() {
        let broker = Broker::start();
        println!("holding {}", broker.id().unwrap());
        loop {
            std::thread::park();
        }
    }
    // The killed process cannot remove its temporary files. This directory contains them and is removed at the end.
    let dir = tempfile::tempdir().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kafka::a_broker_ends_with_the_process_that_started_it", "--nocapture"])
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
    assert!(ran, "the child process did not run a broker: {id:?}");
    let start = Instant::now();
    while runs_kafka(id.unwrap()) {
        assert!(start.elapsed() < ANSWER_MAX, "the broker still runs as process {id:?}");

        std::thread::sleep(Duration::from_millis(20));
    }
}
