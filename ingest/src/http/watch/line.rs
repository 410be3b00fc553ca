//! A connection as actix reads and writes it.
//!
//! To let it rest, actix is told that the client has ended what it says: it has nothing to answer, so it lets go of its
//! buffers and of the connection, and thinks that it closes it. When the client speaks again, it begins anew. It is told
//! so at once if what comes next needs no actix: a proxy's connection carries everybody's requests, and never rests.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::plain::request;
use super::Watched;
use super::connection::Connection;

pub(in crate::http) struct Line {
    connection: Rc<Connection>,
    /// Somebody else reads what is plain.
    but_plain: bool,
}

impl Line {
    pub(super) fn new(connection: Rc<Connection>, but_plain: bool) -> Line {
        Line { connection, but_plain }
    }

    /// Whether these bytes are a request that needs no actix; then it is told that this was the end.
    fn is_given_back(&self, bytes: &[u8]) -> bool {
        let is_plain = self.but_plain && self.connection.is_between() && request::is_plain(bytes);
        if is_plain {
            self.connection.gives_back(bytes);
        }
        is_plain
    }

    /// What its requests know of it.
    pub(in crate::http) fn watched(&self) -> Watched {
        Watched(Rc::clone(&self.connection))
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.connection.rests() {
            return Poll::Ready(Ok(())); // It was given up.
        }
        let before = buffer.filled().len();
        let mut left = self.connection.left();
        if !left.is_empty() {
            let more = left.split_off(left.len().min(buffer.remaining()));
            buffer.put_slice(&left);
            self.connection.leaves(more);
            self.connection.told().comes(&left);
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut *self.connection.stream().borrow_mut()).poll_read(cx, buffer);
        match read {
            Poll::Ready(_) if self.is_given_back(&buffer.filled()[before..]) => {
                buffer.set_filled(before);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => {
                self.connection.wakes();
                self.connection.told().comes(&buffer.filled()[before..]);
                read
            }
            Poll::Pending if self.connection.falls_silent(cx) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.connection.stream().borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.connection.stream().borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.rests() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut *self.connection.stream().borrow_mut()).poll_shutdown(cx)
    }
}
