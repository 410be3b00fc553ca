//! Whether actix holds bytes of a request that is not answered.
//!
//! Actix reads all bytes that are there, and keeps those behind a request for the next one. It cannot be asked whether
//! it keeps any. But if the head and the body of the answered requests are together as long as all bytes that it has
//! read, then it keeps none. When in doubt, the result is that it keeps some: after a body that came in chunks or that
//! no handler read, after empty lines before a head, after requests that were sent without waiting for answers. Such a
//! doubt lasts until the connection closes, because the two sums never become equal again: actix keeps the connection,
//! which is not parked and whose plain requests are not handed over to our reader.

use std::cell::Cell;

use memchr::memchr_iter;

/// The bytes that actix has read since it last held none.
#[derive(Default)]
pub(super) struct ReceivedBytes {
    count: Cell<usize>,
    /// The length of the head of the first request counted, once the end of that head was received.
    head: Cell<Option<usize>>,
    /// The length of the bodies that were read to their end.
    body: Cell<usize>,
    /// How many requests have a body that was announced and has not been read to its end.
    open_bodies: Cell<u32>,
    /// The last bytes received before the end of that head: the empty line at its end can be split over several reads.
    tail: Cell<[u8; TAIL]>,
}

/// One byte less than the longest end of a head that [`head_length`] looks for (`\n\r\n`).
const TAIL: usize = 2;

/// The length of the head, as actix's parser sees it: a head ends with the first empty line, and each line ends with
/// LF, with or without CR.
fn head_length(bytes: &[u8]) -> Option<usize> {
    memchr_iter(b'\n', bytes).find_map(|at| match bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

impl ReceivedBytes {
    /// Actix reads these bytes.
    pub(super) fn receive(&self, bytes: &[u8]) {
        if self.head.get().is_none() {
            self.head.set(self.find_head(bytes));
        }
        self.count.set(self.count.get() + bytes.len());
    }

    /// The length of the head if it ends in these bytes; its last bytes before the end can be in an earlier read.
    fn find_head(&self, bytes: &[u8]) -> Option<usize> {
        let before = self.count.get();
        let (mut seam, next) = ([0; 2 * TAIL], &bytes[..bytes.len().min(TAIL)]);
        seam[..TAIL].copy_from_slice(&self.tail.get());
        seam[TAIL..TAIL + next.len()].copy_from_slice(next);
        let length = match head_length(&seam) {
            Some(length) => Some(before + length - TAIL),
            None => head_length(bytes).map(|length| before + length),
        };
        for byte in &bytes[bytes.len().saturating_sub(TAIL)..] {
            self.tail.set([self.tail.get()[1], *byte]);
        }
        length
    }

    /// Actix has read the head of a request.
    pub(super) fn begin_request(&self, has_body: bool) {
        self.open_bodies.set(self.open_bodies.get() + u32::from(has_body));
    }

    /// The body of a request was read to its end, and has so many bytes.
    pub(super) fn end_body(&self, bytes: usize) {
        self.body.set(self.body.get() + bytes);
        self.open_bodies.set(self.open_bodies.get().saturating_sub(1));
    }

    /// A request is answered. If all bytes received belong to it, actix holds none, and counting begins anew.
    pub(super) fn end_request(&self) {
        let is_whole = self.head.get().is_some_and(|head| head + self.body.get() == self.count.get());
        if is_whole && self.open_bodies.get() == 0 {
            self.count.set(0);
            self.head.set(None);
            self.body.set(0);
            self.tail.set([0; TAIL]);
        }
    }

    /// Whether actix holds no byte of a request that is not answered.
    pub(super) fn is_all_answered(&self) -> bool {
        self.count.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether all is answered once these chunks are received and so many requests with bodies of these lengths are.
    fn is_all_answered(chunks: &[&str], bodies: &[usize]) -> bool {
        let received = ReceivedBytes::default();
        chunks.iter().for_each(|chunk| received.receive(chunk.as_bytes()));
        bodies.iter().for_each(|bytes| {
            received.begin_request(*bytes > 0);
            if *bytes != UNREAD {
                received.end_body(*bytes);
            }
            received.end_request();
        });
        received.is_all_answered()
    }

    /// A body that no handler reads.
    const UNREAD: usize = usize::MAX;
    const HEAD: &str = "POST / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[test]
    fn actix_holds_nothing_if_a_request_is_all_that_was_received() {
        let whole = format!("{HEAD}body");
        assert!(is_all_answered(&[HEAD], &[0]) && is_all_answered(&[&whole], &[4]));
        assert!(is_all_answered(&[HEAD, "bo", "dy"], &[4]));
        for rest in ["P", HEAD, &whole] {
            assert!(!is_all_answered(&[&whole, rest], &[4]), "{rest}");
            assert!(!is_all_answered(&[&format!("{whole}{rest}")], &[4]), "{rest}");
        }
    }

    #[test]
    fn a_line_may_end_without_cr() {
        for head in ["GET / HTTP/1.1\nhost: x\n\n", "GET / HTTP/1.1\r\nhost: x\n\r\n", "GET / HTTP/1.1\nhost: x\r\n\n"]
        {
            assert!(is_all_answered(&[head], &[0]), "{head:?}");
            assert!(is_all_answered(&[&head[..head.len() - 1], "\n"], &[0]), "{head:?}");
            assert!(!is_all_answered(&[head, HEAD], &[0]), "{head:?}");
            assert!(!is_all_answered(&[&format!("{head}{HEAD}")], &[0]), "{head:?}");
            let followed = format!("{head}\r\n\r\n");
            assert!(!is_all_answered(&[&followed], &[0]), "{head:?}: what follows belongs to the next request");
        }
    }

    #[test]
    fn a_head_may_arrive_in_pieces() {
        for (a, b) in (1..HEAD.len()).flat_map(|a| (a..HEAD.len()).map(move |b| (a, b))) {
            let (first, second, third) = (&HEAD[..a], &HEAD[a..b], &HEAD[b..]);
            let with_body = format!("{third}body");
            assert!(is_all_answered(&[first, second, third], &[0]), "{a} {b}");
            assert!(is_all_answered(&[first, second, &with_body], &[4]), "{a} {b}");
            assert!(is_all_answered(&[first, second, third, "body"], &[4]), "{a} {b}");
            assert!(!is_all_answered(&[first, second, third], &[]), "{a} {b}");
            assert!(!is_all_answered(&[first, second, &with_body], &[0]), "{a} {b}");
        }
        let each: Vec<&str> = HEAD.split("").filter(|text| !text.is_empty()).collect();
        assert!(is_all_answered(&each, &[0]) && !is_all_answered(&each[1..each.len() - 1], &[0]));
    }

    #[test]
    fn when_in_doubt_actix_holds_something() {
        assert!(!is_all_answered(&["\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"], &[0]), "empty lines before the head");
        assert!(!is_all_answered(&[HEAD, "4\r\nbody\r\n0\r\n\r\n"], &[4]), "chunks");
        assert!(!is_all_answered(&[HEAD, HEAD], &[0, 0]), "two requests at once");
        assert!(!is_all_answered(&[HEAD], &[]), "the request is not answered yet");
        assert!(!is_all_answered(&[HEAD, "body"], &[UNREAD, 4]), "the body of another request was read");
        assert!(!is_all_answered(&[HEAD], &[UNREAD]), "a body is still to come, and it is not a request");
    }
}
