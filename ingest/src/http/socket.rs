//! Connections: their bytes, their deadlines, and the handover between the two HTTP readers.
//!
//! In comes each accepted TCP stream, and each step of its requests. Out go the bytes, to one of two readers: our
//! reader of plain hits (`http::plain`) and actix. Connections that are overdue are ended. This module does not know
//! HTTP beyond the end of a head; which requests are plain is a function that the caller passes in.
//!
//! | file | subject |
//! |---|---|
//! | `connection` | one connection: joins the four files below |
//! | `stream` | the TCP stream: read, write, shut down one half, reset |
//! | `deadlines` | what the connection does, since when, and when it is overdue |
//! | `handover` | which reader goes on, and the bytes that one reader passes to the other |
//! | `received` | whether actix holds bytes of a request that is not answered |
//! | `actix_io` | the connection as actix reads and writes it |
//! | `sweeper` | per worker thread: the list of connections, and the task that checks their deadlines |
//! | `meters` | the metrics |
//!
//! Why actix's own timers are off: actix times only the first head and the silence after an answer, each with a timer
//! of its own. It does not end a later head that arrives in part, a body that does not arrive, or a client that does
//! not read its answers. The sweeper checks all of these some times a second. A request costs a few writes to the entry
//! of its connection: no timer, no lock, no allocation.
//!
//! Why connections are parked: actix holds two buffers for each connection, 12 KB with the rest of its state. A silent
//! connection is therefore parked: actix holds nothing for it before its first byte, and nothing once it has been
//! silent for a second after an answer.

mod actix_io;
mod connection;
mod deadlines;
mod handover;
mod meters;
mod received;
mod stream;
mod sweeper;

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::net::TcpStream;

use meters::ConnectionMeters;
use sweeper::Sweeper;

pub(super) use actix_io::{ActixIo, IsPlain};
pub(super) use connection::ClientConnection;
pub use meters::EndReason;
pub(crate) use meters::describe;

/// The deadlines of connections; `deadlines` lists which one applies when.
#[derive(Debug, Clone, Copy)]
pub struct SocketLimits {
    /// For the first head, and for a body.
    pub request: Duration,
    /// For silence between two requests, and for the head of a later request.
    pub idle: Duration,
    /// After this time the next answer is the last.
    pub age: Duration,
    /// If one worker has more connections than this, `idle` is no longer than `request` there, so that clients that
    /// only hold connections cannot hold all of them for long.
    pub crowded: usize,
}

/// Opens connections with the same limits and meters in every worker thread.
#[derive(Clone)]
pub struct Sockets {
    shared: Arc<SharedSockets>,
}

/// What all worker threads share.
struct SharedSockets {
    limits: SocketLimits,
    meters: ConnectionMeters,
}

impl Sockets {
    /// Registers the metrics, so the recorder must be installed before.
    pub fn new(limits: SocketLimits) -> Sockets {
        Sockets { shared: Arc::new(SharedSockets { limits, meters: ConnectionMeters::register() }) }
    }

    /// Adds an accepted stream to the connections of the calling worker thread.
    pub(super) fn open(&self, stream: TcpStream) -> OpenConnection {
        OpenConnection(Sweeper::of_this_thread(&self.shared).add(stream))
    }

    /// Ends the connections of the calling thread because the process stops: connections that wait for a request now,
    /// the others with the answer under way.
    pub(super) fn stop_this_thread() {
        Sweeper::stop_this_thread();
    }
}

/// A connection of the sweeper's list. Dropping it removes it from the list.
pub(super) struct OpenConnection(Rc<ClientConnection>);

impl OpenConnection {
    /// The connection for actix to read and write. If `is_plain` is given, actix reads an end of input instead of a
    /// plain request that arrives between two requests.
    pub(super) fn actix_io(&self, is_plain: Option<IsPlain>) -> ActixIo {
        ActixIo::new(Rc::clone(&self.0), is_plain)
    }
}

impl Deref for OpenConnection {
    type Target = ClientConnection;

    fn deref(&self) -> &ClientConnection {
        &self.0
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.remove();
    }
}
