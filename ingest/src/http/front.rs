//! What comes off a connection, before any routing: `POST /api/event` is answered here, all else by the routes.
//!
//! Nearly every request is that one, and nearly each of those is plain (`http::plain`): no server is needed for it. The
//! others come off actix: those that are hits are answered before its router. Each request is told to the
//! [`watch`](super::watch) of its connection.

use std::rc::Rc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{ConnectionType, HttpService, KeepAlive, Method, Payload, Request, Response};
use actix_service::{Service, ServiceFactory, apply_fn_factory, fn_factory, fn_service, map_config};
use actix_web::App;
use actix_web::body::BoxBody;
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use actix_web::web::ServiceConfig;

use super::watch::{Doing, Line, Watch, Watched};
use super::{Edge, Worker, answer, event, plain};

/// Answers the connections of one worker's thread: to be called in each. `stopping` resolves when the process stops.
pub fn connections<R, S>(
    edge: Option<Edge>,
    routes: R,
    watch: Watch,
    stopping: S,
) -> impl ServiceFactory<TcpStream, Config = ()>
where
    R: Fn(&mut ServiceConfig) + 'static,
    S: Future<Output = ()> + 'static,
{
    // Actix would ask each connection's own future at every turn: a cache miss that costs two hundredths of a hit.
    actix_web::rt::spawn(async move {
        stopping.await;
        Watch::stop();
    });
    let worker = edge.map(Worker::new).map(Rc::new);
    let http = HttpService::build()
        // The watch does what these two would, and more, without a timer for each.
        .client_request_timeout(Duration::ZERO)
        .keep_alive(KeepAlive::Os)
        .client_disconnect_timeout(Duration::from_secs(1))
        .on_connect_ext(|line: &Line, data| drop(data.insert(line.watched())))
        .h1(requests(worker.clone(), routes));
    fn_factory(move || {
        let (http, watch, worker) = (http.new_service(()), watch.clone(), worker.clone());
        async move {
            let http = Rc::new(http.await?);
            Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                let (http, worker, peer) = (Rc::clone(&http), worker.clone(), stream.peer_addr().ok());
                #[cfg(test)]
                let worker = worker
                    .filter(|worker| !worker.edge.collector.only_actix.load(std::sync::atomic::Ordering::Relaxed));
                let open = watch.begin(stream);
                async move {
                    loop {
                        match &worker {
                            Some(worker) if !plain::hits(&open, worker, peer).await => return Ok(()),
                            Some(_) => {}
                            None => open.speaks().await,
                        }
                        // Not in a box: its room is there while it rests, but a hit need not go and look for it.
                        http.call((open.line(worker.is_some()), peer)).await?;
                        if !open.rests() {
                            return Ok::<_, DispatchError>(());
                        }
                    }
                }
            }))
        }
    })
}

/// Answers the requests of one worker's thread.
pub(super) fn requests<R: Fn(&mut ServiceConfig) + 'static>(
    worker: Option<Rc<Worker>>,
    routes: R,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = Response<BoxBody>,
    Error = actix_web::Error,
    InitError = (),
    Service: Service<Request, Future: 'static>,
> {
    let all = |config: &mut ServiceConfig| {
        if let Some(worker) = &worker {
            super::configure(config, worker);
        }
        routes(config);
    };
    let app = map_config(App::new().configure(all), |()| AppConfig::default());
    apply_fn_factory(app, move |mut request: Request, routes: &_| {
        let connection = request.conn_data::<Watched>().map(Watched::share);
        if let Some(connection) = &connection {
            connection.begins(!matches!(request.payload(), Payload::None));
            if request.head().connection_type() != ConnectionType::KeepAlive {
                connection.closes();
            }
        }
        let asked = match &worker {
            Some(worker) if is_event(&request) => Asked::Event(Rc::clone(worker), request),
            _ => Asked::Other(Service::call(routes, request)),
        };
        // Each connection has room for this future: what is awaited is made in its place, and not kept twice.
        async move {
            let mut answer = match asked {
                Asked::Event(worker, request) => event(worker, request).await.into(),
                Asked::Other(answer) => answer.await.map_or_else(Response::from, Response::from),
            };
            if let Some(connection) = connection {
                connection.does(Doing::Wait);
                if connection.is_last() {
                    answer.head_mut().set_connection_type(ConnectionType::Close);
                }
                if answer::closes(answer.head_mut()) {
                    connection.closes();
                }
            }
            Ok(answer)
        }
    })
}

/// What a request asks for.
enum Asked<A> {
    Event(Rc<Worker>, Request),
    Other(A),
}

fn is_event(request: &Request) -> bool {
    request.method() == Method::POST && request.path() == "/api/event"
}
