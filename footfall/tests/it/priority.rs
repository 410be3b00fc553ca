//! Threads that answer hits have a higher priority than threads that count.

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
fn the_aggregator_and_the_engine_have_a_lower_priority_than_the_threads_that_answer_hits() {
    let footfall = Footfall::start("");
    // Hits are taken before the engine runs, and on a cold disk the engine starts slowly.
    footfall.wait("ClickHouse has its threads", |it| {
        it.engine().iter().any(|engine| nice(*engine).contains_key("HTTPHandler"))
    });
    let own = nice(footfall.id());
    let answers = own["spool-writer"];
    let workers: Vec<i32> =
        own.iter().filter(|(name, _)| name.starts_with("actix-server wo")).map(|(_, n)| *n).collect();
    assert!(!workers.is_empty() && workers.iter().all(|worker| *worker == answers), "{own:?}");
    assert_eq!(own["aggregate"], answers + 5, "{own:?}");

    let [engine] = footfall.engine()[..] else { panic!("not one engine: {:?}", footfall.engine()) };
    let engine = nice(engine);
    // ClickHouse itself raises the priority of its memory watcher if it may. That thread has little to do.
    let all = engine.iter().filter(|(name, _)| *name != "MemoryWorker").all(|(_, nice)| *nice == answers + 5);
    assert!(all, "{engine:?}");
}
