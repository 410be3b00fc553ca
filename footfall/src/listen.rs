//! The HTTP server that `listen` names, with the limits of the configuration.

use std::error::Error;
use std::net::SocketAddr;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

use crate::config::Config;

/// Longest wait for requests under way when we stop.
const DRAIN_MAX_S: u64 = 5;
/// Threads that answer requests.
const WORKERS: usize = 2;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    pub(crate) future: actix_web::dev::Server,
}

/// Binds and answers; `routes` is called once for each worker's thread.
pub(crate) fn listen(
    config: &Config,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> Result<Server, Box<dyn Error>> {
    let limits = config.limits;
    let server = HttpServer::new(move || App::new().configure(&routes))
        .workers(WORKERS)
        .max_connections(limits.connections_max.div_ceil(WORKERS))
        .client_request_timeout(limits.request_s_max)
        .keep_alive(limits.idle_s_max)
        .shutdown_timeout(DRAIN_MAX_S)
        .disable_signals()
        .bind(config.listen)
        .map_err(|error| format!("listen {}: {error}", config.listen))?;
    let address = *server.addrs().first().ok_or("listen: no address was bound")?;
    let future = server.run();
    Ok(Server { address, handle: future.handle(), future })
}
