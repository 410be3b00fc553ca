//! A collector on a real socket, in a thread of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use actix_server::ServerHandle;

use super::*;
use crate::http::socket::SocketLimits;

/// Stopped when dropped.
pub(in crate::http) struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Deadlines that no test reaches.
pub(in crate::http) const NEVER: SocketLimits =
    SocketLimits { request: LONG, idle: LONG, age: LONG, crowded: usize::MAX };
const LONG: Duration = Duration::from_secs(600);

impl Server {
    pub(in crate::http) fn start(rig: &Rig) -> Server {
        Server::with(rig, NEVER)
    }

    pub(in crate::http) fn with(rig: &Rig, limits: SocketLimits) -> Server {
        let (sockets, edge) = (rig.sockets(limits), rig.edge.clone());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let server = actix_server::Server::build().workers(1).disable_signals();
                let stopping = server.graceful_shutdown_signal();
                let server = server.listen("collector", listener, move || {
                    let stopping = stopping.clone();
                    let stopping = async move { stopping.notified().await };
                    front::connections(Some(edge.clone()), |_| {}, sockets.clone(), stopping)
                });
                let server = server.unwrap().run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Server { address, handle: receiver.recv().unwrap(), thread: Some(thread) }
    }

    pub(in crate::http) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// Sends the bytes; returns everything received until the server closes.
    pub(in crate::http) fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        let _server_may_close_early = stream.write_all(bytes);
        until_closed(&mut stream)
    }

    /// As [`Self::exchange`], but the client shuts down its writing half after the bytes.
    pub(in crate::http) fn exchange_and_shutdown(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        let _server_may_close_early = stream.write_all(bytes);
        let _it_may_be_closed = stream.shutdown(std::net::Shutdown::Write);
        until_closed(&mut stream)
    }

    pub(in crate::http) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            actix_web::rt::System::new().block_on(self.handle.stop(true));
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end();
        }
    }
}

/// Everything received until the server closes or resets the connection.
pub(in crate::http) fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let ended = stream.read_to_end(&mut all);
    let open =
        ended.is_err_and(|error| matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut));
    assert!(!open, "the server did not close: {}", String::from_utf8_lossy(&all));
    String::from_utf8_lossy(&all).into_owned()
}

/// Reads one answer whose body is `ok`, on a connection that stays open.
pub(in crate::http) fn ok(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&answer)));
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

/// `POST /api/event` as text; `more` are further header lines.
pub(in crate::http) fn request(body: &str, more: &str) -> String {
    format!(
        "POST /api/event HTTP/1.1\r\nhost: x\r\nuser-agent: {FIREFOX}\r\n{more}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
