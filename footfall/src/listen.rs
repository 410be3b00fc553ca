//! The HTTP server on the address `listen`, with the limits of the configuration.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_server::{Server, ServerHandle};
use actix_web::web::ServiceConfig;
use ingest::http::socket::{SocketLimits, Sockets};
use ingest::http::{Edge, front};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::task::JoinHandle;

use crate::config::{Config, ServerLimits};
use crate::process::raise_descriptor_limit;

/// Longest wait for requests under way when the server stops.
const DRAIN_MAX_S: u64 = 5;
/// Threads that answer requests.
const WORKERS: usize = 2;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 2048;
/// Descriptors kept free for the spool, Kafka, ClickHouse and the process's files.
const OTHER_DESCRIPTORS: u64 = 400;

/// A server that answers.
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

/// Binds the address and answers: hits, if there is an `edge`, and what `routes` mounts, once for each worker thread.
pub(crate) fn listen(
    config: &Config,
    edge: Option<Edge>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<HttpServer, Box<dyn Error>> {
    let ServerLimits { request_s_max, idle_s_max, connection_s_max, connections_max, .. } = config.limits;
    let connections_per_worker = allowed_connections(connections_max).div_ceil(WORKERS);
    let crowded = connections_per_worker * 3 / 4;
    let sockets =
        Sockets::new(SocketLimits { request: request_s_max, idle: idle_s_max, age: connection_s_max, crowded });
    let (listener, address) = bind(config.listen).map_err(|error| format!("listen {}: {error}", config.listen))?;
    let server = Server::build()
        .workers(WORKERS)
        .max_concurrent_connections(connections_per_worker)
        .shutdown_timeout(DRAIN_MAX_S)
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("footfall", listener, move || {
        let stopping = stopping.clone();
        front::connections(edge.clone(), routes.clone(), sockets.clone(), async move { stopping.notified().await })
    })?;
    let running = server.run();
    Ok(HttpServer { address, handle: running.handle(), task: tokio::spawn(running) })
}

impl HttpServer {
    /// Stops accepting connections and waits for the requests under way.
    pub(crate) async fn stop(self) -> Result<(), Box<dyn Error>> {
        self.handle.stop(true).await;
        Ok(self.task.await??)
    }
}

/// Binds the address, also if connections of a process that just ended still occupy it.
fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// How many of the `wanted` connections the limit of open files allows. If connections took every descriptor, the spool
/// could not begin a segment.
fn allowed_connections(wanted: usize) -> usize {
    let descriptors = raise_descriptor_limit();
    let free = descriptors.saturating_sub(OTHER_DESCRIPTORS);
    let allowed = usize::try_from(free).unwrap_or(usize::MAX).clamp(1, wanted);
    if allowed < wanted {
        tracing::warn!(
            descriptors,
            allowed,
            wanted,
            "the limit of open files allows fewer connections: raise `ulimit -n`"
        );
    }
    allowed
}
