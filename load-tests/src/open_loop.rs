//! An open-loop client: sends hits at a fixed rate, independent of the answers. (wrk is a closed loop: it waits for
//! each answer before it sends the next request, and so hides stalls.)
//!
//! One thread, many connections. Each hit has a due time. The thread sends it on a connection that has no open request,
//! and the latency runs from the send to the last byte of the answer. If no connection is free, the latency runs from
//! the due time, so that a stalled server cannot slow its clients down (coordinated omission). If a hit is late only
//! because this thread got no processor, the latency runs from the send.
//!
//! An answer counts as received when it is in the client's socket: the kernel stamps its arrival (`SO_TIMESTAMPNS`,
//! socket(7)). This client shares the server's processors, unlike a browser; the time until the client has read the
//! answer is therefore reported separately.

#![expect(clippy::disallowed_methods, reason = "the kernel's time stamps are compared with the system clock")]

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

/// Interval between two checks for due hits and received answers.
const POLL_INTERVAL: Duration = Duration::from_micros(200);
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// Every answer ends like this.
const END: &[u8] = b"\r\n\r\nok";

/// Latencies of answers, ascending.
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// The number of answers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there was no answer.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The quantile of this share (0 to 1), in milliseconds.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let at = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// The result of one run.
pub struct Answers {
    /// From the send (or the due time) of a hit until its answer was in the client's socket.
    pub latencies: Latencies,
    /// From the same start until the client, which shares the server's processors, had read the answer.
    pub read: Latencies,
}

struct Connection {
    stream: TcpStream,
    /// By the clock that the kernel uses for its time stamps.
    began: SystemTime,
    received: Vec<u8>,
}

/// Sends `requests` in turn for `time`, `per_second` of them each second, over this many connections.
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
    // The lists get their memory now. A growing list would stop this thread for 20 ms, and all hits due meanwhile would
    // be sent at once.
    let hits_max = (per_second * time.as_secs_f64()) as usize + 1;
    let (mut latencies, mut read) = (vec![Duration::MAX; hits_max], vec![Duration::MAX; hits_max]);
    latencies.clear();
    read.clear();
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut events = Vec::with_capacity(connections);
    let start = Instant::now();
    let mut sent = 0usize;
    let (mut next_poll, mut none_was_free) = (start, false);
    loop {
        let now = Instant::now();
        let elapsed = now - start;
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
            let was_due = start + Duration::from_secs_f64(sent as f64 / per_second);
            all[n].began = SystemTime::now() - if none_was_free { was_due.elapsed() } else { Duration::ZERO };
            (&all[n].stream).write_all(&requests[sent % requests.len()])?;
            sent += 1;
        }
        // The kernel stamps answers on arrival, so they can be read later. If no connection is free, the thread waits
        // for an answer instead.
        if !none_is_free {
            next_poll = (next_poll + POLL_INTERVAL).max(now);
            thread::sleep(next_poll.saturating_duration_since(Instant::now()));
        }
        events.clear();
        epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), (!none_is_free).then_some(&NO_WAIT))?;
        none_was_free = none_is_free;
        for event in &events {
            let n = event.data.u64() as usize;
            if let Some(received) = receive(&mut all[n], &mut control)? {
                let began = all[n].began;
                // Fails if the clock was set back during the run: the latencies are then unknown.
                latencies.push(received.duration_since(began).map_err(io::Error::other)?);
                read.push(began.elapsed().map_err(io::Error::other)?);
                free.push_back(n);
            }
        }
    }
    latencies.sort_unstable();
    read.sort_unstable();
    Ok(Answers { latencies: Latencies(latencies), read: Latencies(read) })
}

/// The arrival time of the answer, once the answer is complete.
fn receive(connection: &mut Connection, control: &mut [u8]) -> io::Result<Option<SystemTime>> {
    let mut bytes = [0; 4096];
    let mut received = None;
    loop {
        let mut buffers = [IoSliceMut::new(&mut bytes)];
        let descriptor = connection.stream.as_raw_fd();
        let message = match recvmsg::<()>(descriptor, &mut buffers, Some(control), MsgFlags::empty()) {
            Ok(message) => message,
            Err(nix::Error::EAGAIN) => break,
            Err(error) => return Err(error.into()),
        };
        for stamp in message.cmsgs()? {
            if let ControlMessageOwned::ScmTimestampns(time) = stamp {
                received = Some(SystemTime::UNIX_EPOCH + Duration::from(time));
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
    received.map(Some).ok_or_else(|| io::Error::other("the kernel did not stamp an answer"))
}
