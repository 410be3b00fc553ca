//! Plain hits, read and answered without actix.
//!
//! Nearly every hit of a tracker or a server is a `POST /api/event` that arrives whole in one read, and whose head has
//! one length and no other header that changes how it is read. What a server must be ready for otherwise (bodies in
//! pieces, pipelined requests, upgrades), and what it makes for each request (buffers for the connection, a map of the
//! headers, the way to the handler and back), costs such a hit more than counting it does. So it is parsed in the
//! buffer of the thread in which it was received, and between two hits no memory is held for the connection.
//!
//! [`request`] decides what is plain; when in doubt, a request is not. What is not plain, or not whole, goes to actix
//! as it was received. Between two requests of a connection actix is stopped if a plain one arrives
//! ([`socket`](super::socket)). Answers are the bytes that actix would write: its own encoder writes them.

mod answers;
pub mod request;

use std::net::SocketAddr;
use std::rc::Rc;

use schema::clock::now_s;

use super::event::answer_to;
use super::head;
use super::socket::ClientConnection;
use super::worker::{Collected, Worker};
use crate::accept::plausible;

pub(super) use answers::AnswerEncoder;

/// What one read of a connection has brought.
enum Received {
    /// A hit, its fate so far, and the time it was received.
    Hit(Collected, i64),
    /// Bytes for actix.
    Other(Vec<u8>),
}

/// What is next for a connection.
pub(super) enum AfterHits {
    /// Actix goes on with bytes that are left for it.
    Actix,
    /// The connection is at its end.
    Close,
}

/// Answers hits for as long as they are plain.
pub(super) async fn answer_hits(
    connection: &ClientConnection,
    worker: &Rc<Worker>,
    peer: Option<SocketAddr>,
) -> AfterHits {
    loop {
        let received = connection.read_with(|bytes| match request::parse(bytes, &mut request::header_slots()) {
            Some(request) => {
                connection.begin_answer();
                #[cfg(test)]
                worker.edge.collector.plain_hits.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let now_s = now_s();
                let read_head = |proxies: &_| head::from_plain(request.headers, peer, proxies);
                let collected = worker.collect(now_s, read_head, |hits| hits.push(plausible::parse(request.body)));
                Received::Hit(collected, now_s)
            }
            None => Received::Other(bytes.to_vec()),
        });
        let (mut collected, now_s) = match received.await {
            Some(Received::Hit(collected, now_s)) => (collected, now_s),
            Some(Received::Other(bytes)) => {
                connection.pass_to_actix(bytes);
                return AfterHits::Actix;
            }
            None => return AfterHits::Close,
        };
        collected.wait_until_stored().await;
        let is_last = connection.decide_last_answer();
        let (bytes, is_last) = match is_last || !collected.is_stored() {
            false => (worker.encoder.stored(now_s), false),
            true => worker.encoder.encode(answer_to(&collected), is_last),
        };
        connection.end_request();
        if !connection.write_all(&bytes).await || is_last {
            connection.shutdown_writing().await;
            return AfterHits::Close;
        }
    }
}

#[cfg(test)]
mod tests;
