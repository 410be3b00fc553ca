//! The child's side: this process becomes ClickHouse.

use std::error::Error;
use std::ffi::{CString, c_char, c_int, c_void};
use std::io::Read;

use rustix::process::{Pid, Signal};

use crate::cli;
use crate::process::give_way;

/// ClickHouse's command line, as a function of its library.
type QueryStable = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;

/// Runs until the fifo's writer is gone, or our parent is.
pub(crate) fn run(args: &cli::Engine) -> Result<(), Box<dyn Error>> {
    give_way();
    die_with_parent();
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
    // The library's threads are still there; unloading it under them is not worth the risk.
    std::process::exit(0);
}

/// Standard input is a pipe from our parent: when it ends, the parent was killed, and a next one may want our files now.
fn die_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 1];
        while matches!(std::io::stdin().read(&mut nothing), Ok(1)) {}
        // If killing ourselves fails there is nothing left to try.
        let _failed = rustix::process::kill_process(own_pid(), Signal::KILL);
    });
}

fn own_pid() -> Pid {
    rustix::process::getpid()
}
