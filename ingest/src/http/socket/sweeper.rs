//! The connections of one worker thread, and the task that checks their deadlines once per period.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::rt::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

use super::connection::ClientConnection;
use super::deadlines::SweepTimes;
use super::meters::ConnectionMeters;
use super::{SharedSockets, SocketLimits};

thread_local! {
    static SWEEPER: OnceCell<Rc<Sweeper>> = const { OnceCell::new() };
}

/// One per worker thread.
pub(super) struct Sweeper {
    shared: Arc<SharedSockets>,
    /// The clock of all deadlines. It is set once per sweep, and advances by two periods at most. If the thread stalls
    /// for longer, the rest of the stall is not counted against the clients: what they sent meanwhile has not been read
    /// yet.
    now: Cell<Duration>,
    is_stopping: Cell<bool>,
    connections: RefCell<Vec<Rc<ClientConnection>>>,
}

impl Sweeper {
    /// The sweeper of the calling thread; the first call starts it.
    pub(super) fn of_this_thread(shared: &Arc<SharedSockets>) -> Rc<Sweeper> {
        SWEEPER.with(|sweeper| Rc::clone(sweeper.get_or_init(|| Sweeper::start(Arc::clone(shared)))))
    }

    fn start(shared: Arc<SharedSockets>) -> Rc<Sweeper> {
        let sweeper = Rc::new(Sweeper {
            shared,
            now: Cell::default(),
            is_stopping: Cell::default(),
            connections: RefCell::default(),
        });
        let sweeping = Rc::clone(&sweeper);
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
        sweeper
    }

    /// The time between two sweeps.
    fn period(&self) -> Duration {
        (self.shared.limits.request / 8).clamp(Duration::from_millis(10), Duration::from_millis(500))
    }

    fn sweep(&self, since_last: Duration) {
        let period = self.period();
        let now = self.now.get() + since_last.min(2 * period);
        self.now.set(now);
        let connections = self.connections.borrow();
        let SocketLimits { request, idle, crowded, .. } = self.shared.limits;
        let idle = if connections.len() > crowded { idle.min(request) } else { idle };
        let sweep = SweepTimes { now, period, request, idle };
        connections.iter().for_each(|connection| connection.check(&sweep));
    }

    /// Shuts down the reading half of all connections without a request. The others close after their answer.
    pub(super) fn stop_this_thread() {
        SWEEPER.with(|sweeper| {
            let Some(sweeper) = sweeper.get() else { return };
            sweeper.is_stopping.set(true);
            sweeper.connections.borrow().iter().for_each(|connection| connection.stop());
        });
    }

    pub(super) fn add(self: Rc<Self>, stream: TcpStream) -> Rc<ClientConnection> {
        self.meters().opened();
        let mut connections = self.connections.borrow_mut();
        let connection = Rc::new(ClientConnection::new(stream, Rc::clone(&self), connections.len()));
        connections.push(Rc::clone(&connection));
        connection
    }

    /// Removes the connection at this index. The last one takes its place in the list.
    pub(super) fn remove(&self, index: usize) {
        self.meters().closed();
        let mut connections = self.connections.borrow_mut();
        connections.swap_remove(index);
        if let Some(moved) = connections.get(index) {
            moved.set_index(index);
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.now.get()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.get()
    }

    pub(super) fn age_max(&self) -> Duration {
        self.shared.limits.age
    }

    pub(super) fn meters(&self) -> &ConnectionMeters {
        &self.shared.meters
    }
}
