//! The metrics, checked by Prometheus' own tool.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::footfall::{Footfall, noon_zone, ureq_agent};

#[test]
fn promtool_accepts_the_metrics_without_a_warning() {
    let footfall = Footfall::start(&format!("time_zone = \"{}\"", noon_zone()));
    let hit = r#"{"n":"pageview","d":"example.org","u":"https://example.org/a"}"#;
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    let url = format!("http://{}/api/event", footfall.address());
    assert_eq!(ureq_agent().post(url).header("user-agent", agent).send(hit).unwrap().status(), 202);
    footfall.wait_until_quiet();
    let (status, _) = footfall.query(&serde_json::json!({"site_id": 1, "metrics": ["visitors"], "date_range": "day"}));
    assert_eq!(status, 200);
    let metrics = footfall.metrics();

    let spawned = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = spawned.expect("promtool is missing: `./check` installs it (Debian's package prometheus)");
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.trim().is_empty(), "{text}");

    for name in [
        "footfall_hits_total{fate=\"stored\"} 1",
        "footfall_hits_total{fate=\"bot\"} 0",
        "footfall_hits_total{fate=\"spool_full\"} 0",
        "footfall_engine_restarts_total 0",
        "footfall_aggregate_generation{shard=\"0\"} 1",
        "footfall_aggregate_control_sums_total{result=\"differ\"} 0",
    ] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    // Every metric has a help text, and no label names a page, a site or a person.
    for line in metrics.lines().filter(|line| line.starts_with("# TYPE")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(metrics.contains(&format!("# HELP {name} ")), "{name} has no help text");
    }
    let labels = metrics.lines().filter(|line| !line.starts_with('#')).filter_map(|line| Some(line.split_once('{')?.1));
    let names = labels.flat_map(|labels| labels.split(',').filter_map(|label| Some(label.split_once('=')?.0)));
    let unknown: Vec<_> = names
        .filter(|name| {
            ![
                "fate", "stage", "reason", "result", "le", "quantile", "answer", "ended", "cache", "shard", "kind",
                "outcome",
            ]
            .contains(name)
        })
        .collect();
    assert!(unknown.is_empty(), "unknown labels, which might name a page or a person: {unknown:?}");
}
