//! Runs `examples/append.rs` as a separate process, and compares the files it leaves with what it acknowledged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use spool::Recovery;

use crate::read;

/// The example; `cargo test` builds it before the tests run.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("examples").join("append");
    assert!(program.exists(), "{} is missing: run `cargo test -p spool` without `--test`", program.display());
    program
}

/// The example with small segments in `dir`, under `strace` with `options`.
pub(crate) fn strace(options: &[&str], dir: &Path, count: u64) -> Command {
    strace_segments(options, dir, 512, count)
}

/// The same with segments of this length.
pub(crate) fn strace_segments(options: &[&str], dir: &Path, segment_bytes: u64, count: u64) -> Command {
    let mut command = Command::new("strace");
    let numbers = [segment_bytes, 0, count].map(|number| number.to_string());
    command.arg("-qq").args(options).arg(program()).arg(dir).args(numbers);
    command
}

/// The output of a run: the position of each acknowledged commit, the error of each failed one, and the number of
/// frames read at the end.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) committed: BTreeMap<u64, u64>,
    pub(crate) failed: BTreeMap<u64, String>,
    pub(crate) read: Option<usize>,
}

impl Output {
    pub(crate) fn parse(stdout: &[u8]) -> Output {
        let mut output = Output::default();
        for line in std::str::from_utf8(stdout).unwrap().lines() {
            let (verb, rest) = line.split_once(' ').unwrap();
            let (number, rest) = rest.split_once(' ').unwrap_or((rest, ""));
            let number: u64 = number.parse().unwrap();
            match verb {
                "committed" => assert!(output.committed.insert(number, rest.parse().unwrap()).is_none()),
                "failed" => assert!(output.failed.insert(number, rest.to_owned()).is_none()),
                "read" => output.read = Some(number as usize),
                _ => panic!("{line}"),
            }
        }
        output
    }
}

/// Opens the spool that a run left, and checks that each acknowledged commit is whole and at its position. At most one
/// further commit may exist, the last. Returns that one, if any, and the result of recovery.
pub(crate) fn check_left(dir: &Path, committed: &BTreeMap<u64, u64>, context: &str) -> (Option<(u64, u64)>, Recovery) {
    let (_, handle, recovery) =
        spool::open(dir, crate::options(), 0).unwrap_or_else(|error| panic!("{context}: {error}"));
    let frames = read(&handle, 0).unwrap_or_else(|error| panic!("{context}: {error}"));
    let mut found = Vec::new();
    for commit in frames.chunks(3) {
        assert_eq!(commit.len(), 3, "{context}: a commit is not whole");
        let mut end = 0;
        let mut numbers = Vec::new();
        for (index, (position, payload)) in commit.iter().enumerate() {
            let text = std::str::from_utf8(payload).unwrap();
            let mut words = text.split(' ');
            numbers.push(words.next().unwrap().parse::<u64>().unwrap());
            assert_eq!(words.next().unwrap(), index.to_string(), "{context}: a frame of another commit");
            end = position + spool::frame_bytes(payload.len()) as u64;
        }
        numbers.dedup();
        assert_eq!(numbers.len(), 1, "{context}: commits are mixed");
        found.push((numbers[0], end));
    }
    let unacknowledged = found.iter().position(|commit| !committed.contains_key(&commit.0));
    let extra = unacknowledged.map(|index| {
        assert_eq!(index, found.len() - 1, "{context}: {:?} was not acknowledged", found[index]);
        found.remove(index)
    });
    let want: Vec<(u64, u64)> = committed.iter().map(|(number, end)| (*number, *end)).collect();
    assert_eq!(found, want, "{context}");
    (extra, recovery)
}
