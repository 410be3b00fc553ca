//! `kill -9` at random moments, and before each system call that changes a file.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::child::{Output, check_left, program, strace};

#[test]
fn every_acknowledged_commit_survives_kill_9_over_many_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut committed = BTreeMap::new();
    for run in 0..20u64 {
        let mut child = Command::new(program())
            .arg(dir.path())
            .args(["512", &(run * 1_000_000).to_string(), "1000000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut printed = String::new();
        for _ in 0..1 + run * 7 % 31 {
            stdout.read_line(&mut printed).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        stdout.read_to_string(&mut printed).unwrap();
        committed.extend(Output::parse(printed.as_bytes()).committed);
        let (extra, _) = check_left(dir.path(), &committed, &format!("run {run}"));
        committed.extend(extra);
    }
    assert!(committed.len() > 200);
}

#[test]
fn a_kill_before_any_system_call_that_changes_a_file_loses_nothing_acknowledged() {
    let calls = ["openat", "fallocate", "pwrite64", "fsync", "fdatasync", "rename", "ftruncate", "unlink"];
    let kills: u64 = calls.map(|call| kill_before_each(call, &[])).iter().sum();
    assert!(kills > 40, "{kills}");
}

#[test]
fn a_kill_after_a_failed_sync_loses_nothing_acknowledged_and_keeps_no_failed_commit_with_a_later_one() {
    let fail = ["-e", "inject=fdatasync:error=EIO:when=3..9+3"];
    let kills: u64 = ["pwrite64", "fsync", "rename"].map(|call| kill_before_each(call, &fail)).iter().sum();
    assert!(kills > 20, "{kills}");
}

/// Kills one run before its first `call`, the next run before its second, and so on; checks the files of each run.
/// Returns the number of killed runs.
fn kill_before_each(call: &str, inject: &[&str]) -> u64 {
    for when in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let kill = format!("inject={call}:signal=SIGKILL:when={when}");
        let options = [&["-f", "-e", &kill, "-o", "/dev/null"], inject].concat();
        let run = strace(&options, dir.path(), 12).output().expect("strace is needed");
        let output = Output::parse(&run.stdout);
        let context = format!("killed before {call} {when} with {inject:?}");
        let (extra, _) = check_left(dir.path(), &output.committed, &context);
        if run.status.code().is_some() {
            assert!(output.read.is_some(), "{context}: {}", String::from_utf8_lossy(&run.stderr));
            assert_eq!(extra, None, "{context}");
            return when - 1;
        }
        let last = output.committed.len() + output.failed.len();
        assert!(extra.is_none_or(|(number, _)| number == last as u64), "{context}: {extra:?}");
    }
    unreachable!("a run has an end")
}
