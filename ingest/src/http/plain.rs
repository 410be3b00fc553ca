//! Hits that come as nearly all do, read and answered without actix.
//!
//! A tag's or a server's `POST /api/event` is there whole at once, and nothing in its head says how it is to be read but
//! its length. What a server must be ready for otherwise (bodies in pieces, pipelines, upgrades) and makes for any request
//! (buffers for the connection, a map of the headers, a way to the handler and back) costs such a hit more than being
//! counted does. So it is read where it was received, in one buffer of the thread's, and between two hits nothing is held
//! of a connection.
//!
//! What is anything else, or is not whole, goes to actix as it came: [`request`] says what is plain, and when in doubt it
//! is not. Between two requests of a connection actix gives it back if a plain one comes (`watch::line`). Answers are
//! written as actix writes them, by its own encoder.

mod answers;
pub mod request;

use std::net::SocketAddr;
use std::rc::Rc;

use schema::clock::now_s;

use super::watch::{Doing, Open};
use super::{Read, Worker, answer_to, head, read, stored};

pub(super) use answers::Answers;

/// What came on a connection.
enum Heard {
    /// A hit, and what became of it so far.
    Hit(Read, i64),
    /// Something for actix.
    Other(Vec<u8>),
}

/// Answers hits for as long as they come plainly. Whether actix is to go on with what came instead; if not, the
/// connection is at its end.
pub(super) async fn hits(open: &Open, worker: &Rc<Worker>, peer: Option<SocketAddr>) -> bool {
    loop {
        let heard = open.hears(|bytes| match request::read(bytes, &mut request::room()) {
            Some(request) => {
                open.connection().does(Doing::Answer);
                #[cfg(test)]
                worker.edge.collector.plainly.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let now_s = now_s();
                let head = || head::of_plain(request.headers, peer, &worker.edge.collector.proxies);
                Heard::Hit(read(worker, request.body, head, now_s), now_s)
            }
            None => Heard::Other(bytes.to_vec()),
        });
        let (mut read, now_s) = match heard.await {
            Some(Heard::Hit(read, now_s)) => (read, now_s),
            Some(Heard::Other(bytes)) => {
                open.leaves(bytes);
                return true;
            }
            None => return false,
        };
        stored(&mut read.outcome).await;
        let is_last = open.connection().is_last();
        let (bytes, is_last) = match is_last || !read.is_stored() {
            false => (worker.answers.stored(now_s), false),
            true => worker.answers.of(answer_to(&read), is_last),
        };
        open.connection().does(Doing::Wait);
        if !open.says(&bytes).await || is_last {
            open.ends().await;
            return false;
        }
    }
}

#[cfg(test)]
mod tests;
