//! Hits at a fixed rate, whatever the server does: what wrk, which waits for each answer before it sends on, cannot show.
//!
//! One thread, many connections. A hit is due at its time; it is sent on a connection that waits for nothing, and its
//! latency is from then to the last byte of its answer. If there is none, it counts from when it was due, so that a
//! server which stalls cannot make its clients stop asking (coordinated omission). A hit that is late because this thread
//! was given no processor counts from when it is sent.
//!
//! An answer has come when it is in the client's socket: the kernel stamps it (`SO_TIMESTAMPNS`, socket(7)). The
//! client shares its processors with the server, as a visitor's browser does not; until it had one and had read the
//! answer is told beside.

#![expect(clippy::disallowed_methods, reason = "the kernel's stamps are compared with the clock it stamps by")]

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSliceMut, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Between two looks at what is due and what has come.
const LOOK: Duration = Duration::from_micros(200);
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// Every answer ends like this.
const END: &[u8] = b"\r\n\r\nok";

/// How long answers took, sorted.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// How many answers there were.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The latency that this share of answers stayed under, in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let at = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// What came of one run.
pub struct Answers {
    /// From when a hit was sent, or due, until its answer was in the client's socket.
    pub latencies: Latencies,
    /// Until the client, which shares the server's processors, had read it.
    pub read: Latencies,
}

struct Connection {
    stream: TcpStream,
    /// By the clock that the kernel stamps with.
    began: SystemTime,
    received: Vec<u8>,
}

/// Sends `requests` in turn, so many a second, over so many connections, for so long.
pub fn run(
    port: u16,
    requests: &[Vec<u8>],
    per_second: f64,
    connections: usize,
    time: Duration,
) -> io::Result<Answers> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut all = Vec::with_capacity(connections);
    for n in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        setsockopt(&stream, sockopt::ReceiveTimestampns, &true)?;
        epoll::add(&epoll, &stream, EventData::new_u64(n as u64), EventFlags::IN)?;
        all.push(Connection { stream, began: SystemTime::now(), received: Vec::new() });
    }
    let mut free: VecDeque<usize> = (0..connections).collect();
    // In memory that is there already: a list that grows stops this thread for 20 ms, and what is due then comes at once.
    let most = (per_second * time.as_secs_f64()) as usize + 1;
    let (mut latencies, mut read) = (vec![Duration::MAX; most], vec![Duration::MAX; most]);
    latencies.clear();
    read.clear();
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut events = Vec::with_capacity(connections);
    let began = Instant::now();
    let mut sent = 0usize;
    let (mut look, mut none_was_free) = (began, false);
    loop {
        let now = Instant::now();
        let elapsed = now - began;
        if elapsed > time && free.len() == connections {
            break;
        }
        let due = if elapsed > time { sent } else { (elapsed.as_secs_f64() * per_second) as usize };
        let mut none_is_free = false;
        while sent < due {
            let Some(n) = free.pop_front() else {
                none_is_free = true;
                break;
            };
            let was_due = began + Duration::from_secs_f64(sent as f64 / per_second);
            all[n].began = SystemTime::now() - if none_was_free { was_due.elapsed() } else { Duration::ZERO };
            (&all[n].stream).write_all(&requests[sent % requests.len()])?;
            sent += 1;
        }
        // Answers are stamped when they come and can be read later, unless one is waited for.
        if !none_is_free {
            look = (look + LOOK).max(now);
            thread::sleep(look.saturating_duration_since(Instant::now()));
        }
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), (!none_is_free).then_some(&AT_ONCE))?;
        none_was_free = none_is_free;
        for event in &events {
            let n = event.data.u64() as usize;
            if let Some(came) = receive(&mut all[n], &mut control)? {
                let began = all[n].began;
                // Fails if the clock was set back meanwhile: then nothing can be said.
                latencies.push(came.duration_since(began).map_err(io::Error::other)?);
                read.push(began.elapsed().map_err(io::Error::other)?);
                free.push_back(n);
            }
        }
    }
    latencies.sort_unstable();
    read.sort_unstable();
    Ok(Answers { latencies: Latencies(latencies), read: Latencies(read) })
}

/// When the answer came, if it is whole.
fn receive(connection: &mut Connection, control: &mut [u8]) -> io::Result<Option<SystemTime>> {
    let mut bytes = [0; 4096];
    let mut came = None;
    loop {
        let mut room = [IoSliceMut::new(&mut bytes)];
        let message = match recvmsg::<()>(connection.stream.as_raw_fd(), &mut room, Some(control), MsgFlags::empty()) {
            Ok(message) => message,
            Err(nix::Error::EAGAIN) => break,
            Err(error) => return Err(error.into()),
        };
        for stamp in message.cmsgs()? {
            if let ControlMessageOwned::ScmTimestampns(time) = stamp {
                came = Some(SystemTime::UNIX_EPOCH + Duration::from(time));
            }
        }
        let read = message.bytes;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        connection.received.extend_from_slice(&bytes[..read]);
    }
    if !connection.received.ends_with(END) {
        return Ok(None);
    }
    if !connection.received.starts_with(b"HTTP/1.1 202 ") {
        return Err(io::Error::other("a hit was not answered 202"));
    }
    connection.received.clear();
    came.map(Some).ok_or_else(|| io::Error::other("the kernel did not stamp an answer"))
}
