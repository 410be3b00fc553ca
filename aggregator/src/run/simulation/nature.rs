//! What a seed's run is like: how much happens, and which faults it has and how often.

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

pub(super) struct Nature {
    /// One process that dies with its ClickHouse, and the spool as its stream.
    pub(super) embedded: bool,
    pub(super) partitions: usize,
    pub(super) processes: usize,
    pub(super) collectors: usize,
    pub(super) tags: usize,
    /// How often an event is late.
    pub(super) lateness: f64,
    /// Events per moment and collector.
    pub(super) event_rate: f64,
    /// Faults per moment.
    pub(super) fault_rate: f64,
    /// How often a step at which a machine likes to stop is one at which it does.
    pub(super) clumsy: f64,
    /// How often a request is slow.
    pub(super) slow: f64,
    /// How often an answer is lost.
    pub(super) deaf: f64,
    /// How often an owner finds that the fold's rules have changed.
    pub(super) fold_changes: f64,
    menu: Vec<(Fault, f64)>,
}

impl Nature {
    pub(super) fn draw(chance: &mut Chance) -> Nature {
        let embedded = chance.hits(0.2);
        let up_to = |chance: &mut Chance, most: i64| if embedded { 1 } else { chance.between(1, most) as usize };
        let menu = [
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
        // Each seed has faults of its own.
        let mut menu = menu.map(|(fault, weight)| (fault, weight * chance.pick(&[0.0, 1.0, 1.0, 4.0]))).to_vec();
        menu.push((Fault::Rebalance, 0.1));
        Nature {
            embedded,
            partitions: up_to(chance, 3),
            processes: up_to(chance, 3),
            collectors: up_to(chance, 2),
            tags: chance.between(1, 5) as usize,
            lateness: chance.pick(&[0.0, 0.3, 1.0]),
            event_rate: chance.pick(&[0.005, 0.02, 0.05]),
            fault_rate: chance.pick(&[0.0012, 0.004, 0.012]),
            clumsy: chance.pick(&[0.0, 0.0, 0.01, 0.04]),
            slow: chance.pick(&[0.0, 0.02, 0.1, 0.3]),
            deaf: chance.pick(&[0.0, 0.0, 0.02, 0.1]),
            fold_changes: chance.pick(&[0.0, 0.0, 0.2, 0.8]),
            menu,
        }
    }

    pub(super) fn fault(&self, chance: &mut Chance) -> Fault {
        let total: f64 = self.menu.iter().map(|(_, weight)| weight).sum();
        let mut at = chance.below(1_000_000) as f64 / 1e6 * total;
        for &(fault, weight) in &self.menu {
            if at < weight {
                return fault;
            }
            at -= weight;
        }
        Fault::Rebalance
    }
}
