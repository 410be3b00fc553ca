//! How much a client has said since its last answer, and how much of that was the request.
//!
//! Actix reads what there is, and keeps what comes behind a request for the next. Nobody can ask it whether it keeps
//! anything; but where a request's head and body together are as long as all that came, it does not. When in doubt it
//! does: a body that came in chunks or that nobody asked for, empty lines before a head, requests sent without waiting.

use std::cell::Cell;

use memchr::memchr_iter;

/// Bytes since the last answer.
#[derive(Default)]
pub(super) struct Told {
    all: Cell<usize>,
    /// Up to the end of the first head, once it is there.
    head: Cell<Option<usize>>,
    body: Cell<usize>,
    /// Requests that said they have a body, which nobody has read to its end.
    unread: Cell<u32>,
    /// The last bytes of a head that is not there yet, as far as they may be those of its end.
    last: Cell<[u8; LAST]>,
}

/// One byte less than the longer end of a head.
const LAST: usize = 2;

/// Where a head ends, as actix's parser sees it: at the first empty line, whether lines end with or without a CR.
fn heads_end(bytes: &[u8]) -> Option<usize> {
    memchr_iter(b'\n', bytes).find_map(|at| match bytes[at + 1..] {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

impl Told {
    /// These bytes came.
    pub(super) fn comes(&self, bytes: &[u8]) {
        if self.head.get().is_none() {
            self.head.set(self.heads_end(bytes));
        }
        self.all.set(self.all.get() + bytes.len());
    }

    /// Where the head ends, if it does in these bytes, or between those before and these.
    fn heads_end(&self, bytes: &[u8]) -> Option<usize> {
        let all = self.all.get();
        let (mut seam, next) = ([0; 2 * LAST], &bytes[..bytes.len().min(LAST)]);
        seam[..LAST].copy_from_slice(&self.last.get());
        seam[LAST..LAST + next.len()].copy_from_slice(next);
        let end = match heads_end(&seam) {
            Some(end) => Some(all + end - LAST),
            None => heads_end(bytes).map(|end| all + end),
        };
        for byte in &bytes[bytes.len().saturating_sub(LAST)..] {
            self.last.set([self.last.get()[1], *byte]);
        }
        end
    }

    /// A request begins, and says whether it has a body.
    pub(super) fn begins(&self, with_body: bool) {
        self.unread.set(self.unread.get() + u32::from(with_body));
    }

    /// Its body was read to the end, and has so many bytes.
    pub(super) fn has_body(&self, bytes: usize) {
        self.body.set(self.body.get() + bytes);
        self.unread.set(self.unread.get().saturating_sub(1));
    }

    /// The request is answered. What came before is forgotten if it was that and no more.
    pub(super) fn answered(&self) {
        if self.unread.get() == 0 && self.head.get().is_some_and(|head| head + self.body.get() == self.all.get()) {
            self.all.set(0);
            self.head.set(None);
            self.body.set(0);
            self.last.set([0; LAST]);
        }
    }

    /// Nothing has come that is not answered.
    pub(super) fn is_nothing(&self) -> bool {
        self.all.get() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(chunks: &[&str], bodies: &[usize]) -> bool {
        let told = Told::default();
        chunks.iter().for_each(|chunk| told.comes(chunk.as_bytes()));
        bodies.iter().for_each(|bytes| {
            told.begins(*bytes > 0);
            if *bytes != UNREAD {
                told.has_body(*bytes);
            }
            told.answered();
        });
        told.is_nothing()
    }

    /// A body that no one reads.
    const UNREAD: usize = usize::MAX;
    const HEAD: &str = "POST / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[test]
    fn a_request_is_all_that_came_or_it_is_not() {
        let whole = format!("{HEAD}body");
        assert!(after(&[HEAD], &[0]) && after(&[&whole], &[4]) && after(&[HEAD, "bo", "dy"], &[4]));
        for rest in ["P", HEAD, &whole] {
            assert!(!after(&[&whole, rest], &[4]), "{rest}");
            assert!(!after(&[&format!("{whole}{rest}")], &[4]), "{rest}");
        }
    }

    #[test]
    fn a_line_may_end_without_cr() {
        for head in ["GET / HTTP/1.1\nhost: x\n\n", "GET / HTTP/1.1\r\nhost: x\n\r\n", "GET / HTTP/1.1\nhost: x\r\n\n"]
        {
            assert!(after(&[head], &[0]) && after(&[&head[..head.len() - 1], "\n"], &[0]), "{head:?}");
            assert!(!after(&[head, HEAD], &[0]) && !after(&[&format!("{head}{HEAD}")], &[0]), "{head:?}");
            assert!(!after(&[&format!("{head}\r\n\r\n")], &[0]), "{head:?}: what follows is the next");
        }
    }

    #[test]
    fn a_head_may_come_in_pieces() {
        for (a, b) in (1..HEAD.len()).flat_map(|a| (a..HEAD.len()).map(move |b| (a, b))) {
            let (first, second, third) = (&HEAD[..a], &HEAD[a..b], &HEAD[b..]);
            let with_body = format!("{third}body");
            assert!(after(&[first, second, third], &[0]), "{a} {b}");
            assert!(
                after(&[first, second, &with_body], &[4]) && after(&[first, second, third, "body"], &[4]),
                "{a} {b}"
            );
            assert!(!after(&[first, second, third], &[]) && !after(&[first, second, &with_body], &[0]), "{a} {b}");
        }
        let each: Vec<&str> = HEAD.split("").filter(|text| !text.is_empty()).collect();
        assert!(after(&each, &[0]) && !after(&each[1..each.len() - 1], &[0]));
    }

    #[test]
    fn when_in_doubt_there_is_something_left() {
        assert!(!after(&["\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"], &[0]), "empty lines before it");
        assert!(!after(&[HEAD, "4\r\nbody\r\n0\r\n\r\n"], &[4]), "chunks");
        assert!(!after(&[HEAD, HEAD], &[0, 0]), "two at once");
        assert!(!after(&[HEAD], &[]), "it is not answered yet");
        assert!(!after(&[HEAD, "body"], &[UNREAD, 4]), "another's body was read");
        assert!(!after(&[HEAD], &[UNREAD]), "a body is still to come, which is no request");
    }
}
