//! The first bytes of a connection, parsed without actix. If our parser accepts them as a hit, actix's parser must find
//! the same headers and the same body, and no bytes behind them. (If the two parsers disagreed on the end of a request,
//! a client could smuggle a second request inside a body.)
#![no_main]

use actix_http::h1::{Codec, Message};
use actix_rt::Runtime;
use ingest::http::plain::request;
use libfuzzer_sys::fuzz_target;
use tokio_util::bytes::BytesMut;
use tokio_util::codec::Decoder;

thread_local! {
    /// Actix's codec needs a runtime for the time.
    static RUNTIME: Runtime = Runtime::new().unwrap();
}

type Header = (String, Vec<u8>);

/// The only request that actix decodes from these bytes; `None` if bytes remain.
fn by_actix(bytes: &[u8]) -> Option<(Vec<Header>, Vec<u8>)> {
    let (mut codec, mut bytes) = (Codec::default(), BytesMut::from(bytes));
    let Ok(Some(Message::Item(request))) = codec.decode(&mut bytes) else { return None };
    let Ok(Some(Message::Chunk(Some(body)))) = codec.decode(&mut bytes) else { return None };
    let ended = matches!(codec.decode(&mut bytes), Ok(Some(Message::Chunk(None))));
    let headers = request.head().headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    (ended && bytes.is_empty() && codec.keep_alive()).then(|| (headers.collect(), body.to_vec()))
}

/// Sorts headers by name. Actix's header map does not preserve the order of names, only the order of values of one
/// name.
fn sorted((mut headers, body): (Vec<Header>, Vec<u8>)) -> (Vec<Header>, Vec<u8>) {
    headers.sort_by(|(a, _), (b, _)| a.cmp(b));
    (headers, body)
}

fuzz_target!(|rest: &[u8]| {
    // Every plain hit begins with this line, and few random inputs would.
    let bytes = [b"POST /api/event HTTP/1.1\r\n", rest].concat();
    let mut headers = request::room();
    let Some(plain) = request::read(&bytes, &mut headers) else { return };
    let headers = plain.headers.iter().map(|header| (header.name.to_lowercase(), header.value.to_vec()));
    let ours = (headers.collect(), plain.body.to_vec());
    let theirs = RUNTIME.with(|runtime| runtime.block_on(async { by_actix(&bytes) }));
    assert_eq!(Some(sorted(ours)), theirs.map(sorted));
});
