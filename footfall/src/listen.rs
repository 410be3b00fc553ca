//! The HTTP server that `listen` names, with the limits of the configuration.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{Server as Running, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};
use ingest::http::watch::{self, Times, Watch};
use ingest::spam::Spam;

use crate::config::{Config, Limits};
use crate::process::descriptors;

/// Longest wait for requests under way when we stop.
const DRAIN_MAX_S: u64 = 5;
/// Threads that answer requests.
const WORKERS: usize = 2;
/// Descriptors that are not connections: the spool, Kafka, ClickHouse, files of the process.
const OTHER_DESCRIPTORS: u64 = 400;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) future: Running,
}

/// Binds and answers; `routes` is called once for each worker's thread.
pub(crate) fn listen(
    config: &Config,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Server, Box<dyn Error>> {
    let Limits { request_s_max, idle_s_max, connection_s_max, connections_max, .. } = config.limits;
    let room = room(connections_max).div_ceil(WORKERS);
    let crowded = room * 3 / 4;
    let watch = Watch::new(Times { request: request_s_max, idle: idle_s_max, age: connection_s_max, crowded });
    let app = move || App::new().wrap_fn(watch::request).configure(&routes);
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .max_connections(room)
        .on_connect(move |io, data| watch.begin(io, data))
        // The watch does what these two would, and more, without a timer for each.
        .client_request_timeout(Duration::ZERO)
        .keep_alive(KeepAlive::Os)
        .shutdown_timeout(DRAIN_MAX_S)
        .disable_signals()
        .bind(config.listen)
        .map_err(|error| format!("listen {}: {error}", config.listen))?;
    let address = *server.addrs().first().ok_or("listen: no address was bound")?;
    let future = server.run();
    Ok(Server { address, handle: future.handle(), future })
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
    let room = descriptors.saturating_sub(OTHER_DESCRIPTORS) / watch::DESCRIPTORS;
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
