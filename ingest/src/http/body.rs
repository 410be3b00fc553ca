//! The body of a request, read whole within its limits of length and time.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use actix_web::dev;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_core::Stream;
use schema::fate::Refusal;

use super::socket::ClientConnection;
use super::worker::Worker;
use crate::accept::{BATCH_BYTES_MAX, BODY_BYTES_MAX};

/// How long a body may be, and the answer to one that is longer.
#[derive(Clone, Copy)]
pub(super) struct BodyLimit {
    pub(super) bytes_max: usize,
    pub(super) why: &'static str,
}

pub(super) const ONE_HIT: BodyLimit = BodyLimit { bytes_max: BODY_BYTES_MAX, why: "the body is longer than 16 KiB" };
pub(super) const SEVERAL_HITS: BodyLimit =
    BodyLimit { bytes_max: BATCH_BYTES_MAX, why: "the body is longer than 64 KiB" };

/// A body that is not read to its end, and one line of reason.
pub(super) type BodyRefusal = (Refusal, &'static str);

impl Worker {
    /// The whole body of a request. A refusal is counted here.
    pub(super) async fn read_body(
        &self,
        headers: &HeaderMap,
        connection: Option<&Rc<ClientConnection>>,
        payload: dev::Payload,
        limit: BodyLimit,
    ) -> Result<Bytes, BodyRefusal> {
        let body = whole_body(headers, connection, payload, limit).await;
        body.inspect_err(|(refusal, _)| self.refuse(*refusal))
    }
}

async fn whole_body(
    headers: &HeaderMap,
    connection: Option<&Rc<ClientConnection>>,
    payload: dev::Payload,
    BodyLimit { bytes_max, why }: BodyLimit,
) -> Result<Bytes, BodyRefusal> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > bytes_max) {
        return Err((Refusal::TooLarge, why));
    }
    connection.inspect(|connection| connection.begin_body());
    let body = join_chunks(payload, bytes_max).await;
    connection.inspect(|connection| {
        if let Ok(Some(body)) = &body {
            connection.end_body(body.len());
        }
        connection.begin_answer();
    });
    match body {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err((Refusal::TooLarge, why)),
        Err(()) if connection.is_some_and(|connection| connection.is_ended()) => {
            Err((Refusal::Slow, "the body took too long"))
        }
        Err(()) => Err((Refusal::Malformed, "the body did not arrive whole")),
    }
}

/// The chunks of a body as one; `None` if they are longer than `bytes_max`. Most bodies are one chunk and are not
/// copied.
///
/// A chunk does not wake the task that waits for it: only the connection's own task brings chunks, and that task polls
/// this future again in the same turn. With a real waker, actix went through all its states once more for every hit.
async fn join_chunks(mut payload: dev::Payload, bytes_max: usize) -> Result<Option<Bytes>, ()> {
    let mut unwoken = Context::from_waker(Waker::noop());
    let mut next =
        async || poll_fn(|_| Pin::new(&mut payload).poll_next(&mut unwoken)).await.transpose().map_err(|_| ());
    let Some(first) = next().await? else { return Ok(Some(Bytes::new())) };
    let Some(second) = next().await? else { return Ok((first.len() <= bytes_max).then_some(first)) };
    let mut whole = BytesMut::from(&first[..]);
    let mut chunk = Some(second);
    while let Some(more) = chunk {
        whole.extend_from_slice(&more);
        if whole.len() > bytes_max {
            return Ok(None);
        }
        chunk = next().await?;
    }
    Ok(Some(whole.freeze()))
}
