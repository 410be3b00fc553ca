//! How many connections there are, and why some were ended.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// Why a connection was ended by us, and not by its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its first head did not come.
    Head,
    /// The body of a hit did not come.
    Body,
    /// No further request came.
    Idle,
    /// It did not take its answers.
    Unread,
    /// Its request could not be answered in time.
    Answer,
    /// It was as old as a connection gets.
    Age,
}

impl Ended {
    /// All of them.
    pub const ALL: &'static [Ended] =
        &[Ended::Head, Ended::Body, Ended::Idle, Ended::Unread, Ended::Answer, Ended::Age];

    /// Its name in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Ended::Head => "head",
            Ended::Body => "body",
            Ended::Idle => "idle",
            Ended::Unread => "unread",
            Ended::Answer => "answer",
            Ended::Age => "age",
        }
    }
}

/// Handles.
pub(super) struct Meters {
    open: Gauge,
    rest: Gauge,
    ended: Vec<Counter>,
}

/// Says what each metric means.
pub(crate) fn describe() {
    describe_gauge!("footfall_connections", "Connections that are open.");
    describe_gauge!(
        "footfall_connections_at_rest",
        "Connections that are open, silent after an answer, and held without buffers."
    );
    describe_counter!(
        "footfall_connections_ended_total",
        "Connections ended by us, by reason: the first head, a body or the next request did not come in time, answers \
         were not taken or not ready, or its age."
    );
}

impl Meters {
    pub(super) fn register() -> Meters {
        let ended = |ended: &Ended| counter!("footfall_connections_ended_total", "reason" => ended.label());
        Meters {
            open: gauge!("footfall_connections"),
            rest: gauge!("footfall_connections_at_rest"),
            ended: Ended::ALL.iter().map(ended).collect(),
        }
    }

    pub(super) fn begun(&self) {
        self.open.increment(1.0);
    }

    pub(super) fn gone(&self) {
        self.open.decrement(1.0);
    }

    pub(super) fn rests(&self, more: f64) {
        self.rest.increment(more);
    }

    pub(super) fn ended(&self, reason: Ended) {
        self.ended[reason as usize].increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_finds_its_own_counter() {
        for (n, reason) in Ended::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, n);
        }
    }
}
