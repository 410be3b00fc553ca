//! The handover of a connection from one HTTP reader to the other, with the bytes that pass between them, and parking.
//!
//! The readers take turns. Our reader of plain hits begins. When it reads something else, it passes the bytes to actix
//! and returns, and the turn is actix's. Actix can only be stopped between two requests, and only in one way: it reads
//! an end of input. It then has nothing to answer, drops its buffers, and shuts the connection down, which
//! [`ActixIo`](super::ActixIo) does not pass on to the socket; then it returns. Actix is stopped in two cases: a plain
//! request arrives, or the connection has been silent for a second and is parked. Without the first case, the
//! connection of a busy proxy, which carries the requests of many clients and is never silent, would stay with actix
//! until it closes.
//!
//! Each connection is in one [`HandoverState`]. The state does not store whose turn it is: this follows from
//! the call, because the loop in `http::front` runs one reader at a time. The transitions, all of them in this file:
//!
//! | what happens | method | from | to |
//! |---|---|---|---|
//! | our reader reads bytes that are not a plain request | [`pass_to_actix`] | `Reading` | `ToActix` |
//! | actix reads the last of these bytes | [`take_for_actix`] | `ToActix` | `Reading` |
//! | actix's turn: a plain request arrives | [`pass_to_plain`] | `Reading`, `ParkNext` | `ToPlain`; end of input |
//! | our reader takes that request | [`take_for_plain`] | `ToPlain` | `Reading` |
//! | the sweeper finds a second of silence | [`park_next`] | `Reading` | `ParkNext`; the reader's task is woken |
//! | a read would have to wait | [`wait_or_park`] | `ParkNext` | `Parked`; end of input |
//! | bytes or the end of the input arrive, or the connection closes | [`unpark`] | `ParkNext`, `Parked` | `Reading` |
//! | a request or its answer has `connection: close` | [`close`] | `Reading`, `ParkNext`, `ToActix` | `Closing` |
//!
//! "End of input" is what actix reads in the states `Parked` and `ToPlain`: until [`unpark`] or [`take_for_plain`] sets
//! `Reading`. [`take_for_actix`] also takes bytes in `Closing`, which stays `Closing`. A method that is called in a
//! state that its row does not name does not change the state. [`pass_to_actix`] and [`pass_to_plain`] then drop the
//! bytes, so their callers must be sure of the state: our reader passes bytes only after [`unpark`] or
//! [`take_for_plain`], and bytes are passed to our reader only if [`can_change_reader`] holds.
//!
//! [`pass_to_actix`]: Handover::pass_to_actix
//! [`take_for_actix`]: Handover::take_for_actix
//! [`pass_to_plain`]: Handover::pass_to_plain
//! [`take_for_plain`]: Handover::take_for_plain
//! [`park_next`]: Handover::park_next
//! [`wait_or_park`]: Handover::wait_or_park
//! [`unpark`]: Handover::unpark
//! [`close`]: Handover::close
//! [`can_change_reader`]: Handover::can_change_reader

use std::cell::RefCell;
use std::mem::take;
use std::task::{Context, Waker};

/// How far the handover of a connection is.
#[derive(Debug, Default, PartialEq, Eq)]
enum HandoverState {
    /// The reader whose turn it is reads the socket.
    #[default]
    Reading,
    /// As `Reading`, but the connection has been silent: if the next read would have to wait, it is parked.
    ParkNext,
    /// The connection is silent. If it is actix's turn, actix reads an end of input, drops its buffers and returns.
    /// Then our reader, which holds no buffers, waits for bytes.
    Parked,
    /// It is actix's turn, and actix reads these bytes before it reads the socket.
    ToActix(Vec<u8>),
    /// Actix reads an end of input and returns. Then it is our reader's turn, and our reader reads these bytes before
    /// it reads the socket.
    ToPlain(Vec<u8>),
    /// Actix closes the connection after the answer under way: there is no further handover. Actix reads these bytes,
    /// if any are left, before it reads the socket: they can be the rest of the last request.
    Closing(Vec<u8>),
}

/// The handover of one connection.
#[derive(Default)]
pub(super) struct Handover {
    state: RefCell<HandoverState>,
    /// Wakes the task of the reader whose last read had to wait, so that it reads once more.
    reader: RefCell<Option<Waker>>,
}

impl Handover {
    /// Whether the other reader may get the turn, or the connection may be parked, if it is between two requests.
    pub(super) fn can_change_reader(&self) -> bool {
        matches!(*self.state.borrow(), HandoverState::Reading | HandoverState::ParkNext)
    }

    /// Whether actix reads an end of input although the client has not closed the connection.
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

    /// A read would have to wait. Returns whether the connection is now parked; if not, the waker is kept for
    /// [`park_next`](Handover::park_next). (A read of no bytes is another thing: the end of the input.)
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

    /// Bytes or the end of the input have arrived, or the connection is removed. Returns whether it was parked.
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
            // In `Parked` and `ToPlain`, actix has no request. `Closing` stays as it is.
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
            assert_eq!((handover.take_for_actix(9), handover.can_change_reader()), (None, !closes));
        }
    }
}
