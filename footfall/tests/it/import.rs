//! `footfall import`, compared with an independent count of the same logs, and killed at several moments.

mod bench;
mod made_up;

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use schema::clock;
use schema::day::Day;
use schema::zone::Zone;
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::clickhouse::Engine;
use testbed::mmdb::{BUILT_S, file, flat};

use crate::footfall::Footfall;
use bench::{Bench, fates_of, import_command, import_error, independent_count, summary, write_config};
use made_up::{FIREFOX, line, some_day};

const ALL_COUNT: &str = "bots = \"count\"";

fn gzip(log: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(log).unwrap();
    encoder.finish().unwrap()
}

fn noon(day: Day) -> i64 {
    i64::from(day.0) * 86_400 + 43_200
}

/// The last date before `day` on which the zone's clocks changed.
fn clock_change_day(zone: &Zone, day: Day) -> Day {
    (1..400).map(|n| day.plus(-n)).find(|&day| zone.ends_s(day) - zone.begins_s(day) != 86_400).unwrap()
}

#[tokio::test]
async fn recorded_traffic_is_counted_like_the_independent_count() {
    let bench = Bench::new(ALL_COUNT).await;
    let log = bench.write("traffic.log.gz", include_bytes!("../traffic.log.gz"));
    let from: Day = "2026-11-02".parse().unwrap();
    let shift = some_day().0 - from.0;
    let summary = bench.check(&log, shift.into(), "UTC").await;
    assert!(summary["pageviews"].as_u64().unwrap() > 200, "{summary:#}");
    assert_eq!(summary["first_date"], some_day().to_string());
    assert_eq!(summary["last_date"], some_day().plus(2).to_string());
}

#[tokio::test]
async fn random_logs_are_counted_like_the_independent_count() {
    for (seed, zone) in [(1, "Europe/Paris"), (2, "America/St_Johns"), (3, "Asia/Kolkata"), (4, "Pacific/Auckland")] {
        let bench = Bench::new(&format!("{ALL_COUNT}\ntime_zone = \"{zone}\"")).await;
        let there = Zone::new(zone).unwrap();
        // Three dates. In the zones that change their clocks, they change on the one in the middle.
        let day = if zone == "Asia/Kolkata" { some_day() } else { clock_change_day(&there, some_day()) };
        let lines = made_up::log(seed, there.begins_s(day.plus(-1)), there.ends_s(day.plus(1)), 4_000);
        let log = bench.write("made-up.log", &lines);
        let summary = bench.check(&log, 0, zone).await;
        assert_eq!(summary["lines"], 4_000);
    }
}

#[tokio::test]
async fn edge_cases_are_counted_like_the_independent_count() {
    let bench = Bench::new(ALL_COUNT).await;
    let day = some_day();
    let (t, midnight) = (noon(day), i64::from(day.plus(1).0) * 86_400);
    let get = |address, time_s, target: &str| line(address, time_s, &format!("GET {target} HTTP/1.1"), 200, FIREFOX);
    let lines = [
        // 1800 s later is the same visit, 1801 s later is another. The lines are not in order.
        get("10.0.1.1", t + 3601, "/c"),
        get("10.0.1.1", t, "/a"),
        get("10.0.1.1", t + 1800, "/b?mail=x"),
        // A visit ends at midnight.
        get("10.0.2.1", midnight - 1, "/night"),
        get("10.0.2.1", midnight, "/night"),
        // One visitor: the same /24, or the same /48.
        get("10.0.3.1", t, "/p"),
        get("10.0.3.255", t + 5, "/q"),
        get("2001:db8:7:1::1", t, "/p"),
        get("2001:db8:7:2::2", t, "/q"),
        // Two visitors, by their user agents.
        line("10.0.4.1", t, "GET /p HTTP/1.1", 200, r#"a \"quoted\" agent"#),
        line("10.0.4.1", t, "GET /p HTTP/1.1", 200, r#"another \"quoted\" agent"#),
        // Equal times keep their order: the visit begins at /first and ends there too.
        get("10.0.5.1", t, "/first"),
        get("10.0.5.1", t, "/second"),
        // An error within a visit, and one without a visit.
        line("10.0.1.1", t + 3, "GET /lost HTTP/1.1", 404, FIREFOX),
        line("10.0.9.1", t, "GET /x.png HTTP/1.1", 503, FIREFOX),
        // Not counted.
        line("10.0.1.1", t, "HEAD / HTTP/1.1", 200, FIREFOX),
        get("10.0.1.1", t, "/style.css?v=3"),
        line("10.0.1.1", t, "GET / HTTP/1.1", 301, FIREFOX),
        // A line with the line end of Windows; then bad lines.
        get("10.0.6.1", t, "/crlf").replace('\n', "\r\n"),
        "\n".to_owned(),
        "10.0.1.1 - - [no time] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"\n".to_owned(),
    ];
    let log = bench.write("edges.log", lines.concat().as_bytes());
    let summary = bench.check(&log, 0, "UTC").await;
    for (figure, want) in [("lines", 21), ("pageviews", 14), ("errors", 2), ("malformed", 2)] {
        assert_eq!(summary[figure], want, "{figure}: {summary:#}");
    }
    assert_eq!(summary["refused"], json!({ "asset": 1, "method": 1, "status": 1 }));
    let bad: Vec<_> =
        summary["bad_lines"].as_array().unwrap().iter().map(|bad| bad["line"].as_u64().unwrap()).collect();
    assert_eq!(bad, [20, 21]);

    let counted = bench.counted(None).await;
    assert_eq!(
        counted["total"],
        json!({ "visits": 10, "visitors": 9, "pageviews": 14, "bounces": 6, "seconds": 1805 })
    );
    assert_eq!(counted["pages"]["/first"]["entries"], 1);
    assert_eq!(counted["pages"]["/first"]["exits"], 1);
    assert_eq!(counted["pages"]["/b"]["exits"], 1, "without its query");
    assert_eq!(counted["errors"]["404"], json!({ "events": 1, "visitors": 1 }));
    assert_eq!(counted["errors"]["503"], json!({ "events": 1, "visitors": 1 }));
}

#[tokio::test]
async fn of_a_log_that_grew_only_the_new_lines_are_counted() {
    let bench = Bench::new(ALL_COUNT).await;
    let day = some_day();
    let whole = made_up::log(5, noon(day), noon(day.plus(3)), 900);
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
    let log = bench.write("whole.log", &whole);

    // Also while the log is shorter than its head, and with half a line at its end.
    let mut before = 0;
    for (lines, gzipped) in [(1, false), (9, true), (300, false), (700, true)] {
        let part = &whole[..ends[lines - 1] + 5];
        let part = bench.write("part.log", &if gzipped { gzip(part) } else { part.to_vec() });
        let summary = bench.import(&part, &[]);
        assert_eq!((&summary["lines"], &summary["unfinished"]), (&json!(lines - before), &json!(1)));
        let (skip, take) = (before.to_string(), (lines - before).to_string());
        bench.check_against(&summary, &independent_count(&log, &["--skip", &skip, "--take", &take])).await;
        before = lines;
    }
    let summary = bench.import(&log, &[]);
    assert_eq!((&summary["lines"], &summary["unfinished"]), (&json!(200), &json!(0)));

    // The same log under other names, gzipped or shorter: nothing is new.
    let counted = bench.counted(None).await;
    let again = bench.write("again.gz", &gzip(&whole));
    let shorter = bench.write("shorter.log", &whole[..ends[500]]);
    for log in [&log, &again, &shorter] {
        let summary = bench.import(log, &[]);
        assert_eq!((&summary["lines"], &summary["shard"]), (&json!(0), &Value::Null), "{}", log.display());
    }
    assert_eq!(bench.counted(None).await, counted);

    // Shifted by a day it is another log.
    let moved = bench.import(&log, &["--shift", "1"]);
    assert_eq!(moved["lines"], 900);
    assert_eq!(bench.import(&log, &["--shift", "1"])["lines"], 0);
}

#[tokio::test]
async fn several_logs_in_any_order_are_counted_like_one() {
    let bench = Bench::new(ALL_COUNT).await;
    let day = some_day();
    let whole = made_up::log(6, noon(day), noon(day.plus(2)), 900);
    let ends: Vec<usize> = (0..whole.len()).filter(|&at| whole[at] == b'\n').map(|at| at + 1).collect();
    let parts = [&whole[..ends[299]], &whole[ends[299]..ends[599]], &whole[ends[599]..]];
    // The newest log first, as a shell lists rotated logs; and one of them twice.
    let names = ["access.log.2.gz", "access.log.1", "access.log"];
    let logs: Vec<_> = parts
        .iter()
        .zip(names)
        .map(|(part, name)| {
            let part = if name.ends_with("gz") { gzip(part) } else { part.to_vec() };
            bench.write(name, &part)
        })
        .collect();
    let twice = bench.write("copy.gz", &gzip(parts[1]));
    let summary = summary(bench.command(&[]).args([&logs[2], &logs[1], &twice, &logs[0]]));

    let in_order = bench.write("in-order.log", &[parts[2], parts[1], parts[0]].concat());
    bench.check_against(&summary, &independent_count(&in_order, &[])).await;
}

#[tokio::test]
async fn lines_of_old_dates_are_dropped_and_lines_of_open_dates_are_left_for_later() {
    let bench = Bench::new("").await;
    let now_s = clock::now_s();
    let view = |time_s| line("10.0.0.1", time_s, "GET / HTTP/1.1", 200, FIREFOX);
    let (closed, old) = (noon(some_day()), now_s - 800 * 86_400);
    let lines = [view(old), view(closed), view(closed + 1), view(now_s), view(closed + 2), "bad\n".to_owned()];
    let log = bench.write("now.log", lines.concat().as_bytes());
    let other = bench.write("other.log", view(closed + 86_400).as_bytes());
    let summary = bench::summary(bench.command(&[]).args([&log, &other]));
    let figures = ["lines", "pageviews", "too_old", "not_yet_closed", "malformed"]
        .map(|figure| summary[figure].as_u64().unwrap());
    assert_eq!(figures, [7, 3, 1, 3, 0], "{summary:#}");
    assert_eq!(fates_of(&summary), 7);

    // The lines from the first open date on were left.
    let again = bench.import(&log, &[]);
    let figures = ["lines", "pageviews", "not_yet_closed"].map(|figure| again[figure].as_u64().unwrap());
    assert_eq!((figures, &again["shard"]), ([3, 0, 3], &Value::Null));
    assert_eq!(bench.counted(None).await["total"]["pageviews"], 3);
}

#[tokio::test]
async fn robots_are_refused_by_name_unless_the_log_has_no_user_agents() {
    let bench = Bench::new("").await;
    let t = noon(some_day());
    let robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    let lines: String =
        [FIREFOX, robot, robot, "-"].map(|agent| line("10.0.0.1", t, "GET / HTTP/1.1", 200, agent)).concat();
    let summary = bench.import(&bench.write("robots.log", lines.as_bytes()), &[]);
    assert_eq!((&summary["pageviews"], &summary["refused"]), (&json!(1), &json!({ "bot": 3 })));
    assert_eq!(summary["crawlers"], json!({ "Googlebot": 2, "(no user agent)": 1 }));
    assert_eq!(bench.counted(None).await["fates"], json!({ "bot": 3 }));

    let common: String = lines.lines().map(|line| format!("{}\n", line.split(" \"-\" ").next().unwrap())).collect();
    let summary = bench.import(&bench.write("common.log", common.as_bytes()), &["--format", "common"]);
    assert_eq!((&summary["pageviews"], &summary["refused"]), (&json!(4), &json!({})));
}

#[tokio::test]
async fn a_file_that_is_no_log_or_cannot_be_read_stops_the_import_and_nothing_is_counted() {
    let bench = Bench::new("").await;
    let good = bench.write("good.log", line("10.0.0.1", noon(some_day()), "GET / HTTP/1.1", 200, FIREFOX).as_bytes());
    let prose = bench.write("prose.txt", b"It was a dark and stormy night.\n\n");
    let cut = gzip(&made_up::log(7, noon(some_day()), noon(some_day()) + 9, 500));
    let cut = bench.write("cut.gz", &cut[..cut.len() / 2]);
    for (bad, words) in [
        (prose, "none of its 2 lines"),
        (cut, "nothing of this import is counted"),
        (bench.dir().join("missing.log"), "No such file"),
        (bench.dir().to_owned(), "directory"),
    ] {
        let error = import_error(bench.command(&[]).args([&good, &bad]));
        assert!(error.contains(words) && error.contains(bad.file_name().unwrap().to_str().unwrap()), "{error}");
        assert!(!error.contains("stormy"), "{error}");
    }
    assert!(import_error(import_command(bench.dir()).args(["--site", "8"]).arg(&good)).contains("7 (example.org)"));
    assert_eq!(bench.import(&good, &[])["pageviews"], 1);
}

#[tokio::test]
async fn a_second_import_is_refused_while_one_runs() {
    let bench = Bench::new("").await;
    let view = line("10.0.0.1", noon(some_day()), "GET / HTTP/1.1", 200, FIREFOX);
    let log = bench.write("a.log", view.as_bytes());
    // The first import reads from a pipe, so it runs until the test closes the pipe.
    let pipe = bench.dir().join("pipe.log");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::from(0o600), 0).unwrap();
    let first = bench.command(&[]).arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap(); // waits until the import reads
    assert!(import_error(bench.command(&[]).arg(&log)).contains("another import"));
    writer.write_all(view.as_bytes()).unwrap();
    drop(writer);
    let first: Value = serde_json::from_slice(&first.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(first["pageviews"], 1);
    assert_eq!(bench.import(&log, &[])["lines"], 0, "the same lines, from a file");
}

/// The number of rows of a table.
async fn rows(engine: &Engine, table: &str) -> u64 {
    engine.client().query(&format!("SELECT count() FROM {table}")).fetch_one().await.unwrap_or(0)
}

#[tokio::test]
async fn a_killed_import_counts_nothing_and_the_next_one_counts_every_line_once() {
    let bench = Bench::new(ALL_COUNT).await;
    let day = some_day();
    let log = bench.write("long.log", &made_up::log(8, noon(day.plus(-30)), noon(day), 12_000));
    // Killed before it has inserted any row, after the first, and after more and more.
    for wanted in [0, 1, 800, 1_600] {
        let before = rows(&bench.engine, "live_pages").await;
        let mut child = bench.command(&[]).arg(&log).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while rows(&bench.engine, "live_pages").await < before + wanted {
            assert!(began.elapsed() < Duration::from_secs(60), "no rows come");
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(rows(&bench.engine, "shards").await, 0);
    }
    bench.check(&log, 0, "UTC").await;
    assert_eq!(bench.import(&log, &[])["lines"], 0);
}

#[tokio::test]
async fn rows_and_positions_of_a_killed_import_are_not_taken_for_those_of_the_next() {
    let bench = Bench::new(ALL_COUNT).await;
    let t = noon(some_day());
    let view = |page: &str| line("10.0.0.1", t, &format!("GET {page} HTTP/1.1"), 200, FIREFOX);
    let (one, two) = (bench.write("one.log", view("/one").as_bytes()), bench.write("two.log", view("/two").as_bytes()));
    assert_eq!(bench.import(&one, &[])["lines"], 1);
    // As if it had been killed just before its shard was named, and its rows had been swept then.
    let client = bench.engine.client();
    client.query("TRUNCATE TABLE shards").execute().await.unwrap();
    for table in ["live_visits", "live_pages", "live_events", "live_fates"] {
        client.query(&format!("TRUNCATE TABLE {table}")).execute().await.unwrap();
    }
    assert_eq!(bench.import(&two, &[])["lines"], 1);
    assert_eq!(bench.import(&one, &[])["lines"], 1, "it was never counted");
    assert_eq!(bench.counted(None).await["total"]["pageviews"], 2);
}

#[tokio::test]
async fn without_a_running_serve_the_import_starts_the_engine() {
    let dir = TempDir::new().unwrap();
    write_config(dir.path(), ALL_COUNT);
    let log = dir.path().join("made-up.log");
    std::fs::write(&log, made_up::log(9, noon(some_day()), noon(some_day().plus(1)), 500)).unwrap();
    let run = |args: &[&str]| summary(import_command(dir.path()).args(["--site", "7"]).args(args).arg(&log));
    let first = run(&[]);
    assert_eq!((&first["lines"], &first["shard"]), (&json!(500), &json!(1000)));
    // The next import finds what the first one stored.
    assert_eq!((&run(&[])["lines"], &run(&["--shift", "1"])["shard"]), (&json!(0), &json!(1001)));
}

#[tokio::test]
async fn lines_are_counted_in_the_country_of_the_geo_file() {
    let bench = Bench::new("").await;
    let records = [("203.0.113.0/24", flat("FR", "Bretagne")), ("2001:db8:feed::/48", flat("BE", "Brussels"))];
    bench.write("geo.mmdb", &file("flat", BUILT_S, &records));
    let config = std::fs::read_to_string(bench.dir().join("footfall.toml")).unwrap();
    bench.write("footfall.toml", format!("geo = \"geo.mmdb\"\n{config}").as_bytes());
    let addresses = ["203.0.113.77", "203.0.112.9", "2001:db8:feed:1::2", "::ffff:203.0.113.99", "host.example"];
    let lines = addresses.map(|address| line(address, noon(some_day()), "GET / HTTP/1.1", 200, FIREFOX));
    assert_eq!(bench.import(&bench.write("a.log", lines.concat().as_bytes()), &[])["pageviews"], 5);
    let sql = "SELECT country, region, toInt64(sum(pageviews)) FROM live_visits GROUP BY ALL ORDER BY ALL";
    let found = bench.engine.client().query(sql).fetch_all::<(String, String, i64)>().await.unwrap();
    let found: Vec<_> = found.iter().map(|(country, region, views)| (&**country, &**region, *views)).collect();
    assert_eq!(found, [("BE", "BE-Brussels", 1), ("FR", "FR-Bretagne", 2), ("unknown", "unknown", 2)]);

    bench.write("geo.mmdb", b"garbage");
    let error = import_error(bench.command(&[]).arg(bench.dir().join("a.log")));
    assert!(error.contains("geo.mmdb is no whole MMDB file"), "{error}");
}

#[test]
fn beside_a_running_serve_the_import_uses_its_engine_and_the_dashboard_shows_the_lines_at_once() {
    let mut footfall = Footfall::start("");
    let day = some_day();
    let lines: String =
        (0..40).map(|n| line(&format!("10.0.{n}.1"), noon(day) + n, "GET /a HTTP/1.1", 200, FIREFOX)).collect();
    let log = footfall.dir().join("a.log");
    std::fs::write(&log, lines).unwrap();
    let import = || summary(import_command(footfall.dir()).args(["--site", "1"]).arg(&log));
    assert_eq!((&import()["pageviews"], &import()["lines"]), (&json!(40), &json!(0)));

    let question = json!({ "site_id": "example.org", "metrics": ["pageviews", "visitors"], "date_range": [day.to_string(), day.to_string()] });
    let seen = |footfall: &Footfall| footfall.query(&question).1["results"][0]["metrics"].clone();
    assert_eq!(seen(&footfall), json!([40, 40]));
    footfall.stop();
    footfall.run();
    assert_eq!(seen(&footfall), json!([40, 40]), "and at the next start");
}

#[tokio::test]
async fn neither_output_nor_files_hold_an_address_or_a_user_agent() {
    let dir = TempDir::new().unwrap();
    write_config(dir.path(), "");
    let t = noon(some_day());
    let agent = format!("{FIREFOX} CANARY-AGENT");
    let good = line("203.0.113.77", t, "GET /a?mail=canary@example.org HTTP/1.1", 200, &agent);
    let bad = good.replace("HTTP/1.1\" 200", "HTTP/1.1 200");
    let log = dir.path().join("canary.log");
    std::fs::write(&log, format!("{good}{bad}{}", good.trim_end())).unwrap();
    let output =
        import_command(dir.path()).args(["--site", "7"]).env("FOOTFALL_LOG", "trace").arg(&log).output().unwrap();
    assert!(output.status.success());
    std::fs::remove_file(&log).unwrap();

    let mut stored = vec![("the output".into(), [output.stdout, output.stderr].concat())];
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.metadata().unwrap() {
                kind if kind.is_dir() => folders.push(entry),
                kind if kind.is_file() => stored.push((entry.clone(), std::fs::read(&entry).unwrap())),
                _ => {}
            }
        }
    }
    let number = u32::from_be_bytes([203, 0, 113, 77]);
    let marks = ["203.0.113.77", "CANARY-AGENT", "canary@example.org", &number.to_string(), "cb00714d", "CB00714D"];
    for (place, bytes) in &stored {
        for mark in marks {
            assert!(memchr::memmem::find(bytes, mark.as_bytes()).is_none(), "{mark} in {}", place.display());
        }
    }
    assert!(stored.len() > 10);
}
