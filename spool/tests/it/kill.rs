//! `kill -9`, at any moment and before any system call that changes a file.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::child::{Said, judge, program, strace};

#[test]
fn every_acknowledged_commit_survives_kill_9_over_many_lives() {
    let dir = tempfile::tempdir().unwrap();
    let mut committed = BTreeMap::new();
    for life in 0..20u64 {
        let mut child = Command::new(program())
            .arg(dir.path())
            .args(["512", &(life * 1_000_000).to_string(), "1000000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        for _ in 0..1 + life * 7 % 31 {
            output.read_line(&mut said).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        output.read_to_string(&mut said).unwrap();
        committed.extend(Said::parse(said.as_bytes()).committed);
        let (extra, _) = judge(dir.path(), &committed, &format!("life {life}"));
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
fn a_kill_after_a_failed_sync_loses_nothing_acknowledged_and_keeps_no_failed_commit_beside_a_later_one() {
    let fail = ["-e", "inject=fdatasync:error=EIO:when=3..9+3"];
    let kills: u64 = ["pwrite64", "fsync", "rename"].map(|call| kill_before_each(call, &fail)).iter().sum();
    assert!(kills > 20, "{kills}");
}

/// Kills one run after another before the first, second.. `call`, and judges each; gives how many there were.
fn kill_before_each(call: &str, inject: &[&str]) -> u64 {
    for when in 1.. {
        let dir = tempfile::tempdir().unwrap();
        let kill = format!("inject={call}:signal=SIGKILL:when={when}");
        let options = [&["-f", "-e", &kill, "-o", "/dev/null"], inject].concat();
        let run = strace(&options, dir.path(), 12).output().expect("strace is needed");
        let said = Said::parse(&run.stdout);
        let context = format!("killed before {call} {when} with {inject:?}");
        let (extra, _) = judge(dir.path(), &said.committed, &context);
        if run.status.code().is_some() {
            assert!(said.read.is_some(), "{context}: {}", String::from_utf8_lossy(&run.stderr));
            assert_eq!(extra, None, "{context}");
            return when - 1;
        }
        let last = said.committed.len() + said.failed.len();
        assert!(extra.is_none_or(|(number, _)| number == last as u64), "{context}: {extra:?}");
    }
    unreachable!("a run has an end")
}
