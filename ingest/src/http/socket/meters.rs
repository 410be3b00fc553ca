//! The metrics of connections: how many are open, how many of them are parked, and why some were ended.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Which deadline had passed when the collector ended a connection. Connections that close because the process stops
/// are not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The first head did not arrive in time.
    Head,
    /// The body of a hit did not arrive in time.
    Body,
    /// No further request arrived in time after an answer.
    Idle,
    /// The client did not read its answers.
    Unread,
    /// A request could not be answered in time.
    Answer,
    /// The connection reached its greatest age.
    Age,
}

impl EndReason {
    /// All reasons, in the order of their declaration.
    pub const ALL: &'static [EndReason] =
        &[EndReason::Head, EndReason::Body, EndReason::Idle, EndReason::Unread, EndReason::Answer, EndReason::Age];

    /// The label in metrics.
    pub fn label(self) -> &'static str {
        match self {
            EndReason::Head => "head",
            EndReason::Body => "body",
            EndReason::Idle => "idle",
            EndReason::Unread => "unread",
            EndReason::Answer => "answer",
            EndReason::Age => "age",
        }
    }
}

/// The handles of these metrics.
pub(super) struct ConnectionMeters {
    open: Gauge,
    /// Parked connections. The name of the metric, `at_rest`, is public and stays.
    parked: Gauge,
    ended: Vec<Counter>,
}

/// Describes the metrics to the recorder.
pub(crate) fn describe() {
    describe_gauge!("footfall_connections", "Connections that are open.");
    describe_gauge!(
        "footfall_connections_at_rest",
        "Parked connections: open, silent for a second after an answer, and held without buffers."
    );
    describe_counter!(
        "footfall_connections_ended_total",
        "Connections that the collector ended because a deadline had passed, by reason: the first head, a body or the \
         next request did not arrive in time, the client did not read its answers, an answer was not ready in time, or \
         the connection was too old."
    );
}

impl ConnectionMeters {
    pub(super) fn register() -> ConnectionMeters {
        let ended = |ended: &EndReason| counter!("footfall_connections_ended_total", "reason" => ended.label());
        ConnectionMeters {
            open: gauge!("footfall_connections"),
            parked: gauge!("footfall_connections_at_rest"),
            ended: EndReason::ALL.iter().map(ended).collect(),
        }
    }

    pub(super) fn opened(&self) {
        self.open.increment(1.0);
    }

    pub(super) fn closed(&self) {
        self.open.decrement(1.0);
    }

    pub(super) fn parked(&self) {
        self.parked.increment(1.0);
    }

    pub(super) fn unparked(&self) {
        self.parked.decrement(1.0);
    }

    pub(super) fn ended(&self, reason: EndReason) {
        self.ended[reason as usize].increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_finds_its_own_counter() {
        for (n, reason) in EndReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, n);
        }
    }
}
