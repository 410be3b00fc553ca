//! Which requests are plain: those that every HTTP parser reads in the same way.

use httparse::{EMPTY_HEADER, Header, Status};

use crate::accept::BODY_BYTES_MAX;

/// How a plain request begins.
const REQUEST_LINE: &[u8] = b"POST /api/event HTTP/1.1\r\n";
/// Most headers: browsers and proxies send a dozen or two.
const HEADERS_MAX: usize = 32;

/// A whole request that carries one hit.
#[derive(Debug)]
pub struct PlainRequest<'r, 'b> {
    /// As they were received.
    pub headers: &'r [Header<'b>],
    /// The hit.
    pub body: &'b [u8],
}

/// Space for the headers that [`parse`] finds.
pub fn header_slots<'b>() -> [Header<'b>; HEADERS_MAX] {
    [EMPTY_HEADER; HEADERS_MAX]
}

/// Whether these bytes are one plain request.
pub(in crate::http) fn is_plain(bytes: &[u8]) -> bool {
    parse(bytes, &mut header_slots()).is_some()
}

/// The plain request that these bytes are, if they are one and nothing else.
///
/// It is a hit over HTTP/1.1 with one `Host` and one `Content-Length`. No header asks for a transfer coding, an upgrade
/// or a `100 Continue`, and `Connection`, if there is one, is `keep-alive`.
pub fn parse<'r, 'b>(bytes: &'b [u8], slots: &'r mut [Header<'b>]) -> Option<PlainRequest<'r, 'b>> {
    let rest = bytes.strip_prefix(REQUEST_LINE)?;
    let Ok(Status::Complete((head, headers))) = httparse::parse_headers(rest, slots) else { return None };
    let body = &rest[head..];
    let (mut has_host, mut length) = (false, None);
    for Header { name, value } in headers {
        // The length alone rules out most names.
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is("te") => return None,
            4 if is("host") && std::mem::replace(&mut has_host, true) => return None,
            6 if is("expect") => return None,
            7 if is("upgrade") || is("trailer") => return None,
            10 if is("connection") && !value.eq_ignore_ascii_case(b"keep-alive") => return None,
            14 if is("content-length") && length.replace(parse_length(value)?).is_some() => return None,
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    // Without a body there is no length and no hit.
    (has_host && length == Some(body.len()) && !body.is_empty()).then_some(PlainRequest { headers, body })
}

/// The length of a body that is short enough: decimal digits and nothing else.
fn parse_length(value: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|length| *length <= BODY_BYTES_MAX)
}
