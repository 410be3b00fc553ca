//! How much happens in a run, which faults it has, and how often.

use super::chance::Chance;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    KillAggregator,
    PauseAggregator,
    Rebalance,
    KillServer,
    ServerAway,
    KillCollector,
    SilenceCollector,
    LoseCommit,
    OldCommit,
    Outage,
}

pub(super) struct Scenario {
    /// One process with an embedded ClickHouse, which is killed together with it, and the spool as its stream.
    pub(super) embedded: bool,
    pub(super) partitions: usize,
    pub(super) processes: usize,
    pub(super) collectors: usize,
    pub(super) tags: usize,
    /// The share of late events.
    pub(super) late_events: f64,
    /// Events per tick and collector.
    pub(super) event_rate: f64,
    /// Faults per tick.
    pub(super) fault_rate: f64,
    /// How often a process is killed or paused at a step.
    pub(super) stop_rate: f64,
    /// The share of slow requests.
    pub(super) slow_requests: f64,
    /// The share of answers that are lost.
    pub(super) lost_answers: f64,
    /// How often an owner finds that the rules of the fold have changed.
    pub(super) fold_changes: f64,
    /// How often each fault happens, relative to the others.
    weights: Vec<(Fault, f64)>,
}

impl Scenario {
    pub(super) fn draw(chance: &mut Chance) -> Scenario {
        let embedded = chance.happens(0.2);
        let up_to = |chance: &mut Chance, most: i64| if embedded { 1 } else { chance.between(1, most) as usize };
        let weights = [
            (Fault::KillAggregator, 3.0),
            (Fault::PauseAggregator, 3.0),
            (Fault::Rebalance, 2.0),
            (Fault::KillServer, 3.0),
            (Fault::ServerAway, 0.3),
            (Fault::KillCollector, 2.0),
            (Fault::SilenceCollector, 1.0),
            (Fault::LoseCommit, 0.5),
            (Fault::OldCommit, 0.3),
            (Fault::Outage, 0.3),
        ];
        // The weights differ from seed to seed.
        let mut weights = weights.map(|(fault, weight)| (fault, weight * chance.pick(&[0.0, 1.0, 1.0, 4.0]))).to_vec();
        weights.push((Fault::Rebalance, 0.1));
        Scenario {
            embedded,
            partitions: up_to(chance, 3),
            processes: up_to(chance, 3),
            collectors: up_to(chance, 2),
            tags: chance.between(1, 5) as usize,
            late_events: chance.pick(&[0.0, 0.3, 1.0]),
            event_rate: chance.pick(&[0.005, 0.02, 0.05]),
            fault_rate: chance.pick(&[0.0012, 0.004, 0.012]),
            stop_rate: chance.pick(&[0.0, 0.0, 0.01, 0.04]),
            slow_requests: chance.pick(&[0.0, 0.02, 0.1, 0.3]),
            lost_answers: chance.pick(&[0.0, 0.0, 0.02, 0.1]),
            fold_changes: chance.pick(&[0.0, 0.0, 0.2, 0.8]),
            weights,
        }
    }

    pub(super) fn fault(&self, chance: &mut Chance) -> Fault {
        let total: f64 = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut at = chance.below(1_000_000) as f64 / 1e6 * total;
        for &(fault, weight) in &self.weights {
            if at < weight {
                return fault;
            }
            at -= weight;
        }
        Fault::Rebalance
    }
}
