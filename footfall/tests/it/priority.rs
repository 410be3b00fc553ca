//! Who answers comes before who counts.

use std::collections::BTreeMap;
use std::fs;

use crate::footfall::Footfall;

/// The `nice` value of each thread of a process, by the thread's name.
fn nice(pid: i32) -> BTreeMap<String, i32> {
    let of = |stat: String| {
        let (head, rest) = stat.rsplit_once(')').unwrap();
        // Field 19 of proc_pid_stat(5); the one after the name is the third.
        (head.split_once('(').unwrap().1.to_owned(), rest.split_whitespace().nth(16).unwrap().parse().unwrap())
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok()).map(of).collect()
}

#[test]
fn the_statistics_and_the_engine_give_way_to_whoever_answers_hits() {
    let footfall = Footfall::start("");
    // Hits are taken before the engine is up, and it may take its time on a cold disk.
    footfall.wait("ClickHouse has its threads", |it| {
        it.engine().iter().any(|engine| nice(*engine).contains_key("HTTPHandler"))
    });
    let own = nice(footfall.id());
    let answers = own["spool-writer"];
    let workers: Vec<i32> =
        own.iter().filter(|(name, _)| name.starts_with("actix-server wo")).map(|(_, n)| *n).collect();
    assert!(!workers.is_empty() && workers.iter().all(|worker| *worker == answers), "{own:?}");
    assert_eq!(own["aggregate"], answers + 5, "{own:?}");

    let [engine] = footfall.engine()[..] else { panic!("it has one engine: {:?}", footfall.engine()) };
    let engine = nice(engine);
    // ClickHouse raises the one that watches its memory by itself, where it may: that is short work, now and then.
    let all = engine.iter().filter(|(name, _)| *name != "MemoryWorker").all(|(_, nice)| *nice == answers + 5);
    assert!(all, "{engine:?}");
}
