//! A connection as actix reads and writes it.
//!
//! When our reader takes over or the connection is parked, actix reads an end of input, and shuts down the connection;
//! that shutdown does not reach the socket. [`handover`](super::handover) explains when.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::ClientConnection;

/// Whether these bytes are one whole request that our own reader answers.
pub(in crate::http) type IsPlain = fn(&[u8]) -> bool;

pub(in crate::http) struct ActixIo {
    connection: Rc<ClientConnection>,
    is_plain: Option<IsPlain>,
}

impl ActixIo {
    pub(super) fn new(connection: Rc<ClientConnection>, is_plain: Option<IsPlain>) -> ActixIo {
        ActixIo { connection, is_plain }
    }

    /// The connection, for the handlers of its requests.
    pub(in crate::http) fn connection(&self) -> Rc<ClientConnection> {
        Rc::clone(&self.connection)
    }
}

impl AsyncRead for ActixIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.connection.poll_read_for_actix(cx, buffer, self.is_plain)
    }
}

impl AsyncWrite for ActixIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.connection.stream().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.connection.is_taken_from_actix() {
            true => Poll::Ready(Ok(())),
            false => self.connection.stream().poll_shutdown(cx),
        }
    }
}
