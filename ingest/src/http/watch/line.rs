//! A connection as actix reads and writes it.
//!
//! To let it rest, actix is told that the client has ended what it says: it has nothing to answer, so it lets go of its
//! buffers and of the connection, and thinks that it closes it. When the client speaks again, it begins anew.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Watched;
use super::connection::Connection;

pub(in crate::http) struct Line(Rc<Connection>);

impl Line {
    pub(super) fn new(connection: Rc<Connection>) -> Line {
        Line(connection)
    }

    /// What its requests know of it.
    pub(in crate::http) fn watched(&self) -> Watched {
        Watched(Rc::clone(&self.0))
    }
}

impl AsyncRead for Line {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut *self.0.stream().borrow_mut()).poll_read(cx, buffer);
        match read {
            Poll::Ready(_) => {
                self.0.wakes();
                self.0.told().comes(&buffer.filled()[before..]);
                read
            }
            Poll::Pending if self.0.falls_silent(cx) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.stream().borrow_mut()).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.stream().borrow_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.0.rests() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut *self.0.stream().borrow_mut()).poll_shutdown(cx)
    }
}
