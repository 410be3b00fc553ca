//! TLS and passwords, with the real ClickHouse and the real Kafka. A right setting works. With a wrong one nothing is
//! sent to the server, and the error names the fault.

mod tls;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kafka::ledger::Ledger;
use kafka::topics::{Topic, ensure};
use kafka::{Connection, Layout, Login, Mechanism, Tls};
use schema::clock;
use schema::day::Day;
use tempfile::TempDir;
use testbed::clickhouse::Engine;
use testbed::free_port;
use testbed::kafka::Broker;

use crate::footfall::noon_zone;
use tls::{Authority, TlsEnd};

const SITE: &str = "[[site]]\nid = 1\ndomain = \"example.org\"\n";
const PASSWORD: &str = "swordfish";

/// Imports one line into the ClickHouse at `url`. Returns the error output if the import fails.
fn import(url: &str, env: &[(&str, &str)]) -> Result<(), String> {
    let dir = TempDir::new().unwrap();
    let (config, log) = (dir.path().join("footfall.toml"), dir.path().join("a.log"));
    std::fs::write(&config, SITE).unwrap();
    let day = Day(i32::try_from(clock::now_s() / 86_400).unwrap() - 3);
    let (year, month, date) = {
        let text = day.to_string();
        (text[..4].to_owned(), text[5..7].parse::<usize>().unwrap(), text[8..].to_owned())
    };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = format!("{date}/{}/{year}:12:00:00 +0000", months[month - 1]);
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    std::fs::write(&log, format!("192.0.2.1 - - [{at}] \"GET / HTTP/1.1\" 200 1 \"-\" \"{agent}\"\n")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_footfall"))
        .args(["import", "--site", "1", "--config"])
        .args([&config, &log])
        .env("CLICKHOUSE_URL", url)
        .env_remove("CLICKHOUSE_CA")
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clickhouse_is_reached_over_tls_and_nothing_is_sent_to_an_unverified_server() {
    let dir = TempDir::new().unwrap();
    let (users, further) = users(dir.path());
    std::fs::write(dir.path().join("users.xml"), users).unwrap();
    let engine = Engine::with(env!("CARGO_BIN_EXE_footfall"), &further).await;
    let (ours, another) = (Authority::new("ours"), Authority::new("another"));
    let end = TlsEnd::before(&engine.url(), &ours.sign("localhost")).await;
    let (ca, wrong_ca) = (ours.certificate_file(), another.certificate_file());
    let url = format!("https://localhost:{}", end.port);

    let refused = |url: &str, ca: &str, words: &[&str]| {
        let error = import(url, &[("CLICKHOUSE_CA", ca), ("CLICKHOUSE_PASSWORD", PASSWORD)]).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{word:?} is not in: {error}");
        }
        assert!(!error.contains(PASSWORD), "{error}");
    };
    refused(&url, wrong_ca, &["certificate", "UnknownIssuer"]);
    refused(&format!("https://127.0.0.1:{}", end.port), ca, &["certificate", "not valid for name"]);
    refused(&url, "/nowhere/ca.pem", &["CLICKHOUSE_CA /nowhere/ca.pem"]);
    refused(&url, ours.key_file(), &["CLICKHOUSE_CA", "no certificate in it"]);
    // Without CLICKHOUSE_CA the system's certificates are trusted, if the system has any.
    let error = import(&url, &[]).unwrap_err();
    assert!(error.contains("UnknownIssuer") || error.contains("CLICKHOUSE_CA can name others"), "{error}");
    assert_eq!(end.received(), b"", "something was sent to a server that was not verified");
    // Nothing is sent to a server without TLS either.
    let plain = engine.url().replace("http://127.0.0.1", "https://localhost");
    refused(&plain, ca, &["network error"]);

    let right = [("CLICKHOUSE_CA", ca), ("CLICKHOUSE_USER", "footfall"), ("CLICKHOUSE_PASSWORD", PASSWORD)];
    import(&url, &right).unwrap();
    let pages = engine.client().query("SELECT sum(pageviews) FROM live_pages").fetch_one::<i64>().await.unwrap();
    assert_eq!(pages, 1);

    let received = String::from_utf8_lossy(&end.received()).into_owned();
    assert!(received.contains(PASSWORD), "inside TLS the password is sent as it is");
    for (user, password) in [("footfall", "another password"), ("footfall", ""), ("nobody", PASSWORD)] {
        let env = [("CLICKHOUSE_CA", ca), ("CLICKHOUSE_USER", user), ("CLICKHOUSE_PASSWORD", password)];
        let error = import(&url, &env).unwrap_err();
        assert!(error.contains(&format!("{user}: Authentication failed")), "{error}");
    }
}

/// The users of a ClickHouse, one of them with a password; and the part of its configuration that names their file.
fn users(dir: &Path) -> (String, String) {
    let user = |name: &str, password: &str| {
        format!(
            "<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>\
             <profile>default</profile><quota>default</quota></{name}>"
        )
    };
    let users = format!(
        "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users>{}{}</users></clickhouse>",
        user("default", ""),
        user("footfall", PASSWORD)
    );
    let path = dir.join("users.xml");
    (users, format!("<user_directories><users_xml><path>{}</path></users_xml></user_directories>", path.display()))
}

/// A broker that also listens on `localhost:{port}` for clients that use TLS and a password.
fn secure_broker(port: u16, pem: &str) -> Broker {
    let listeners = format!("{{}},SECURE://127.0.0.1:{port}");
    let advertised = format!("{{}},SECURE://localhost:{port}");
    let plain =
        format!("org.apache.kafka.common.security.plain.PlainLoginModule required user_footfall=\"{PASSWORD}\" ;");
    let broker = Broker::with(&[
        ("listeners", &listeners),
        ("advertised.listeners", &advertised),
        ("listener.security.protocol.map", "{},SECURE:SASL_SSL"),
        ("listener.name.secure.sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-512"),
        ("listener.name.secure.plain.sasl.jaas.config", &plain),
        (
            "listener.name.secure.scram-sha-512.sasl.jaas.config",
            "org.apache.kafka.common.security.scram.ScramLoginModule required ;",
        ),
        ("listener.name.secure.ssl.keystore.type", "PEM"),
        ("listener.name.secure.ssl.keystore.location", pem),
    ]);
    let password = format!("SCRAM-SHA-512=[password={PASSWORD}]");
    let user = ["--alter", "--add-config", &password, "--entity-type", "users", "--entity-name", "footfall"];
    let _output = broker.tool("kafka.admin.ConfigCommand", &user);
    broker
}

/// Runs `footfall aggregate` with this `[kafka]` table until its log contains `words`.
fn assert_aggregate_logs(kafka: &str, password: &str, words: &str) {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    let config = format!(
        "metrics_listen = \"127.0.0.1:{}\"\n[kafka]\nreplication = 1\npartitions = 2\n{kafka}\n{SITE}time_zone = \"{}\"\n",
        free_port(),
        noon_zone()
    );
    std::fs::write(at("footfall.toml"), config).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_footfall"))
        .args(["aggregate", "--config"])
        .arg(at("footfall.toml"))
        // The aggregator connects to ClickHouse after Kafka; nothing answers at this address.
        .envs([("CLICKHOUSE_URL", "http://127.0.0.1:9"), ("KAFKA_PASSWORD", password)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(at("log")).unwrap())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let log = loop {
        let log = std::fs::read_to_string(at("log")).unwrap();
        if log.contains(words) || began.elapsed() > Duration::from_secs(40) {
            break log;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(log.contains(words), "{words:?} is not in the log: {log}");
    assert!(!log.contains(PASSWORD) && !log.contains("another password"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_is_reached_over_tls_with_a_password_and_a_wrong_setting_is_named() {
    let (ours, another, port) = (Authority::new("ours"), Authority::new("another"), free_port());
    let signed = ours.sign("localhost");
    let broker = secure_broker(port, signed.key_and_chain_file());
    let connection = |mechanism| Connection {
        brokers: format!("localhost:{port}"),
        tls: Some(Tls { ca: Some(ours.certificate_file().into()), own: None }),
        login: Some(Login { mechanism, user: "footfall".to_owned(), password: PASSWORD.to_owned() }),
    };
    let kafka = |brokers: &str, ca: &str, mechanism: &str| {
        format!(
            "brokers = \"{brokers}:{port}\"\ntls = true\nca = \"{ca}\"\nmechanism = \"{mechanism}\"\nuser = \"footfall\""
        )
    };
    let (ca, wrong_ca) = (ours.certificate_file(), another.certificate_file());
    // With the right settings the aggregator gets as far as ClickHouse.
    assert_aggregate_logs(&kafka("localhost", ca, "SCRAM-SHA-512"), PASSWORD, "making the tables failed");
    let layout = Layout { prefix: String::new(), partitions: 2, replication: 1 };
    for mechanism in [Mechanism::ScramSha512, Mechanism::Plain] {
        let ensured = ensure(&connection(mechanism), &layout, Topic::ALL).await;
        ensured.unwrap_or_else(|error| panic!("{error}: {}", broker.log()));
        let mut ledger = Ledger::open(&connection(mechanism), "folds", 0).unwrap();
        let key = mechanism.label().as_bytes();
        let offset = ledger.put(key, Some(b"there"), Duration::from_secs(20)).await.unwrap();
        let entries = ledger.read_all().await.unwrap();
        assert!(entries.iter().any(|entry| entry.offset == offset && entry.key == key), "{entries:?}");
    }

    for (mechanism, password) in [("SCRAM-SHA-512", "another password"), ("PLAIN", "another password")] {
        assert_aggregate_logs(&kafka("localhost", ca, mechanism), password, "Authentication failed");
    }
    assert_aggregate_logs(&kafka("localhost", wrong_ca, "PLAIN"), PASSWORD, "certificate could not be verified");
    assert_aggregate_logs(&kafka("127.0.0.1", ca, "PLAIN"), PASSWORD, "for another host name");
    assert_aggregate_logs(&format!("brokers = \"localhost:{port}\""), PASSWORD, "does it want `tls = true`");
    // TLS to a broker that has none.
    let plain = format!("brokers = \"{}\"\ntls = true\nca = \"{ca}\"", broker.bootstrap());
    assert_aggregate_logs(&plain, PASSWORD, "connecting to a PLAINTEXT broker listener");
}
