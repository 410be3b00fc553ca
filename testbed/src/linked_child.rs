//! A child process that ends when this process does, however that ends.
//!
//! The kernel kills it (`setpriv --pdeathsig`). A shell that waits for the end of a pipe could do it too, but it can
//! itself be killed, and it may be late: by then its process id can be a stranger's. What the kernel watches is the
//! *thread* that spawned the child, and a test's thread ends with the test; so each child has a thread of its own,
//! which spawns it and then waits until it is let go.

use std::ffi::OsString;
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

/// A running child process, killed on drop.
pub(crate) struct Held {
    child: Child,
    /// Dropped last; only then the thread that the kernel watches may end.
    _thread: Sender<()>,
}

impl Held {
    /// Spawns this command; what it says goes into `said`.
    pub(crate) fn spawn(command: Vec<OsString>, said: File) -> Held {
        let (spawned, spawn) = channel();
        let (held, let_go) = channel();
        std::thread::spawn(move || {
            let child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "sh", "-c"])
                // If this process ended before the kernel was told, nothing is started.
                .args(["[ \"$PPID\" = \"$0\" ] && exec \"$@\"", &std::process::id().to_string()])
                .args(command)
                .stdin(Stdio::null())
                .stdout(said.try_clone().unwrap())
                .stderr(said)
                .spawn();
            spawned.send(child).unwrap();
            // Nothing is ever sent: this ends when the other side is dropped.
            let _let_go = let_go.recv();
        });
        let child = spawn.recv().unwrap().expect("`setpriv` (of util-linux) starts it");
        Held { child, _thread: held }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGSTOP; back when all its threads have stopped. The signal only begins that: on a busy machine a thread may go
    /// on for a while, until another one had its turn to tell it.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let stopped_or_ended = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.child)), stopped_or_ended).unwrap();
        assert!(status.is_some_and(|status| status.stopped()), "it ended instead");
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Both fail only if it was seen to have ended before.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
