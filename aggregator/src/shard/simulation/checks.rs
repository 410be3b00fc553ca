//! What must be true at the end of a run, when no more faults happen.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use schema::cubes::Cube;
use schema::day::Day;

use super::log::{Entry, close_record};
use super::process::Task;
use super::server::{Cells, cells};
use super::world::World;
use crate::fold::{Checkpoint, Fold, Limits};

type ByRound = BTreeMap<(Cube, Day, u32), Cells>;

impl World {
    /// Everything that was stored is in the stream, the whole stream is inserted, and readers count it.
    pub(super) fn is_folded(&self) -> bool {
        let named = self.server.named();
        let is_done = |partition: usize| {
            let Some(saved) = &self.group.saved[partition] else { return false };
            let is_owner = |task: &Task| {
                task.is_shard && (task.partition, task.assignment) == (partition, self.group.assignments[partition])
            };
            saved.offset == self.logs[partition].end()
                && saved.end.is_none()
                && named.get(&(partition as u32)).is_some_and(|(generation, _)| *generation == saved.generation)
                && self.processes.iter().any(|process| process.tasks.iter().any(is_owner))
        };
        self.collectors.iter().all(|collector| collector.has_shipped(&self.scenario))
            && self.late.is_empty()
            && self.server.is_idle()
            && (0..self.logs.len()).all(is_done)
    }

    /// Everything is folded, and the stream is empty.
    pub(super) fn is_settled(&self) -> bool {
        self.is_folded() && self.logs.iter().all(|log| log.start == log.end())
    }

    /// Every round is settled.
    pub(super) fn check_settled(&mut self) {
        let settled: BTreeSet<_> = self.server.settled().into_keys().map(|(key, _)| key).collect();
        if let Some((_, day, round)) = self.truth().keys().find(|(_, day, round)| !settled.contains(&(*day, *round))) {
            self.violated(format!("{day} round {round} is gone from the stream and not settled"));
        }
    }

    /// No live rows are left that no reader counts.
    pub(super) fn is_swept(&self) -> bool {
        let (named, settled) = (self.server.named(), self.server.settled());
        self.server.live.keys().all(|&(_, day, round, shard, generation)| {
            settled.get(&((day, round), shard)) == Some(&generation)
                || named.get(&shard).is_none_or(|(named, _)| *named <= generation)
        })
    }

    /// The expected cells: each partition without its repeats, folded once and drained once.
    fn truth(&self) -> ByRound {
        let mut truth = ByRound::new();
        for log in &self.logs {
            let (mut fold, mut seen) = (Fold::new(Checkpoint::default(), Limits::default()), HashSet::new());
            for (position, entry) in (0u64..).zip(&log.entries) {
                match entry {
                    Entry::Close(day) => fold.apply(position, &close_record(*day)),
                    Entry::Message(items) => {
                        for item in items.iter().filter(|item| seen.insert((item.record.epoch, item.record.number))) {
                            fold.apply(position, &item.record);
                        }
                    }
                }
            }
            for rows in fold.drain().rows {
                add(truth.entry((rows.cube, rows.day, rows.round)).or_default(), &cells(&rows));
            }
        }
        without_zeros(truth)
    }

    /// The cells that a reader counts.
    fn visible(&self) -> ByRound {
        let counted = self.server.counted();
        let mut visible = ByRound::new();
        for (key, live) in self.server.live.iter().filter(|(key, _)| counted.is_counted(key)) {
            add(visible.entry((key.0, key.1, key.2)).or_default(), &live.cells);
        }
        without_zeros(visible)
    }

    pub(super) fn check_everything(&mut self, moment: &str) {
        let mut stored: Vec<u64> = self.stored.iter().map(|(_, item)| item.uid).collect();
        let mut streamed: Vec<u64> = self.logs.iter().flat_map(|log| log.first_at.keys().copied()).collect();
        stored.sort_unstable();
        streamed.sort_unstable();
        if stored != streamed {
            self.violated(format!("{moment}: the stream does not hold exactly what was stored"));
        }
        let (truth, visible) = (self.truth(), self.visible());
        let keys: BTreeSet<_> = truth.keys().chain(visible.keys()).collect();
        for key in keys {
            if truth.get(key) != visible.get(key) {
                let first = |rounds: &ByRound| rounds.get(key).and_then(|cells| cells.values().next().cloned());
                let sums = |rounds: &ByRound| rounds.get(key).map(total).unwrap_or(first(rounds).unwrap_or_default());
                let (shown, true_) = (sums(&visible), sums(&truth));
                let (cube, day, round) = key;
                self.violated(format!(
                    "{moment}: {} of {day} round {round} shows {shown:?}, the stream has {true_:?}",
                    cube.label()
                ));
                return;
            }
        }
    }

    /// The last close of each shard is recorded for its named generation. Otherwise no reader could find out that a
    /// round is over in all shards.
    pub(super) fn check_closes(&mut self) {
        for (partition, log) in self.logs.iter().enumerate() {
            let shard = partition as u32;
            let last = log.entries.iter().filter_map(|entry| match entry {
                Entry::Close(day) => Some(*day),
                Entry::Message(_) => None,
            });
            let last = last.max();
            let named = self.server.named().get(&shard).map(|(generation, _)| *generation);
            let of_it = |(of, generation, _): &&(u32, u32, Day)| *of == shard && Some(*generation) == named;
            let recorded = self.server.closed.iter().filter(of_it).map(|(.., closed_to)| *closed_to).max();
            if last != recorded {
                self.violated(format!("shard {shard} recorded the close {recorded:?}, and the last close is {last:?}"));
                return;
            }
        }
    }
}

fn add(to: &mut Cells, of: &Cells) {
    for (cell, sums) in of {
        let total = to.entry(cell.clone()).or_insert_with(|| vec![0; sums.len()]);
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
}

fn total(cells: &Cells) -> Vec<i64> {
    let mut all = vec![];
    for sums in cells.values() {
        all.resize(sums.len(), 0);
        all.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
    }
    all
}

/// Removes the cells and rounds that add up to zero.
fn without_zeros(mut rounds: ByRound) -> ByRound {
    rounds.values_mut().for_each(|cells| cells.retain(|_, sums| sums.iter().any(|sum| *sum != 0)));
    rounds.retain(|_, cells| !cells.is_empty());
    rounds
}
