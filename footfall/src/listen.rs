//! The HTTP server that `listen` names, with the limits of the configuration.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_server::{Server as Running, ServerHandle};
use actix_web::web::ServiceConfig;
use ingest::http::socket::{SocketLimits, Sockets};
use ingest::http::{Edge, front};
use ingest::spam::Spam;
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Config, Limits};
use crate::process::descriptors;

/// Longest wait for requests under way when we stop.
const DRAIN_MAX_S: u64 = 5;
/// Threads that answer requests.
const WORKERS: usize = 2;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 2048;
/// Descriptors that are not connections: the spool, Kafka, ClickHouse, files of the process.
const OTHER_DESCRIPTORS: u64 = 400;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) future: Running,
}

/// Binds and answers: hits, if there is an edge, and what else `routes` mounts, once for each worker's thread.
pub(crate) fn listen(
    config: &Config,
    edge: Option<Edge>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Server, Box<dyn Error>> {
    let Limits { request_s_max, idle_s_max, connection_s_max, connections_max, .. } = config.limits;
    let room = room(connections_max).div_ceil(WORKERS);
    let crowded = room * 3 / 4;
    let limits = SocketLimits { request: request_s_max, idle: idle_s_max, age: connection_s_max, crowded };
    let sockets = Sockets::new(limits);
    let (listener, address) = bind(config.listen).map_err(|error| format!("listen {}: {error}", config.listen))?;
    let server = Running::build()
        .workers(WORKERS)
        .max_concurrent_connections(room)
        .shutdown_timeout(DRAIN_MAX_S)
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("footfall", listener, move || {
        let stopping = stopping.clone();
        front::connections(edge.clone(), routes.clone(), sockets.clone(), async move { stopping.notified().await })
    })?;
    let future = server.run();
    Ok(Server { address, handle: future.handle(), future })
}

/// Takes the address; it may be one that connections of a process before us have just left.
fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// The hosts that are never a page before, if the configuration names a list of them.
pub(crate) fn spam(config: &Config) -> Result<Spam, String> {
    let Some(path) = &config.referrer_spam else { return Ok(Spam::default()) };
    let list = std::fs::read_to_string(path).map_err(|error| format!("referrer_spam {}: {error}", path.display()))?;
    let spam = Spam::of_list(&list);
    tracing::info!(hosts = spam.len(), "read the list of referrers that are spam");
    Ok(spam)
}

/// How many connections there can be: without descriptors left, the spool could not begin a segment.
fn room(wanted: usize) -> usize {
    let descriptors = descriptors();
    let room = descriptors.saturating_sub(OTHER_DESCRIPTORS);
    let room = usize::try_from(room).unwrap_or(usize::MAX).clamp(1, wanted);
    if room < wanted {
        tracing::warn!(
            descriptors,
            room,
            wanted,
            "the limit of open files allows fewer connections: raise `ulimit -n`"
        );
    }
    room
}
