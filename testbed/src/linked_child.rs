//! A child process that the kernel kills when this process ends, in whatever way it ends (`setpriv --pdeathsig`).
//!
//! Why not a shell that waits for the end of a pipe: the shell can itself be killed, and it can be late. By then the
//! child's process id can belong to another process.
//!
//! The kernel watches the *thread* that spawned the child, and a test's thread ends with the test. Each child therefore
//! has its own thread, which spawns the child and then waits until the `LinkedChild` is dropped.

use std::ffi::OsString;
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

/// A running child process, killed on drop.
pub(crate) struct LinkedChild {
    child: Child,
    /// Dropped last: only then may the thread that the kernel watches end.
    _thread: Sender<()>,
}

impl LinkedChild {
    /// Spawns this command. Its standard output and its errors are appended to `log`.
    pub(crate) fn spawn(command: Vec<OsString>, log: File) -> LinkedChild {
        let (spawned, spawn) = channel();
        let (thread, until_dropped) = channel();
        std::thread::spawn(move || {
            let child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", "sh", "-c"])
                // If this process has ended before `setpriv` ran, the shell starts nothing.
                .args(["[ \"$PPID\" = \"$0\" ] && exec \"$@\"", &std::process::id().to_string()])
                .args(command)
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .spawn();
            spawned.send(child).unwrap();
            // No value is ever sent: `recv` returns when the sender is dropped.
            let _dropped = until_dropped.recv();
        });
        let child = spawn.recv().unwrap().expect("`setpriv` (of util-linux) starts it");
        LinkedChild { child, _thread: thread }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Sends SIGSTOP and returns once all threads of the child have stopped. The signal only begins this: on a busy
    /// machine a thread can run on for a while before the kernel stops it.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        let stopped_or_ended = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.child)), stopped_or_ended).unwrap();
        assert!(status.is_some_and(|status| status.stopped()), "the child ended instead of stopping");
    }

    /// The exit status, if the child has ended.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for LinkedChild {
    fn drop(&mut self) {
        // Both fail only if `exit_status` has already seen the end.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
