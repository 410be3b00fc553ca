//! What happens to a connection: plain hits are answered first, then actix reads, and both take turns until it ends.
//!
//! Of the requests that actix reads, `POST /api/event` is answered before actix-web's router, all others by the routes.
//! Each step of a request is reported to its connection, whose [`socket`](super::socket) has the deadlines.

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

use super::plain::{self, AfterHits, request::is_plain};
use super::socket::{ActixIo, ClientConnection, IsPlain, Sockets};
use super::worker::Worker;
use super::{Edge, answer, event};

/// The service for the connections of one worker thread: to be called in each. `stopping` resolves when the process
/// stops. Without an edge only `routes` are served.
pub fn connections<R, S>(
    edge: Option<Edge>,
    routes: R,
    sockets: Sockets,
    stopping: S,
) -> impl ServiceFactory<TcpStream, Config = ()>
where
    R: Fn(&mut ServiceConfig) + 'static,
    S: Future<Output = ()> + 'static,
{
    // With actix's own shutdown signal each connection would poll a future at every turn: a cache miss that costs 2 %
    // of a hit.
    actix_web::rt::spawn(async move {
        stopping.await;
        Sockets::stop_this_thread();
    });
    let worker = edge.map(Worker::new).map(Rc::new);
    let http = HttpService::build()
        // `socket` does what these two would do, and more, without a timer for each connection.
        .client_request_timeout(Duration::ZERO)
        .keep_alive(KeepAlive::Os)
        .client_disconnect_timeout(Duration::from_secs(1))
        .on_connect_ext(|io: &ActixIo, data| drop(data.insert(io.connection())))
        .h1(requests(worker.clone(), routes));
    fn_factory(move || {
        let (http, sockets, worker) = (http.new_service(()), sockets.clone(), worker.clone());
        async move {
            let http = Rc::new(http.await?);
            Ok::<_, ()>(fn_service(move |stream: TcpStream| {
                let (http, worker, peer) = (Rc::clone(&http), worker.clone(), stream.peer_addr().ok());
                #[cfg(test)]
                let worker = worker
                    .filter(|worker| !worker.edge.collector.only_actix.load(std::sync::atomic::Ordering::Relaxed));
                let connection = sockets.open(stream);
                let takes_plain = worker.is_some().then_some(is_plain as IsPlain);
                async move {
                    loop {
                        match &worker {
                            Some(worker) => match plain::answer_hits(&connection, worker, peer).await {
                                AfterHits::Actix => {}
                                AfterHits::Close => return Ok(()),
                            },
                            None => connection.readable().await,
                        }
                        // This future is not boxed: each connection has space for it also while it is parked, but a hit
                        // does not follow a pointer to it.
                        http.call((connection.actix_io(takes_plain), peer)).await?;
                        if !connection.is_taken_from_actix() {
                            return Ok::<_, DispatchError>(());
                        }
                    }
                }
            }))
        }
    })
}

/// The service for the requests of one worker thread that actix reads.
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
        let connection = request.conn_data::<Rc<ClientConnection>>().map(Rc::clone);
        if let Some(connection) = &connection {
            connection.begin_request(!matches!(request.payload(), Payload::None));
            if request.head().connection_type() != ConnectionType::KeepAlive {
                connection.note_close_after_answer();
            }
        }
        let asked = match &worker {
            Some(worker) if is_event(&request) => Asked::Event(Rc::clone(worker), request),
            _ => Asked::Route(Service::call(routes, request)),
        };
        // Each connection has space for this future, so the futures of both cases share it, one at a time.
        async move {
            let mut answer = match asked {
                Asked::Event(worker, request) => event::event(worker, request).await.into(),
                Asked::Route(answer) => answer.await.map_or_else(Response::from, Response::from),
            };
            if let Some(connection) = connection {
                connection.end_request();
                if connection.decide_last_answer() {
                    answer.head_mut().set_connection_type(ConnectionType::Close);
                }
                answer::reset_version(answer.head_mut());
                if answer::is_last(answer.head()) {
                    connection.note_close_after_answer();
                }
            }
            Ok(answer)
        }
    })
}

/// What a request asks for.
enum Asked<A> {
    Event(Rc<Worker>, Request),
    Route(A),
}

fn is_event(request: &Request) -> bool {
    request.method() == Method::POST && request.path() == "/api/event"
}
