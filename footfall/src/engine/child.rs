//! The child process of the engine: loads ClickHouse's library and runs it.

use std::error::Error;
use std::ffi::{CString, c_char, c_int, c_void};
use std::io::Read;

use rustix::process::{Pid, Signal};

use crate::cli;
use crate::process::lower_priority;

/// The library's function that runs ClickHouse with a command line, as `main` does.
type QueryStable = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;

/// Runs until the fifo's writer has closed it, or the parent process has ended.
pub(crate) fn run(args: &cli::EngineArgs) -> Result<(), Box<dyn Error>> {
    lower_priority();
    end_with_parent();
    let fifo = args.fifo.to_str().ok_or("the fifo's path is not UTF-8")?.replace('\\', "\\\\").replace('\'', "\\'");
    let argv = [
        "clickhouse".to_owned(),
        format!("--config-file={}", args.config.display()),
        format!("--path={}", args.data.display()),
        "--listen_host=127.0.0.1".to_owned(),
        format!("--http_port={}", args.port),
        "--multiquery".to_owned(),
        format!("--query=SYSTEM START LISTEN HTTP; SELECT count() FROM file('{fifo}', 'LineAsString')"),
    ];
    let argv = argv.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>()?;
    let mut pointers: Vec<*mut c_char> = argv.iter().map(|arg| arg.as_ptr().cast_mut()).collect();
    pointers.push(std::ptr::null_mut());
    #[expect(unsafe_code, reason = "ClickHouse is a C++ library: loading and calling it cannot be checked")]
    // SAFETY: the library is the one whose checksum `./start` pins; the function takes argc and argv as `main` does,
    // and both outlive the call.
    unsafe {
        let library = libloading::Library::new(&args.lib)?;
        let query_stable: libloading::Symbol<'_, QueryStable> = library.get(b"query_stable_v2")?;
        query_stable(c_int::try_from(argv.len())?, pointers.as_mut_ptr());
    }
    // The library's threads still run, and unloading the library under them could crash; so the process ends here.
    std::process::exit(0);
}

/// Kills this process when its standard input ends. That is a pipe from the parent; if it ends, the parent was killed,
/// and its successor may need the files that this process holds.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut byte = [0; 1];
        while matches!(std::io::stdin().read(&mut byte), Ok(1)) {}
        // If this fails, nothing else can be tried.
        let _failed = rustix::process::kill_process(own_pid(), Signal::KILL);
    });
}

fn own_pid() -> Pid {
    rustix::process::getpid()
}
