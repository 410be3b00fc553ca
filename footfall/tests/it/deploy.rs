//! docker-compose.yml and the files in `deploy`, compared with the code: a name that changes in only one of them fails
//! a test. Files of nginx, Prometheus, ClickHouse and docker-compose are checked by the tool that reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use schema::tables;
use serde_json::Value;
use tempfile::TempDir;
use testbed::clickhouse::Engine;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The services of docker-compose.yml with everything they inherit.
fn services() -> BTreeMap<String, Value> {
    let compose = yaml("docker-compose.yml");
    compose["services"].as_object().unwrap().iter().map(|(name, it)| (name.clone(), it.clone())).collect()
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().map_or(Vec::new(), |list| list.iter().filter_map(Value::as_str).collect())
}

/// Runs a tool that `./check` installs. Its output is the error if it fails.
fn run_tool(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{name}: {error}; `./check` installs it"));
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(text) }
}

/// The output of `footfall check-config` for the configuration of docker-compose.yml, in the environment of this
/// service.
fn check_config(service: &str) -> String {
    let service = &services()[service];
    let mut command = Command::new(env!("CARGO_BIN_EXE_footfall"));
    command.args(["check-config", "--config"]).arg(root().join("deploy/footfall/footfall.toml")).env_clear();
    for (name, value) in service["environment"].as_object().into_iter().flatten() {
        command.env(name, value.as_str().unwrap());
    }
    run_tool(&mut command).unwrap_or_else(|output| panic!("{output}"))
}

#[test]
fn each_service_runs_a_command_of_the_program_with_known_variables() {
    let variables: BTreeSet<String> = {
        let config = text("footfall/src/config.rs");
        let rows =
            config.lines().filter_map(|line| line.strip_prefix("//! | ")?.split(" | ").next().map(str::to_owned));
        rows.flat_map(|names| names.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    assert!(variables.contains("CLICKHOUSE_URL") && variables.contains("FOOTFALL_INSTANCE"), "{variables:?}");
    let services = services();
    let ours: Vec<&String> =
        services.iter().filter(|(_, it)| it["image"] == "footfall:0.1.0").map(|(name, _)| name).collect();
    assert_eq!(ours, ["aggregate-1", "aggregate-2", "dashboard", "ingest-1", "ingest-2"]);
    for name in ours {
        let service = &services[name];
        let (kind, _) = name.split_once('-').unwrap_or((name, ""));
        let command = words(&service["command"]);
        assert_eq!(command, [kind, "--config", "/etc/footfall/footfall.toml"], "{name}");
        // The program has the command.
        run_tool(Command::new(env!("CARGO_BIN_EXE_footfall")).args([kind, "--help"])).unwrap();
        let mut environment = service["environment"].as_object().into_iter().flatten();
        let unknown = environment.find(|(variable, _)| !variables.contains(*variable));
        assert!(unknown.is_none(), "{name}: the program does not read {unknown:?}");
        let volumes = words(&service["volumes"]).join(" ");
        assert!(volumes.contains("./deploy/footfall/footfall.toml:/etc/footfall/footfall.toml:ro"), "{name}");
        let health = words(&service["healthcheck"]["test"]);
        assert_eq!(health[..3], ["CMD", "/usr/local/bin/footfall", "health"], "{name}");
        assert!(
            ["127.0.0.1:8000/healthz/ready", "127.0.0.1:8000/healthz/live", "127.0.0.1:9091/health"]
                .contains(&health[3])
        );
    }
    let instances: BTreeSet<&str> = ["aggregate-1", "aggregate-2"]
        .map(|name| services[name]["environment"]["FOOTFALL_INSTANCE"].as_str().unwrap())
        .into();
    assert_eq!(instances.len(), 2, "two aggregators of one name would fence each other");
    assert_eq!(text("Cargo.toml").lines().find(|line| line.starts_with("version")), Some("version = \"0.1.0\""));
}

#[test]
fn every_service_has_few_rights_a_pinned_image_and_a_health_check() {
    let compose = yaml("docker-compose.yml");
    assert_eq!(compose["networks"]["inside"]["internal"], true);
    for (name, service) in services() {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(words(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(words(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        let user = service["user"].as_str().unwrap();
        assert!(user.split_once(':').is_some_and(|(user, group)| user != "0" && group != "0"), "{name} is {user}");
        let (_, tag) = service["image"].as_str().unwrap().rsplit_once(':').unwrap();
        assert!(
            tag.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && tag.contains('.'),
            "{name}:{tag}"
        );
        assert!(service["healthcheck"]["test"].is_array(), "{name} has no health check");
        // Only nginx is reached from outside; the dashboard only from this machine.
        let ports = words(&service["ports"]);
        match name.as_str() {
            "nginx" => assert_eq!(ports, ["80:8080"]),
            "dashboard" => assert_eq!(ports, ["127.0.0.1:8001:8000"]),
            _ => assert!(ports.is_empty() && words(&service["networks"]) == ["inside"], "{name}"),
        }
        for volume in words(&service["volumes"]).iter().filter(|volume| volume.starts_with("./")) {
            let (path, _) = volume.split_once(':').unwrap();
            assert!(root().join(path).is_file() && volume.ends_with(":ro"), "{name}: {volume}");
        }
    }
    for line in text("deploy/Dockerfile").lines().filter_map(|line| line.strip_prefix("FROM ")) {
        assert!(line.contains(|c: char| c.is_ascii_digit()) && !line.contains("latest"), "{line}");
    }
}

#[test]
fn the_configuration_is_valid_and_agrees_with_the_other_files() {
    let compose = yaml("docker-compose.yml");
    for service in ["aggregate-1", "aggregate-2", "dashboard"] {
        let output = check_config(service);
        assert!(output.contains("http://clickhouse:8123, user footfall, a password"), "{service}: {output}");
    }
    let output = check_config("aggregate-1");
    let value = |key: &str| {
        let found = output.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        found.unwrap_or_else(|| panic!("no {key} in {output}")).trim_matches('"').to_owned()
    };
    assert_eq!(value("listen"), "0.0.0.0:8000");
    assert_eq!(value("metrics_listen"), "0.0.0.0:9091");
    assert_eq!(value("replicated_tables"), "true");
    assert_eq!(value("brokers"), "kafka:9092");
    assert_eq!(value("replication"), "1");
    assert_eq!(value("salt_keys"), "/run/secrets/salt-keys");
    let subnet = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"].as_str().unwrap();
    assert_eq!(value("trusted_proxies"), format!("[\"{subnet}\"]").trim_matches('"'));
    assert_eq!(compose["secrets"]["salt-keys"]["file"], "./deploy/secrets/salt-keys");
    for name in ["ingest-1", "ingest-2"] {
        let service = &services()[name];
        assert_eq!(words(&service["secrets"]), ["salt-keys"]);
        assert!(words(&service["tmpfs"])[0].starts_with("/run/footfall:"), "salts need a directory in memory");
        assert!(words(&service["volumes"]).iter().any(|volume| volume.ends_with(&format!(":{}", value("data")))));
    }

    // Kafka advertises the address of `brokers`, and makes no topic by itself.
    let kafka = &services()["kafka"]["environment"];
    assert_eq!(kafka["KAFKA_ADVERTISED_LISTENERS"], format!("PLAINTEXT://{}", value("brokers")));
    assert_eq!(kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"], "false");
    let topics: Vec<&str> = kafka::topics::Topic::ALL.iter().map(|topic| topic.label()).collect();
    let named = format!("Footfall makes its topics ({}) itself", topics.join(", "));
    assert!(text("docker-compose.yml").contains(&named), "docker-compose.yml does not say: {named}");

    // The alerts repeat two numbers of the configuration.
    let rules = text("deploy/prometheus/rules.yml");
    assert!(rules.contains(&format!("footfall_spool_bytes > 0.8 * {}\n", value("spool_bytes_max"))));
    assert!(rules.contains(&format!("or vector(0)) < {}\n", value("partitions"))));
}

#[test]
fn nginx_logs_nothing_and_accepts_its_configuration() {
    let conf = text("deploy/nginx/nginx.conf");
    let lines: Vec<&str> = conf.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
    for needed in [
        "access_log off;",
        "error_log /dev/null crit;",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "client_header_timeout 5s;",
        "client_body_timeout 5s;",
        "listen 8080 backlog=4096;",
    ] {
        assert_eq!(lines.iter().filter(|line| **line == needed).count(), 1, "{needed}");
    }
    let servers: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("server ")?.split(' ').next()).collect();
    assert_eq!(servers, ["ingest-1:8000", "ingest-2:8000", "{"], "the collectors, and nginx itself");
    // No other directive that writes, or that stores addresses.
    for banned in
        ["access_log /", "log_format", "limit_req", "limit_conn", "proxy_cache", "$proxy_add_x_forwarded_for", "map $"]
    {
        assert!(!lines.iter().any(|line| line.contains(banned)), "{banned}");
    }
    // A body within the limit is never written to disk.
    assert!(conf.contains("client_max_body_size 16k;") && conf.contains("client_body_buffer_size 32k;"));

    let dir = TempDir::new().unwrap();
    let here = |name: &str| format!("{}/{name}", dir.path().display());
    let conf = conf.replace("ingest-1:8000", "127.0.0.1:8000").replace("ingest-2:8000", "127.0.0.1:8000");
    std::fs::write(here("nginx.conf"), conf.replace("/tmp/", &here(""))).unwrap();
    run_tool(Command::new("nginx").args(["-t", "-q", "-c", &here("nginx.conf")]))
        .unwrap_or_else(|output| panic!("{output}"));
}

#[test]
fn prometheus_scrapes_every_service_and_its_alert_tests_pass() {
    let scraped: BTreeSet<String> = yaml("deploy/prometheus/prometheus.yml")["scrape_configs"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|job| words(&job["static_configs"][0]["targets"]).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let services = services();
    let ours = services.iter().filter(|(_, it)| it["image"] == "footfall:0.1.0");
    assert_eq!(scraped, ours.map(|(name, _)| format!("{name}:9091")).collect());

    let dir = root().join("deploy/prometheus");
    for args in [["check", "config", "prometheus.yml"], ["test", "rules", "rules.test.yml"]] {
        let output = run_tool(Command::new("promtool").args(args).current_dir(&dir));
        output.unwrap_or_else(|output| panic!("{args:?}: {output}"));
    }

    // Each alert has a test, and each metric exists in the code.
    let (rules, tests) = (yaml("deploy/prometheus/rules.yml"), text("deploy/prometheus/rules.test.yml"));
    let code = sources(&["aggregator/src", "ingest/src", "footfall/src", "spool/src", "kafka/src"]);
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        if let Some(alert) = rule["alert"].as_str() {
            assert!(tests.contains(alert), "{alert} is not tested");
        }
        let expr = rule["expr"].as_str().unwrap();
        let metrics = expr.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
        for metric in metrics.filter(|word| word.starts_with("footfall_")) {
            assert!(code.contains(&format!("\"{metric}\"")), "{metric} is in no source");
        }
    }
}

/// All Rust source below these folders.
fn sources(folders: &[&str]) -> String {
    let mut found = String::new();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    while let Some(path) = waiting.pop() {
        match path.is_dir() {
            true => waiting.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path())),
            false if path.extension().is_some_and(|end| end == "rs") => {
                found += &std::fs::read_to_string(path).unwrap()
            }
            false => {}
        }
    }
    found
}

#[test]
fn docker_compose_accepts_its_file_and_demands_a_password() {
    let mut command = Command::new("docker-compose");
    command.args(["config", "--quiet"]).current_dir(root()).env("CLICKHOUSE_PASSWORD", "x");
    run_tool(&mut command).unwrap_or_else(|output| panic!("{output}"));
    let without = run_tool(
        Command::new("docker-compose").args(["config", "--quiet"]).current_dir(root()).env("CLICKHOUSE_PASSWORD", ""),
    );
    assert!(without.unwrap_err().contains("put one into .env"));
}

/// Runs the ClickHouse configuration of docker-compose.yml in a real ClickHouse. Only the Keeper is missing there.
#[tokio::test]
async fn clickhouse_accepts_its_configuration_except_for_the_missing_keeper() {
    let dir = TempDir::new().unwrap();
    let users = text("deploy/clickhouse/users.xml")
        .replace(" from_env=\"CLICKHOUSE_PASSWORD\"/>", ">swordfish</password>")
        // The user of the health check.
        .replace("<users>", "<users><default><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default>");
    std::fs::write(dir.path().join("users.xml"), users).unwrap();
    let config = text("deploy/clickhouse/config.xml");
    let further = config
        .split_once("<clickhouse>")
        .and_then(|(_, rest)| rest.rsplit_once("</clickhouse>"))
        .unwrap()
        .0
        .replace("/etc/clickhouse-server/users.xml", &dir.path().join("users.xml").display().to_string())
        .replace("/var/lib/clickhouse/", &format!("{}/", dir.path().join("data").display()))
        .replace("<console>true</console>", "<console>false</console>")
        .replace("<listen_host>0.0.0.0</listen_host>", "");
    // A port without a listener.
    let further = further.replace("<port>9181</port>", &format!("<port>{}</port>", testbed::free_port()));
    let engine = Engine::with(env!("CARGO_BIN_EXE_footfall"), &further).await;
    let client = engine.client().with_user("footfall").with_password("swordfish");

    let setting = |name: &'static str| {
        client.query("SELECT value FROM system.server_settings WHERE name = ?").bind(name).fetch_one::<String>()
    };
    for (name, value) in
        [("background_pool_size", "2"), ("mark_cache_size", "67108864"), ("max_concurrent_queries", "50")]
    {
        assert_eq!(setting(name).await.unwrap(), value, "{name}");
    }
    let logs: Vec<String> = client
        .query("SELECT name FROM system.tables WHERE database = 'system' AND name LIKE '%_log'")
        .fetch_all()
        .await
        .unwrap();
    assert!(logs.is_empty(), "{logs:?}");

    // Every statement fails only because of the missing Keeper. One with a wrong setting fails because of that.
    let statements: Vec<String> = tables::all().collect();
    assert_eq!(statements.len(), tables::names().count());
    for statement in statements {
        let refused = client.query_raw(&tables::replicated(&statement)).execute().await.unwrap_err().to_string();
        assert!(refused.contains("KEEPER_EXCEPTION"), "{statement}: {refused}");
    }
    let wrong = tables::replicated(tables::HISTORY).replace("window_seconds", "window_secs");
    assert!(client.query_raw(&wrong).execute().await.unwrap_err().to_string().contains("UNKNOWN_SETTING"));
    for table in tables::names() {
        let sync = format!("SELECT formatQuery('SYSTEM SYNC REPLICA {table} LIGHTWEIGHT')");
        assert!(client.query(&sync).fetch_one::<String>().await.unwrap().contains(table));
    }
}
