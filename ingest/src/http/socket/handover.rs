//! Which of the two HTTP readers goes on with a connection, and the bytes that one passes to the other.
//!
//! The readers take turns. Our reader of plain hits begins. When it reads something else, it passes the bytes to
//! actix, and actix goes on. Actix can only be stopped between two requests, and only in one way: it reads an end of
//! input. It then has nothing to answer, drops its buffers, and "closes" the connection, which
//! [`ActixIo`](super::ActixIo) does not pass on to the socket. That is done in two cases: a plain request arrives (a
//! proxy's connection carries the requests of many clients, and is never silent), or the connection has been silent for
//! a second and is parked.
//!
//! Each connection is in one [`HandoverState`]. The transitions, all of them in this file:
//!
//! | what happens | method | from | to |
//! |---|---|---|---|
//! | our reader reads bytes that are not a plain request | [`pass_to_actix`] | `Reading` | `ToActix` |
//! | actix reads the last of these bytes | [`take_for_actix`] | `ToActix` | `Reading` |
//! | actix's turn: a plain request arrives | [`pass_to_plain`] | `Reading`, `ParkNext` | `ToPlain`; end of input |
//! | our reader takes that request | [`take_for_plain`] | `ToPlain` | `Reading` |
//! | the sweeper finds a second of silence | [`park_next`] | `Reading` | `ParkNext`; the reader's task is woken |
//! | a read finds nothing | [`wait_or_park`] | `ParkNext` | `Parked`; end of input |
//! | bytes or the end of the input arrive | [`unpark`] | `ParkNext`, `Parked` | `Reading` |
//! | a request or its answer has `connection: close` | [`close`] | `Reading`, `ParkNext`, `ToActix` | `Closing` |
//!
//! "End of input" is what actix reads from then on, until our reader has had its turn. A method that is called in
//! another state changes nothing.
//!
//! [`pass_to_actix`]: Handover::pass_to_actix
//! [`take_for_actix`]: Handover::take_for_actix
//! [`pass_to_plain`]: Handover::pass_to_plain
//! [`take_for_plain`]: Handover::take_for_plain
//! [`park_next`]: Handover::park_next
//! [`wait_or_park`]: Handover::wait_or_park
//! [`unpark`]: Handover::unpark
//! [`close`]: Handover::close

use std::cell::RefCell;
use std::mem::take;
use std::task::{Context, Waker};

/// Where a connection stands.
#[derive(Debug, Default, PartialEq, Eq)]
enum HandoverState {
    /// The reader whose turn it is reads the socket.
    #[default]
    Reading,
    /// As `Reading`, but the connection has been silent: if the next read finds nothing, it is parked.
    ParkNext,
    /// The connection is silent. Actix has dropped its buffers; our reader, which holds none, waits for bytes.
    Parked,
    /// Actix goes on, and reads these bytes before it reads the socket.
    ToActix(Vec<u8>),
    /// Our reader goes on, and reads these bytes before it reads the socket. Actix reads an end of input.
    ToPlain(Vec<u8>),
    /// Actix closes the connection after the answer under way: there is no handover any more. Actix reads these bytes,
    /// if any are left, before it reads the socket: they can be the rest of the last request.
    Closing(Vec<u8>),
}

/// The handover of one connection.
#[derive(Default)]
pub(super) struct Handover {
    state: RefCell<HandoverState>,
    /// Wakes the task of the reader whose last read found nothing, so that it reads once more.
    reader: RefCell<Option<Waker>>,
}

impl Handover {
    /// Whether the other reader may go on if the connection is between two requests.
    pub(super) fn is_possible(&self) -> bool {
        matches!(*self.state.borrow(), HandoverState::Reading | HandoverState::ParkNext)
    }

    /// Whether actix reads an end of input although the client has not ended the connection.
    pub(super) fn is_taken_from_actix(&self) -> bool {
        matches!(*self.state.borrow(), HandoverState::Parked | HandoverState::ToPlain(_))
    }

    pub(super) fn pass_to_actix(&self, bytes: Vec<u8>) {
        let mut state = self.state.borrow_mut();
        if *state == HandoverState::Reading {
            *state = HandoverState::ToActix(bytes);
        }
    }

    pub(super) fn pass_to_plain(&self, bytes: Vec<u8>) {
        let mut state = self.state.borrow_mut();
        if matches!(*state, HandoverState::Reading | HandoverState::ParkNext) {
            *state = HandoverState::ToPlain(bytes);
        }
    }

    /// Up to `bytes_max` of the bytes that were passed to actix; `None` if all are taken.
    pub(super) fn take_for_actix(&self, bytes_max: usize) -> Option<Vec<u8>> {
        let mut state = self.state.borrow_mut();
        let (HandoverState::ToActix(left) | HandoverState::Closing(left)) = &mut *state else { return None };
        if left.is_empty() {
            return None;
        }
        let rest = left.split_off(left.len().min(bytes_max));
        let taken = std::mem::replace(left, rest);
        if matches!(&*state, HandoverState::ToActix(left) if left.is_empty()) {
            *state = HandoverState::Reading;
        }
        Some(taken)
    }

    /// The bytes that were passed to our reader, if any were.
    pub(super) fn take_for_plain(&self) -> Option<Vec<u8>> {
        let mut state = self.state.borrow_mut();
        let HandoverState::ToPlain(left) = &mut *state else { return None };
        let taken = take(left);
        *state = HandoverState::Reading;
        Some(taken)
    }

    pub(super) fn park_next(&self) {
        let mut state = self.state.borrow_mut();
        if *state == HandoverState::Reading {
            *state = HandoverState::ParkNext;
            self.reader.borrow().iter().for_each(Waker::wake_by_ref);
        }
    }

    /// A read has found nothing. Returns whether the connection is now parked; if not, the reader waits.
    pub(super) fn wait_or_park(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state.borrow_mut();
        if *state == HandoverState::ParkNext {
            *state = HandoverState::Parked;
            return true;
        }
        let mut reader = self.reader.borrow_mut();
        if !reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
            *reader = Some(cx.waker().clone());
        }
        false
    }

    /// Something has arrived. Returns whether the connection was parked until now.
    pub(super) fn unpark(&self) -> bool {
        let mut state = self.state.borrow_mut();
        let was_parked = *state == HandoverState::Parked;
        if matches!(*state, HandoverState::ParkNext | HandoverState::Parked) {
            *state = HandoverState::Reading;
        }
        was_parked
    }

    pub(super) fn close(&self) {
        let mut state = self.state.borrow_mut();
        match &mut *state {
            HandoverState::Reading | HandoverState::ParkNext => *state = HandoverState::Closing(Vec::new()),
            HandoverState::ToActix(left) => *state = HandoverState::Closing(take(left)),
            // Actix has no request in the first two.
            HandoverState::Parked | HandoverState::ToPlain(_) | HandoverState::Closing(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens to a connection: see the table above.
    type Step = (&'static str, fn(&Handover));

    const STEPS: &[Step] = &[
        ("pass_to_actix", |handover| handover.pass_to_actix(b"bytes".to_vec())),
        ("take_for_actix", |handover| _ = handover.take_for_actix(usize::MAX)),
        ("pass_to_plain", |handover| handover.pass_to_plain(b"bytes".to_vec())),
        ("take_for_plain", |handover| _ = handover.take_for_plain()),
        ("park_next", Handover::park_next),
        ("wait_or_park", |handover| _ = handover.wait_or_park(&Context::from_waker(Waker::noop()))),
        ("unpark", |handover| _ = handover.unpark()),
        ("close", Handover::close),
    ];

    fn bytes() -> Vec<u8> {
        b"bytes".to_vec()
    }

    fn after(state: HandoverState, step: &Step) -> HandoverState {
        let handover = Handover { state: RefCell::new(state), ..Handover::default() };
        step.1(&handover);
        handover.state.into_inner()
    }

    #[test]
    fn each_step_changes_the_states_that_the_table_names_and_no_other() {
        use HandoverState::{Closing, ParkNext, Parked, Reading, ToActix, ToPlain};
        let states: [fn() -> HandoverState; 6] =
            [|| Reading, || ParkNext, || Parked, || ToActix(bytes()), || ToPlain(bytes()), || Closing(bytes())];
        for step in STEPS {
            for state in states {
                let want = match (step.0, state()) {
                    ("pass_to_actix", Reading) => ToActix(bytes()),
                    ("take_for_actix", ToActix(_)) => Reading,
                    ("take_for_actix", Closing(_)) => Closing(Vec::new()),
                    ("pass_to_plain", Reading | ParkNext) => ToPlain(bytes()),
                    ("take_for_plain", ToPlain(_)) => Reading,
                    ("park_next", Reading) => ParkNext,
                    ("wait_or_park", ParkNext) => Parked,
                    ("unpark", ParkNext | Parked) => Reading,
                    ("close", Reading | ParkNext) => Closing(Vec::new()),
                    ("close", ToActix(left)) => Closing(left),
                    (_, same) => same,
                };
                assert_eq!(after(state(), step), want, "{} of {:?}", step.0, state());
            }
        }
    }

    #[test]
    fn actix_takes_the_bytes_in_pieces_and_none_is_lost_when_the_connection_is_to_close() {
        for closes in [false, true] {
            let handover = Handover::default();
            handover.pass_to_actix(b"abcde".to_vec());
            assert_eq!(handover.take_for_actix(2).unwrap(), b"ab");
            if closes {
                handover.close();
            }
            assert_eq!(
                (handover.take_for_actix(2).unwrap(), handover.take_for_actix(9).unwrap()),
                (b"cd".to_vec(), b"e".to_vec())
            );
            assert_eq!((handover.take_for_actix(9), handover.is_possible()), (None, !closes));
        }
    }
}
