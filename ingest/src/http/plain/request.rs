//! Which requests are plain: those that are read in one way only, by anybody.

use httparse::{EMPTY_HEADER, Header, Status};

use crate::accept::BODY_BYTES_MAX;

/// How such a request begins.
const BEGINS: &[u8] = b"POST /api/event HTTP/1.1\r\n";
/// Most headers: browsers and proxies send a dozen or two.
const HEADERS_MAX: usize = 32;

/// A hit's request, whole.
#[derive(Debug)]
pub struct Plain<'r, 'b> {
    /// As they came.
    pub headers: &'r [Header<'b>],
    /// What the hit says.
    pub body: &'b [u8],
}

/// Where headers are read to.
pub fn room<'b>() -> [Header<'b>; HEADERS_MAX] {
    [EMPTY_HEADER; HEADERS_MAX]
}

/// Whether these bytes are one plain request.
pub(in crate::http) fn is_plain(bytes: &[u8]) -> bool {
    read(bytes, &mut room()).is_some()
}

/// The one request that these bytes are, if it is plain: a hit over HTTP/1.1 with one host and one length, which says
/// nothing of another coding, of an upgrade, of a wish to be asked for its body, or of the connection but that it stays.
pub fn read<'r, 'b>(bytes: &'b [u8], room: &'r mut [Header<'b>]) -> Option<Plain<'r, 'b>> {
    let rest = bytes.strip_prefix(BEGINS)?;
    let Ok(Status::Complete((head, headers))) = httparse::parse_headers(rest, room) else { return None };
    let body = &rest[head..];
    let (mut host, mut length) = (false, None);
    for Header { name, value } in headers {
        // Most names are none of these by their length alone.
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            2 if is("te") => return None,
            4 if is("host") && std::mem::replace(&mut host, true) => return None,
            6 if is("expect") => return None,
            7 if is("upgrade") || is("trailer") => return None,
            10 if is("connection") && !value.eq_ignore_ascii_case(b"keep-alive") => return None,
            14 if is("content-length") && length.replace(number(value)?).is_some() => return None,
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    // Without a body there is no length and no hit.
    (host && length == Some(body.len()) && !body.is_empty()).then_some(Plain { headers, body })
}

/// Decimal digits and nothing else, of a body that is short enough.
fn number(value: &[u8]) -> Option<usize> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|length| *length <= BODY_BYTES_MAX)
}
