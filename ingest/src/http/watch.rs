//! Connections that take too long, ended.
//!
//! In come each connection as it begins, and each of its requests as it begins and as it is answered; out goes the end of
//! those that are overdue. By itself actix times a connection's first head and the silence after an answer, each with a
//! timer of its own; nothing there ends a later head that came in part, a body that does not come, or a client that does
//! not take its answers. Here one task for each worker's thread looks at that thread's connections some times a second,
//! and a request costs a few writes to the connection's own entry: no timer, no lock, no allocation.
//!
//! | what a connection does | how long it may | |
//! |---|---|---|
//! | sends its first head | `request` | answered 408 |
//! | sends a hit's body | `request` | answered 408, refused as slow |
//! | waits, or sends a later head | `idle` | closed |
//! | does not take its answers | a quarter of `idle` | reset: actix spins while such a client sends on |
//! | waits for an answer | `idle` | closed after the answer, if there is one soon |
//! | all of it | `age` | closed after an answer that says so |
//! | anything, when the process stops | | closed: now if it waits, or after such an answer |
//!
//! A worker that has more than `crowded` of them gives silence no longer than `request`, so that whoever only holds
//! connections cannot hold them all for long.
//!
//! The reading half is shut: actix sees the end of what the client sends, answers what it has to, and closes. What is
//! still open `request` later is reset.
//!
//! A connection that says nothing [rests](line): actix holds nothing for it, neither before its first byte nor some time
//! after an answer. Its two buffers and the rest are 12 KB for each who only stays connected.

mod connection;
mod line;
mod meters;
mod told;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use connection::Connection;
use meters::Meters;

pub(super) use connection::Doing;
pub(super) use line::Line;
pub use meters::Ended;
pub(crate) use meters::describe;

/// How long a connection may do what.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// Send its first head; send a body.
    pub request: Duration,
    /// Be silent between two requests, or send the head of the next.
    pub idle: Duration,
    /// Exist.
    pub age: Duration,
    /// With more connections than this on one worker, `idle` is no longer than `request`.
    pub crowded: usize,
}

/// What ends connections. To be made after the metrics' recorder is installed.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

/// What all workers share.
struct Shared {
    times: Times,
    meters: Meters,
}

/// One worker's thread.
struct Worker {
    shared: Arc<Shared>,
    /// How long this thread has been at work. It is written down once per sweep, and a stall counts little: what a
    /// client sent meanwhile has not been looked at.
    now: Cell<Duration>,
    stopping: Cell<bool>,
    connections: RefCell<Vec<Rc<Connection>>>,
}

thread_local! {
    static WORKER: OnceCell<Rc<Worker>> = const { OnceCell::new() };
}

/// A connection, for as long as it is open.
pub(super) struct Open(Rc<Connection>);

/// A connection, as its requests know it.
pub(super) struct Watched(Rc<Connection>);

impl Watch {
    /// Watches with these limits.
    pub fn new(times: Times) -> Watch {
        Watch { shared: Arc::new(Shared { times, meters: Meters::register() }) }
    }

    /// A connection begins, in the thread of its worker.
    pub(super) fn begin(&self, stream: TcpStream) -> Open {
        let worker = WORKER.with(|worker| Rc::clone(worker.get_or_init(|| Worker::start(Arc::clone(&self.shared)))));
        Open(worker.takes(stream))
    }

    /// This thread stops: connections that wait are ended now, others after their answer.
    pub(super) fn stop() {
        WORKER.with(|worker| worker.get().into_iter().for_each(|worker| worker.stop()));
    }
}

impl Open {
    /// Resolves when there is something to read, or nothing more to come.
    pub(super) async fn speaks(&self) {
        self.0.speaks().await;
    }

    /// What comes next, as far as `hear` makes of it; `None` if nothing more does.
    pub(super) async fn hears<T>(&self, hear: impl FnMut(&[u8]) -> T) -> Option<T> {
        self.0.hears(hear).await
    }

    /// These bytes came, and actix is to read them.
    pub(super) fn leaves(&self, bytes: Vec<u8>) {
        self.0.leaves(bytes);
    }

    /// Whether the client took all of this.
    pub(super) async fn says(&self, bytes: &[u8]) -> bool {
        self.0.says(bytes).await
    }

    /// Nothing more will be said.
    pub(super) async fn ends(&self) {
        self.0.ends().await;
    }

    /// The connection itself.
    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }

    /// What actix reads and writes, until it rests or ends, or, if it is not to read what is plain, until that comes.
    pub(super) fn line(&self, but_plain: bool) -> Line {
        Line::new(Rc::clone(&self.0), but_plain)
    }

    /// Whether it only rests, now that actix has given it up.
    pub(super) fn rests(&self) -> bool {
        self.0.rests()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.worker().gives_up(&self.0);
    }
}

impl Watched {
    /// The connection, for as long as an answer is awaited.
    pub(super) fn share(&self) -> Rc<Connection> {
        Rc::clone(&self.0)
    }

    /// The body of its request is awaited.
    pub(super) fn receives(&self) {
        self.0.does(Doing::Body);
    }

    /// The body is there, and so long; or no more of it is read.
    pub(super) fn answers(&self, bytes: Option<usize>) {
        if let Some(bytes) = bytes {
            self.0.told().has_body(bytes);
        }
        self.0.does(Doing::Answer);
    }

    /// Nothing more is read from it.
    pub(super) fn is_overdue(&self) -> bool {
        self.0.is_ended()
    }
}

impl Worker {
    fn start(shared: Arc<Shared>) -> Rc<Worker> {
        let worker = Rc::new(Worker {
            shared,
            now: Cell::default(),
            stopping: Cell::default(),
            connections: RefCell::default(),
        });
        let sweeping = Rc::clone(&worker);
        actix_web::rt::spawn(async move {
            let mut sweeps = interval(sweeping.period());
            sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut last = Instant::now();
            loop {
                sweeps.tick().await;
                sweeping.sweep(last.elapsed());
                last = Instant::now();
            }
        });
        worker
    }

    /// Between two sweeps, and so how late an end may be.
    fn period(&self) -> Duration {
        (self.shared.times.request / 8).clamp(Duration::from_millis(10), Duration::from_millis(500))
    }

    fn sweep(&self, since_last: Duration) {
        self.now.set(self.now.get() + since_last.min(2 * self.period()));
        let connections = self.connections.borrow();
        let Times { request, idle, crowded, .. } = self.shared.times;
        let idle = if connections.len() > crowded { idle.min(request) } else { idle };
        for connection in connections.iter() {
            connection.look(idle);
        }
    }

    fn stop(&self) {
        self.stopping.set(true);
        self.connections.borrow().iter().for_each(|connection| connection.stop());
    }

    fn takes(self: Rc<Self>, stream: TcpStream) -> Rc<Connection> {
        self.shared.meters.begun();
        // An answer does not wait until the one before has been acknowledged, where it would be lost if the connection
        // is then reset: as it is if it is closed while something that came is unread.
        let _it_may_be_gone = stream.set_nodelay(true);
        let mut connections = self.connections.borrow_mut();
        let connection = Rc::new(Connection::new(stream, Rc::clone(&self), connections.len()));
        connections.push(Rc::clone(&connection));
        connection
    }

    fn gives_up(&self, connection: &Connection) {
        connection.wakes();
        self.shared.meters.gone();
        let mut connections = self.connections.borrow_mut();
        connections.swap_remove(connection.place.get());
        if let Some(moved) = connections.get(connection.place.get()) {
            moved.place.set(connection.place.get());
        }
    }
}
