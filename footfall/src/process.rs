//! What every command that keeps running does as a process: runtime, private memory and folders, priority, signals.

use std::error::Error;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ingest::salt::SaltDir;

use crate::config::Config;

/// Runs a command to its end on a runtime with two threads.
pub(crate) fn block_on(command: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(command)
}

/// Prints to standard output. If its reader is gone, the process goes on: it counts whether or not its output is read.
pub(crate) fn print_if_open(text: &str) {
    let mut out = std::io::stdout().lock();
    let _reader_is_gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A directory in memory, where the day's salt survives a restart of the process but not of the machine.
pub(crate) fn volatile_dir(config: &Config) -> Option<SaltDir> {
    let candidates =
        [Some(PathBuf::from("/run/footfall")), config.runtime_dir.clone(), Some(PathBuf::from("/dev/shm"))];
    SaltDir::find(&candidates.into_iter().flatten().collect::<Vec<_>>(), &config.data)
}

/// Makes the folder `data`, which only this user can read.
pub(crate) fn make_private_dir(data: &Path) -> Result<(), String> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .map_err(|error| format!("data {}: {error}", data.display()))
}

/// Switches off core dumps and debuggers, which could read a salt.
pub(crate) fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "this process can be dumped");
    }
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps cannot be switched off");
    }
}

/// The niceness of threads that count. They must keep up while all processors are busy: on two processors with four
/// busy threads at 0, two threads at 5 get more than a quarter of one, and the hits that arrive then take less.
const COUNTING_NICENESS: i32 = 5;

/// Lowers the priority of this thread, and of threads that it starts, below that of threads that answer hits. A client
/// waits for an answer; nothing is lost if a hit is counted a little later. (On Linux each thread has its own
/// priority.)
pub(crate) fn lower_priority() {
    if let Err(error) = rustix::process::nice(COUNTING_NICENESS) {
        tracing::warn!(%error, "the statistics' priority cannot be lowered: hits may be answered later");
    }
}

/// Raises the limit of open descriptors as far as the system allows, and returns it.
pub(crate) fn raise_descriptor_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(_limit_is_unchanged) => current.unwrap_or(u64::MAX),
    }
}

/// Resolves at Ctrl-C or SIGTERM.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = term.recv() => Ok(()),
    }
}
