//! How much a client has said since its last answer, and how much of that was the request.
//!
//! Actix reads what there is, and keeps what comes behind a request for the next. Nobody can ask it whether it keeps
//! anything; but where a request's head and body together are as long as all that came, it does not. When in doubt it
//! does: a head that came in pieces or ends otherwise, a body of unknown length, requests sent without waiting.

use std::cell::Cell;
use std::sync::LazyLock;

use memchr::memmem::Finder;

static HEADS_END: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// Bytes since the last answer.
#[derive(Default)]
pub(super) struct Told {
    all: Cell<usize>,
    /// Up to the end of the first head, if it came at once.
    head: Cell<Option<usize>>,
    body: Cell<usize>,
}

impl Told {
    /// These bytes came.
    pub(super) fn comes(&self, bytes: &[u8]) {
        if self.is_nothing() {
            self.head.set(HEADS_END.find(bytes).map(|at| at + HEADS_END.needle().len()));
        }
        self.all.set(self.all.get() + bytes.len());
    }

    /// The request had a body of so many bytes.
    pub(super) fn has_body(&self, bytes: usize) {
        self.body.set(self.body.get() + bytes);
    }

    /// The request is answered. What came before is forgotten if it was that and no more.
    pub(super) fn answered(&self) {
        if self.head.get().is_some_and(|head| head + self.body.get() == self.all.get()) {
            self.all.set(0);
            self.head.set(None);
            self.body.set(0);
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
            told.has_body(*bytes);
            told.answered();
        });
        told.is_nothing()
    }

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
    fn when_in_doubt_there_is_something_left() {
        assert!(!after(&["POST / HTTP/1.1\r\n", "host: x\r\n\r\n"], &[0]), "a head in pieces");
        assert!(!after(&["GET / HTTP/1.1\nhost: x\n\n"], &[0]), "no end that we know");
        assert!(!after(&[HEAD, "4\r\nbody\r\n0\r\n\r\n"], &[4]), "chunks");
        assert!(!after(&[HEAD, HEAD], &[0, 0]), "two at once");
        assert!(!after(&[HEAD], &[]), "it is not answered yet");
    }
}
