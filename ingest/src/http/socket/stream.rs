//! The TCP stream of a connection: both halves, with and without waiting.
//!
//! The reader whose turn it is and the sweeper share the stream; all run in the thread of one worker, and no borrow
//! lasts beyond a call. Errors of a socket whose client is gone are ignored where the next read or write reports them
//! as well.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(super) struct ClientStream(RefCell<TcpStream>);

impl ClientStream {
    pub(super) fn new(stream: TcpStream) -> ClientStream {
        // With Nagle's algorithm an answer would wait until the client has acknowledged the one before, and would be
        // lost if the connection is reset meanwhile. (Closing a socket while bytes are unread resets it.)
        let _client_may_be_gone = stream.set_nodelay(true);
        ClientStream(RefCell::new(stream))
    }

    /// Waits until there is something to read, or the end of the input, or an error.
    pub(super) async fn readable(&self) {
        let _the_next_read_reports_errors = poll_fn(|cx| self.0.borrow().poll_read_ready(cx)).await;
    }

    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(cx, buffer)
    }

    pub(super) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(cx, bytes)
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(cx)
    }

    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(cx)
    }

    /// Writes all bytes; `false` if the client is gone before.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> bool {
        poll_fn(|cx| {
            while !bytes.is_empty() {
                match ready!(self.poll_write(cx, bytes)) {
                    Ok(written @ 1..) => bytes = &bytes[written..],
                    Ok(0) | Err(_) => return Poll::Ready(false),
                }
            }
            Poll::Ready(true)
        })
        .await
    }

    /// Shuts down the writing half: the client reads an end of input after the last answer.
    pub(super) async fn shutdown_writing(&self) {
        let _client_may_be_gone = poll_fn(|cx| self.poll_shutdown(cx)).await;
    }

    /// Shuts down the reading half. It wakes the reader whose turn it is: this reader reads what the system has already
    /// received and then an end of input, answers the requests that it has, and closes. The client is not notified.
    pub(super) fn shutdown_reading(&self) {
        let _client_may_be_gone = SockRef::from(&*self.0.borrow()).shutdown(Shutdown::Read);
    }

    /// Shuts down both halves, without waiting until the client has read what was written. This wakes the reader whose
    /// turn it is. The system sends RST, and discards what is not sent yet, when that reader drops the stream.
    pub(super) fn reset(&self) {
        let stream = self.0.borrow();
        let socket = SockRef::from(&*stream);
        let _client_may_be_gone = socket.set_linger(Some(Duration::ZERO));
        let _client_may_be_gone = socket.shutdown(Shutdown::Both);
    }

    /// Sends as many of these bytes as the system takes now.
    pub(super) fn send_now(&self, bytes: &[u8]) {
        let _client_may_be_gone = SockRef::from(&*self.0.borrow()).send(bytes);
    }

    /// Whether the system would take more bytes for the client. If the system call fails, the result is `true`, so that
    /// the client is not blamed.
    pub(super) fn can_write(&self) -> bool {
        let stream = self.0.borrow();
        let mut polled = [PollFd::new(&*stream, PollFlags::OUT)];
        poll(&mut polled, Some(&Timespec::default())).is_err() || polled[0].revents().contains(PollFlags::OUT)
    }
}
