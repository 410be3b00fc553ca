//! Answers as bytes, written by actix's encoder. The answer to a stored hit is encoded once a second, others each time.

use std::cell::{Cell, RefCell};

use actix_http::body::{BoxBody, MessageBody};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, KeepAlive, Response, ServiceConfig};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::http::answer;

/// Encodes the answers to plain hits of one worker thread.
pub(in crate::http) struct AnswerEncoder {
    codec: RefCell<Codec>,
    /// The answer to a stored hit in the second `stored_at_s`: it has a `Date`.
    stored: RefCell<Bytes>,
    stored_at_s: Cell<i64>,
}

impl AnswerEncoder {
    /// To be called in the worker's thread: actix's codec starts a task there that reads the clock.
    pub(in crate::http) fn new() -> AnswerEncoder {
        let config = ServiceConfig::new(KeepAlive::Os, Default::default(), Default::default(), false, None);
        let mut codec = Codec::new(config);
        decode_a_request(&mut codec);
        AnswerEncoder { codec: RefCell::new(codec), stored: RefCell::default(), stored_at_s: Cell::new(i64::MIN) }
    }

    /// The answer to a stored hit.
    pub(super) fn stored(&self, now_s: i64) -> Bytes {
        if self.stored_at_s.replace(now_s) != now_s {
            *self.stored.borrow_mut() = self.encode(answer::event(None), false).0;
        }
        self.stored.borrow().clone()
    }

    /// Encodes an answer; `is_last` makes it the last one of its connection. Also returns whether it is the last, which
    /// some answers are by themselves.
    pub(super) fn encode(&self, mut answer: HttpResponse, is_last: bool) -> (Bytes, bool) {
        if is_last {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        answer::reset_version(answer.head_mut());
        let is_last = answer::is_last(answer.head());
        let (head, body) = Response::<BoxBody>::from(answer).into_parts();
        let size = body.size();
        let body = body.try_into_bytes().unwrap_or_default();
        let (mut codec, mut bytes) = (self.codec.borrow_mut(), BytesMut::new());
        let written = codec
            .encode(Message::Item((head, size)), &mut bytes)
            .and_then(|()| codec.encode(Message::Chunk(Some(body)), &mut bytes))
            .and_then(|()| codec.encode(Message::Chunk(None), &mut bytes));
        debug_assert!(written.is_ok(), "our answers have a body of known length");
        if is_last {
            // The codec remembers that the connection closes, but its next answer is for another connection.
            decode_a_request(&mut codec);
        }
        (bytes.freeze(), is_last || written.is_err())
    }
}

/// The codec answers in the version, and with the connection type, of the last request that it has decoded. All plain
/// requests are like this one in that respect.
fn decode_a_request(codec: &mut Codec) {
    let request = codec.decode(&mut BytesMut::from(&b"POST / HTTP/1.1\r\nhost: x\r\n\r\n"[..]));
    debug_assert!(matches!(request, Ok(Some(_))), "this is a whole request");
}
