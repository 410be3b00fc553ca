//! What every command that keeps running does as a process: memory kept private, folders too, a clean end when told.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ingest::salt::SaltDir;

use crate::config::Config;

/// Where the day's salt survives a restart of the process, and nothing else.
pub(crate) fn ram_place(config: &Config) -> Option<SaltDir> {
    let candidates =
        [Some(PathBuf::from("/run/footfall")), config.runtime_dir.clone(), Some(PathBuf::from("/dev/shm"))];
    SaltDir::find(&candidates.into_iter().flatten().collect::<Vec<_>>(), &config.data)
}

/// Makes a folder that only this user can look into.
pub(crate) fn make_private_dir(dir: &Path) -> Result<(), String> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| format!("data {}: {error}", dir.display()))
}

/// No core dump and no debugger gets to see a salt.
pub(crate) fn keep_memory_private() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "this process can be dumped");
    }
    if let Err(error) = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }) {
        tracing::warn!(%error, "core dumps cannot be switched off");
    }
}

/// By how much (`nice`). They must keep up while all processors are busy: two threads at 5 get more than a quarter of one
/// beside four at 0 on two, and the hits that come then take less.
const GIVES_WAY: i32 = 5;

/// This thread, and those that it begins, give way to threads that answer hits: who is counted a little later is none the
/// worse for it, and who waits for an answer is. (On Linux a priority is a thread's.)
pub(crate) fn give_way() {
    if let Err(error) = rustix::process::nice(GIVES_WAY) {
        tracing::warn!(%error, "the statistics' priority cannot be lowered: hits may be answered later");
    }
}

/// How many descriptors this process may open, after asking for all that it may have.
pub(crate) fn descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(_it_stays_as_it_is) => current.unwrap_or(u64::MAX),
    }
}

/// Ctrl-C or SIGTERM.
pub(crate) async fn stopped() -> std::io::Result<()> {
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = term.recv() => Ok(()),
    }
}
