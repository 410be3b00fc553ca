//! Connections: their bytes, their deadlines, and the handover between the two HTTP readers.
//!
//! In comes each accepted TCP stream, and each step of its requests. Out go the bytes, to one of two readers: our
//! reader of plain hits (`http::plain`) and actix. Connections that are overdue are ended. Of HTTP this module
//! contains only where a head ends (`received`), and one fixed answer: the 408 for a first head that is late
//! (`connection`).
//!
//! A plain request is one whole `POST /api/event` with one hit, without any header that changes how the request is
//! read. The caller passes in the function that recognises it (`IsPlain`). The loop in `http::front` calls the two
//! readers by turns for each connection; `http::plain` is our reader.
//!
//! | file | subject |
//! |---|---|
//! | `connection` | one connection: joins the four files below |
//! | `stream` | the TCP stream: read, write, shut down one half, reset |
//! | `deadlines` | what the connection does, since when, and when it is overdue |
//! | `handover` | when one reader stops and the other begins, the bytes that pass between them, and parking |
//! | `received` | whether actix holds bytes of a request that is not answered |
//! | `actix_io` | the connection as actix reads and writes it |
//! | `sweeper` | per worker thread: the list of connections, and the task that checks their deadlines |
//! | `meters` | the metrics |
//!
//! Why actix's own timers are off: actix times only the first head and the silence after an answer, each with a timer
//! of its own. It does not end a connection whose later head arrives only in part, whose body does not arrive, or whose
//! client does not read its answers. The sweeper checks all of these once per period: an eighth of
//! [`SocketLimits::request`], but at least 10 and at most 500 ms. A request costs a few writes to fields of its
//! connection: no timer, no lock, no allocation.
//!
//! Why connections are parked: actix holds two buffers for each connection, 12 KB with the rest of its state. Actix
//! therefore gets a connection only when its first bytes have arrived. After a second of silence behind an answer, the
//! connection is taken from actix again: it is parked until bytes arrive.
//!
//! Why no bytes are lost in a handover: between reading bytes and passing them to actix, our reader does not await.
//! Neither the sweeper nor actix can therefore run in between.
//!
//! What shutting down the reading half does (`shutdown(Read)`): it wakes the reader. The reader still reads the bytes
//! that the system has received, and then an end of input. What it does not do: the client is not notified, the writing
//! half stays open for the answer under way, and the socket is not closed before the reader closes it.

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
    /// For the first head, for a body, and for closing once a deadline has passed.
    pub request: Duration,
    /// For silence between two requests, for the head of a later request, and for making an answer. A quarter of it is
    /// for a client to read its answers.
    pub idle: Duration,
    /// After this time the next answer is the last.
    pub age: Duration,
    /// If one worker has more connections than this, `idle` is no longer than `request` there, for everything that
    /// `idle` limits. Clients that only hold connections then cannot occupy the worker for long.
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

    /// Closes the connections of the calling thread because the process stops. Connections without a request close at
    /// once, also if a part of a head has arrived. The others close after the answer under way.
    pub(super) fn stop_this_thread() {
        Sweeper::stop_this_thread();
    }
}

/// A connection of the sweeper's list. Dropping it removes it from the list.
pub(super) struct OpenConnection(Rc<ClientConnection>);

impl OpenConnection {
    /// The connection for actix to read and write. If `is_plain` is given and a plain request arrives between two
    /// requests, then actix reads an end of input, and our reader gets that request.
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
