//! One connection: its stream, its deadlines, the handover between its readers, and what actix holds of it.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::ReadBuf;

use super::actix_io::IsPlain;
use super::deadlines::{Activity, Deadlines, Due, SweepTimes};
use super::handover::Handover;
use super::meters::EndReason;
use super::received::ReceivedBytes;
use super::stream::ClientStream;
use super::sweeper::Sweeper;

/// A connection is parked after a silence of this length.
const PARK_AFTER: Duration = Duration::from_secs(1);

/// Longest request that our reader reads; actix reads longer ones.
const PLAIN_BYTES_MAX: usize = 32 << 10;

const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

thread_local! {
    /// The bytes of one connection of this thread, from the read to their parsing: nothing awaits in between, so all
    /// connections use the same buffer.
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; PLAIN_BYTES_MAX].into());
}

pub(in crate::http) struct ClientConnection {
    stream: ClientStream,
    deadlines: Deadlines,
    handover: Handover,
    received: ReceivedBytes,
    sweeper: Rc<Sweeper>,
    /// Where this connection is in the sweeper's list.
    index: Cell<usize>,
}

impl ClientConnection {
    pub(super) fn new(stream: TcpStream, sweeper: Rc<Sweeper>, index: usize) -> ClientConnection {
        ClientConnection {
            stream: ClientStream::new(stream),
            deadlines: Deadlines::new(sweeper.now()),
            handover: Handover::default(),
            received: ReceivedBytes::default(),
            sweeper,
            index: Cell::new(index),
        }
    }

    fn begin(&self, activity: Activity) {
        self.deadlines.begin(activity, self.sweeper.now());
    }

    fn unpark(&self) {
        if self.handover.unpark() {
            self.sweeper.meters().unparked();
        }
    }

    /// A read would have to wait. Returns whether the connection is now parked.
    fn wait_or_park(&self, cx: &Context<'_>) -> bool {
        let is_parked = self.handover.wait_or_park(cx);
        if is_parked {
            self.sweeper.meters().parked();
        }
        is_parked
    }

    /// Whether the connection can be handed over to the other reader or be parked: all requests are answered, actix
    /// holds no byte of a next one, and none of the answers was the last.
    fn can_hand_over(&self) -> bool {
        self.deadlines.is_idle() && self.received.is_all_answered() && self.handover.can_change_reader()
    }
}

/// For the readers: the steps of requests.
impl ClientConnection {
    /// Actix has read the head of a request.
    pub(in crate::http) fn begin_request(&self, has_body: bool) {
        self.received.begin_request(has_body);
        self.begin_answer();
    }

    /// The body of a request is awaited.
    pub(in crate::http) fn begin_body(&self) {
        self.begin(Activity::Body);
    }

    /// The body has been read to its end, and has so many bytes.
    pub(in crate::http) fn end_body(&self, bytes: usize) {
        self.received.end_body(bytes);
    }

    /// A request is being answered.
    pub(in crate::http) fn begin_answer(&self) {
        self.begin(Activity::Answer);
    }

    /// The answer is made; it may not be written yet.
    pub(in crate::http) fn end_request(&self) {
        self.received.end_request();
        self.begin(Activity::Idle);
    }

    /// Notes that actix will close the connection after the answer under way, because of the request or of the answer
    /// (`connection: close`). This method does not close it: it only rules out a handover.
    pub(in crate::http) fn note_close_after_answer(&self) {
        self.handover.close();
    }

    /// Returns whether the answer that is being made is the last: the connection is too old, or the process stops. A
    /// connection that is too old is counted as ended. The caller closes it after the answer.
    pub(in crate::http) fn decide_last_answer(&self) -> bool {
        let is_old = self.deadlines.is_older_than(self.sweeper.age_max(), self.sweeper.now());
        if is_old && self.deadlines.end_with_answer() {
            self.sweeper.meters().ended(EndReason::Age);
        }
        is_old || self.sweeper.is_stopping()
    }

    /// Whether a deadline has passed. If it was `age`, the reading half is still open. If the process stops, the
    /// reading half may be shut down although no deadline has passed.
    pub(in crate::http) fn is_ended(&self) -> bool {
        self.deadlines.is_ended()
    }
}

/// For our reader of plain hits.
impl ClientConnection {
    /// Waits until there is something to read, or the input has ended.
    pub(in crate::http) async fn readable(&self) {
        self.stream.readable().await;
        self.unpark();
    }

    /// Waits for bytes, and returns what `parse` makes of them; `None` at the end of the input or if reading fails.
    pub(in crate::http) async fn read_with<T>(&self, mut parse: impl FnMut(&[u8]) -> T) -> Option<T> {
        poll_fn(|cx| {
            if let Some(left) = self.handover.take_for_plain() {
                return Poll::Ready(Some(parse(&left)));
            }
            READ_BUFFER.with_borrow_mut(|buffer| {
                let mut buffer = ReadBuf::new(buffer);
                if self.stream.poll_read(cx, &mut buffer).is_pending() {
                    self.wait_or_park(cx);
                    return Poll::Pending;
                }
                self.unpark();
                let parsed = (!buffer.filled().is_empty()).then(|| parse(buffer.filled()));
                // These are personal data (a header can contain the client's address), and the next read, which would
                // overwrite them, may be a long time away: they do not stay in memory.
                buffer.filled_mut().fill(0);
                Poll::Ready(parsed)
            })
        })
        .await
    }

    /// Our reader has read these bytes, and actix reads them next. The caller must not await between reading the bytes
    /// and this call.
    pub(in crate::http) fn pass_to_actix(&self, bytes: Vec<u8>) {
        self.handover.pass_to_actix(bytes);
    }

    /// Writes all bytes; `false` if the client is gone before.
    pub(in crate::http) async fn write_all(&self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await
    }

    /// Shuts down the writing half after the last answer.
    pub(in crate::http) async fn shutdown_writing(&self) {
        self.stream.shutdown_writing().await;
    }

    /// Whether actix was made to return because our reader takes over or the connection is parked. If not, actix
    /// returned because the connection is closed.
    pub(in crate::http) fn is_taken_from_actix(&self) -> bool {
        self.handover.is_taken_from_actix()
    }
}

/// For actix, through [`ActixIo`](super::ActixIo).
impl ClientConnection {
    pub(super) fn stream(&self) -> &ClientStream {
        &self.stream
    }

    /// Reads for actix. A read of no bytes is an end of input.
    pub(super) fn poll_read_for_actix(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
        is_plain: Option<IsPlain>,
    ) -> Poll<io::Result<()>> {
        if self.is_taken_from_actix() {
            return Poll::Ready(Ok(()));
        }
        if let Some(left) = self.handover.take_for_actix(buffer.remaining()) {
            self.received.receive(&left);
            buffer.put_slice(&left);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let Poll::Ready(result) = self.stream.poll_read(cx, buffer) else {
            return if self.wait_or_park(cx) { Poll::Ready(Ok(())) } else { Poll::Pending };
        };
        let bytes = &buffer.filled()[before..];
        if is_plain.is_some_and(|is_plain| self.can_hand_over() && is_plain(bytes)) {
            self.handover.pass_to_plain(bytes.to_vec());
            buffer.set_filled(before);
            return Poll::Ready(Ok(()));
        }
        self.unpark();
        self.received.receive(bytes);
        Poll::Ready(result)
    }
}

/// For the sweeper.
impl ClientConnection {
    /// Ends the connection if a deadline has passed, resets it if it was ended too long ago, or has it parked if it has
    /// been silent for [`PARK_AFTER`].
    pub(super) fn check(&self, sweep: &SweepTimes) {
        match self.deadlines.due(sweep, || self.stream.can_write()) {
            Due::InTime(elapsed) => {
                // If the connection can be handed over, nothing has been read since the last answer was made: `elapsed`
                // is the length of the silence.
                if elapsed >= PARK_AFTER && self.can_hand_over() {
                    self.handover.park_next();
                }
            }
            Due::End(reason) => self.end(reason, sweep.now),
            Due::WaitForClose => {}
            Due::Reset => self.stream.reset(),
        }
    }

    fn end(&self, reason: EndReason, now: Duration) {
        self.sweeper.meters().ended(reason);
        self.deadlines.end(now);
        match reason {
            EndReason::Unread => self.stream.reset(),
            EndReason::Head => {
                // No answer is under way, so these bytes cannot get into the middle of one.
                self.stream.send_now(TOO_SLOW);
                self.stream.shutdown_reading();
            }
            EndReason::Body | EndReason::Idle | EndReason::Answer | EndReason::Age => self.stream.shutdown_reading(),
        }
    }

    /// The process stops: shuts down the reading half if no request is under way, so that the reader closes the
    /// connection. No deadline has passed, so the connection is not counted as ended.
    pub(super) fn stop(&self) {
        if self.deadlines.is_without_request() {
            self.stream.shutdown_reading();
        }
    }

    pub(super) fn set_index(&self, index: usize) {
        self.index.set(index);
    }

    /// The connection is closed: removes it from the sweeper's list and from the gauges.
    pub(super) fn remove(&self) {
        self.unpark();
        self.sweeper.remove(self.index.get());
    }
}
