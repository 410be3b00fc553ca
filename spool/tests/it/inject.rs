//! Failing disks, and the order of system calls, both through `strace`.

use std::collections::BTreeSet;

use crate::child::{Output, check_left, strace, strace_segments};

const COMMITS: u64 = 12;

/// The failed commits, and the bytes of them that recovery cut.
#[derive(Debug, PartialEq)]
struct Failed {
    commits: BTreeSet<u64>,
    bytes: u64,
}

/// Runs the example with `call` failing at `when`, and checks: acknowledged commits are in the spool, failed ones are
/// not, and a reader in the process saw the same. Returns the failed commits; `None` if `call` did not occur that
/// often.
fn fail(call: &str, error: &str, when: &str) -> Option<Failed> {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("strace");
    let spool = dir.path().join("spool");
    std::fs::create_dir(&spool).unwrap();
    let inject = format!("inject={call}:error={error}:when={when}");
    let options = ["-f", "-e", &inject, "-o", log.to_str().unwrap()];
    let run = strace(&options, &spool, COMMITS).output().expect("strace is needed");
    if !std::fs::read_to_string(&log).unwrap().contains("INJECTED") {
        return None;
    }
    let output = Output::parse(&run.stdout);
    let context = format!("{call} {error} {when}");
    assert!(run.status.success(), "{context}: {}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(output.committed.len() + output.failed.len(), COMMITS as usize, "{context}");
    assert_eq!(output.read, Some(output.committed.len() * 3), "{context}");
    let (extra, recovery) = check_left(&spool, &output.committed, &context);
    assert_eq!(extra, None, "{context}: a failed commit is in the spool");
    assert!(output.failed.values().all(|why| why.contains("os error")), "{context}: {:?}", output.failed);
    Some(Failed { commits: output.failed.keys().copied().collect(), bytes: recovery.failed_bytes })
}

#[test]
fn a_failed_sync_fails_only_its_own_commit_and_recovery_cuts_it() {
    let mut cut = 0;
    for when in 1..=COMMITS {
        let failed = fail("fdatasync", "EIO", &when.to_string()).unwrap();
        assert_eq!(failed.commits, BTreeSet::from([when - 1]));
        cut += u64::from(failed.bytes > 0);
    }
    // The other segments had no good commit, so the next segment replaces them and recovery has nothing to cut.
    assert!(cut > COMMITS / 2 && cut < COMMITS, "{cut}");
    assert_eq!(fail("fdatasync", "EIO", "13"), None, "one fdatasync per commit");
}

#[test]
fn a_failed_write_fails_only_its_own_commit() {
    let mut failed = BTreeSet::new();
    for when in 1.. {
        let Some(now) = fail("pwrite64", "ENOSPC", &when.to_string()) else { break };
        assert!(now.commits.len() <= 1, "write {when}: {now:?}");
        failed.extend(now.commits);
    }
    assert_eq!(failed, (0..COMMITS).collect(), "each commit failed in one of the runs");
}

#[test]
fn a_disk_that_keeps_failing_fails_every_commit_from_then_on() {
    for (call, error) in [("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO")] {
        let failed = fail(call, error, "5+").unwrap().commits;
        let first = *failed.first().unwrap();
        assert_eq!(failed, (first..COMMITS).collect(), "{call}");
    }
}

#[test]
fn commits_fail_until_a_segment_can_be_made() {
    for when in 1..=6 {
        let failed = fail("fsync", "EIO", &when.to_string()).unwrap().commits;
        assert!(failed.len() <= 1, "fsync {when}: {failed:?}");
    }
    for when in 1..=3 {
        let failed = fail("rename", "EIO", &when.to_string()).unwrap().commits;
        assert_eq!(failed.len(), usize::from(when > 1), "rename {when}: {failed:?}");
    }
    // The first `fallocate` of both threads fails. The writer retries with zeroes of its own.
    assert_eq!(fail("fallocate", "ENOSPC", "1").unwrap().commits.len(), 0);
    for (call, error) in [("fallocate", "ENOSPC"), ("fsync", "EIO"), ("rename", "EIO")] {
        let failed = fail(call, error, "1+").unwrap().commits;
        assert_eq!(failed, (0..COMMITS).collect(), "{call}: without a segment no commit succeeds");
    }
    // An ended segment that could not be cut is only longer than necessary.
    assert_eq!(fail("ftruncate", "EIO", "1+").unwrap().commits.len(), 0);
}

/// A test inside the process cannot see whether `fdatasync` was called, because the page cache hides it. `strace` can.
#[test]
fn each_commit_is_one_write_and_one_sync_before_its_acknowledgement_into_a_synced_file() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("strace");
    let spool = dir.path().join("spool");
    let options = ["-y", "-e", "trace=pwrite64,fdatasync,fsync,rename,write", "-o", log.to_str().unwrap()];
    // Traces the writer's thread only. The thread that prepares zeroes does not matter here: the writer syncs them
    // again.
    let run = strace(&options, &spool, COMMITS).output().expect("strace is needed");
    assert_eq!(Output::parse(&run.stdout).committed.len(), COMMITS as usize);

    let (mut written, mut synced, mut commits) = (None, None, 0);
    let (mut zeroes, mut renamed, mut ready) = (BTreeSet::new(), None, BTreeSet::new());
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let (name, arguments) = line.split_once('(').unwrap();
        let file =
            arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| path.to_owned());
        match name {
            "pwrite64" if file.as_ref().unwrap().ends_with(".segment") => {
                assert!(ready.contains(file.as_ref().unwrap()), "written before the file name was synced: {line}");
                assert_eq!((written.replace(file), synced.take()), (None, None), "two writes in one commit: {line}");
            }
            "pwrite64" => {
                zeroes.remove(&file);
            }
            "fdatasync" => {
                assert!(line.ends_with("= 0"));
                synced = file;
            }
            "fsync" if file.as_ref().unwrap().ends_with("/spool") => {
                ready.extend(renamed.take());
            }
            "fsync" => {
                zeroes.insert(file);
            }
            "rename" => {
                let paths: Vec<&str> = arguments.split('"').collect();
                assert!(zeroes.contains(&Some(paths[1].to_owned())), "renamed before it was synced: {line}");
                renamed = Some(paths[3].to_owned());
            }
            "write" if arguments.contains("committed ") => {
                let written = written.take().flatten();
                assert!(written.is_some() && written == synced.take(), "acknowledged before it was synced: {line}");
                commits += 1;
            }
            _ => {}
        }
    }
    assert_eq!(commits, COMMITS);
}

/// If the next segment's zeroes were written at once, every concurrent commit would wait for them.
#[test]
fn zeroes_for_the_next_segment_are_written_in_pieces_while_commits_continue() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("strace");
    let spool = dir.path().join("spool");
    let options = ["-f", "-y", "-e", "trace=pwrite64,fdatasync,fsync", "-o", log.to_str().unwrap()];
    // Enough commits to pass half of the first segment, where preparation of the second begins.
    let run = strace_segments(&options, &spool, 1 << 20, 4_000).output().expect("strace is needed");
    assert_eq!(Output::parse(&run.stdout).committed.len(), 4_000);

    let (mut pieces, mut in_cache, mut commits_between) = (0, false, 0);
    for line in std::fs::read_to_string(&log).unwrap().lines() {
        let is_spare = line.contains("spare.new");
        if is_spare && line.contains("pwrite64(") {
            assert!(!in_cache, "a piece was written before the one before it was on disk: {line}");
            (pieces, in_cache) = (pieces + 1, true);
        } else if is_spare {
            in_cache = false;
        } else if (1..4).contains(&pieces) && line.contains("fdatasync(") {
            commits_between += 1;
        }
    }
    assert_eq!(pieces, 4, "pieces of 256 KiB");

    assert!(commits_between > 4, "{commits_between}");
}
