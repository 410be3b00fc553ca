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
    let mut kills = 0;
    for call in ["openat", "fallocate", "pwrite64", "fsync", "fdatasync", "rename", "ftruncate", "unlink"] {
        for when in 1.. {
            let dir = tempfile::tempdir().unwrap();
            let inject = format!("inject={call}:signal=SIGKILL:when={when}");
            let run =
                strace(&["-f", "-e", &inject, "-o", "/dev/null"], dir.path(), 12).output().expect("strace is needed");
            let said = Said::parse(&run.stdout);
            let context = format!("killed before {call} {when}");
            let (extra, _) = judge(dir.path(), &said.committed, &context);
            if said.read.is_some() {
                assert!(extra.is_none());
                break;
            }
            kills += 1;
            assert!(extra.is_none_or(|(number, _)| number == said.committed.len() as u64), "{context}");
        }
    }
    assert!(kills > 40, "{kills}");
}
