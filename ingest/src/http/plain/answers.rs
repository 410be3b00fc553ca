//! Answers as bytes, written by actix's encoder: the one to a hit that was stored once a second, others as they come.

use std::cell::{Cell, RefCell};

use actix_http::body::{BoxBody, MessageBody};
use actix_http::h1::{Codec, Message};
use actix_http::{ConnectionType, KeepAlive, Response, ServiceConfig};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::http::answer;

/// One worker thread's.
pub(in crate::http) struct Answers {
    codec: RefCell<Codec>,
    /// To a hit that was stored, as it is written in this second: it says the time.
    stored: RefCell<Bytes>,
    at_s: Cell<i64>,
}

impl Answers {
    /// To be made in the worker's thread: the encoder has a task there that knows the time.
    pub(in crate::http) fn new() -> Answers {
        let config = ServiceConfig::new(KeepAlive::Os, Default::default(), Default::default(), false, None);
        let mut codec = Codec::new(config);
        is_asked(&mut codec);
        Answers { codec: RefCell::new(codec), stored: RefCell::default(), at_s: Cell::new(i64::MIN) }
    }

    /// To a hit that was stored.
    pub(super) fn stored(&self, now_s: i64) -> Bytes {
        if self.at_s.replace(now_s) != now_s {
            *self.stored.borrow_mut() = self.of(answer::event(None), false).0;
        }
        self.stored.borrow().clone()
    }

    /// Any; and whether it is the connection's last, by itself or as is wished.
    pub(super) fn of(&self, mut answer: HttpResponse, is_last: bool) -> (Bytes, bool) {
        if is_last {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        let is_last = answer::closes(answer.head_mut());
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
            // It remembers that: the next answer is another connection's.
            is_asked(&mut codec);
        }
        (bytes.freeze(), is_last || written.is_err())
    }
}

/// It answers as whoever asked last may be answered: all that is plain is asked like this.
fn is_asked(codec: &mut Codec) {
    let asked = codec.decode(&mut BytesMut::from(&b"POST / HTTP/1.1\r\nhost: x\r\n\r\n"[..]));
    debug_assert!(matches!(asked, Ok(Some(_))), "it is a request");
}
