//! A simulated partition as the stream of a shard.

use schema::day::Day;

use super::clock::closed_by_clock;
use super::laws::{Law, holds};
use super::log::{Entry, Log, close_record};
use super::process::Assignment;
use super::world::World;
use crate::fold::{Checkpoint, Fold};
use crate::shard::intent::Intent;
use crate::stream::{Stream, StreamError};

pub(super) struct SimulatedStream {
    assignment: Assignment,
    position: u64,
    /// S and generation of the checkpoint that this owner wrote last.
    recorded: Option<(u64, u32)>,
}

/// The error for a position that was deleted.
fn gone(partition: usize, from: u64, log: &Log) -> StreamError {
    let (topic, partition) = ("hits".to_owned(), partition as u32);
    StreamError::Gone { topic, partition, from, low: log.start, high: log.end() }
}

impl SimulatedStream {
    pub(super) fn new(assignment: Assignment) -> SimulatedStream {
        SimulatedStream { assignment, position: 0, recorded: None }
    }

    /// Commits the intent, unless the owner is a former one.
    fn commit(&self, intent: &Intent) -> Result<(), StreamError> {
        let (partition, former) = (self.assignment.partition, self.assignment.is_former());
        let mut world = self.assignment.sim.world();
        if former && holds(Law::Fencing) {
            world.note(|| format!("shard {partition}: a former owner is refused"));
            return Err(StreamError::Fenced);
        }
        world.note(|| {
            let Intent { offset, end, start, generation, .. } = intent;
            format!("commit {partition}: offset={offset} end={end:?} S={start} g={generation}")
        });
        let mut saved = intent.clone();
        if !world.scenario.embedded {
            saved.checkpoint = Checkpoint::default(); // the checkpoint is in `folds`
        }
        world.group.save(partition, saved);
        if let Some(end) = intent.end {
            world.logs[partition].intend_to(end);
        }
        Ok(())
    }

    fn record_checkpoint(&self, intent: &Intent) {
        let mut world = self.assignment.sim.world();
        world.record_checkpoint(self.assignment.partition, intent.start, intent.generation, intent.checkpoint.clone());
    }

    /// Folds one entry. Checks that the fold drops exactly the repeats and finds no gap.
    fn fold_one(&self, world: &mut World, fold: &mut Fold, entry: &Entry) -> u64 {
        let partition = self.assignment.partition;
        match entry {
            Entry::Close(day) if holds(Law::RoundsByStream) => fold.apply(self.position, &close_record(*day)),
            Entry::Close(_) => {}
            Entry::Message(items) => {
                if !holds(Law::RoundsByStream) {
                    fold.apply(self.position, &close_record(Day(closed_by_clock())));
                }
                for (at, item) in items.iter().enumerate() {
                    let (repeats, gaps) = (fold.repeats(), fold.gaps());
                    fold.apply(self.position, &item.record);
                    let is_first = world.logs[partition].is_first(self.position, at, item);
                    let uid = item.uid;
                    if (fold.repeats() == repeats) != is_first {
                        let what = if is_first { "rejects the first" } else { "takes a repeat" };
                        world.violated(format!("shard {partition}: the fold {what} of e{uid}"));
                    }
                    if fold.gaps() != gaps {
                        world.violated(format!("shard {partition}: the fold finds a gap before e{uid}"));
                    }
                }
                return items.len() as u64;
            }
        }
        1
    }
}

impl Stream for SimulatedStream {
    async fn fold_into(&mut self, fold: &mut Fold, until: u64, rows_max: usize) -> Result<u64, StreamError> {
        self.assignment.while_paused().await;
        let mut world = self.assignment.sim.world();
        let partition = self.assignment.partition;
        if self.position < world.logs[partition].start {
            world.note(|| format!("shard {partition}: position {} is gone", self.position));
            return Err(gone(partition, self.position, &world.logs[partition]));
        }
        let mut fetched = world.chance.between(1, 20);
        let mut records = 0;
        while self.position < until && fold.pending_rows() < rows_max && fetched > 0 {
            let Some(entry) = world.logs[partition].entries.get(self.position as usize).cloned() else { break };
            records += self.fold_one(&mut world, fold, &entry);
            self.position += 1;
            fetched -= 1;
        }
        Ok(records)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn seek(&mut self, from: u64) -> Result<(), StreamError> {
        self.position = from;
        Ok(())
    }

    async fn start(&mut self) -> Result<u64, StreamError> {
        self.assignment.step().await;
        Ok(self.assignment.sim.world().logs[self.assignment.partition].start)
    }

    async fn end(&mut self) -> Result<u64, StreamError> {
        self.assignment.while_paused().await;
        Ok(self.assignment.sim.world().logs[self.assignment.partition].end())
    }

    async fn trim(&mut self, below: u64) -> Result<(), StreamError> {
        let partition = self.assignment.partition;
        self.assignment.risky_step().await;
        {
            let mut world = self.assignment.sim.world();
            if below > world.logs[partition].start {
                world.logs[partition].start = below;
                world.note(|| format!("stream {partition}: deleted below {below}"));
            }
        }
        self.assignment.step().await;
        let mut world = self.assignment.sim.world();
        let kept = world.group.folds.keys().filter(|(of, start, _)| *of == partition && *start >= below);
        // The checkpoint with the highest generation always stays.
        let highest = kept.map(|(.., generation)| *generation).max();
        world.group.folds.retain(|(of, start, generation), _| {
            *of != partition || *start >= below || highest.is_none_or(|highest| highest < *generation)
        });
        Ok(())
    }

    async fn saved(&mut self) -> Result<Option<Intent>, StreamError> {
        self.assignment.step().await;
        let (partition, former) = (self.assignment.partition, self.assignment.is_former());
        let mut world = self.assignment.sim.world();
        let world = &mut *world;
        let Some(mut intent) = world.group.saved[partition].clone() else { return Ok(None) };
        if !world.scenario.embedded && intent.start >= world.logs[partition].start {
            match world.group.checkpoint_at(partition, intent.start) {
                Some(checkpoint) => intent.checkpoint = checkpoint,
                None if former => return Err(StreamError::Fenced),
                None => world.violated(format!("shard {partition}: no checkpoint for S={}", intent.start)),
            }
        }
        if world.faults && world.chance.happens(world.scenario.fold_changes) {
            intent.fold_version += 1;
        }
        Ok(Some(intent))
    }

    async fn save(&mut self, intent: &Intent) -> Result<(), StreamError> {
        self.assignment.step().await;
        let what = (intent.start, intent.generation);
        let is_new = {
            let world = self.assignment.sim.world();
            let is_new = match holds(Law::GenerationRecorded) {
                true => self.recorded != Some(what),
                false => world.group.checkpoint_at(self.assignment.partition, intent.start).is_none(),
            };
            is_new && !world.scenario.embedded
        };
        if is_new && holds(Law::CheckpointBeforeStart) {
            self.record_checkpoint(intent);
            self.assignment.step().await;
        }
        self.commit(intent)?;
        self.assignment.step().await;
        if is_new && !holds(Law::CheckpointBeforeStart) {
            self.record_checkpoint(intent);
        }
        self.recorded = Some(what);
        Ok(())
    }

    async fn checkpoint_at_start(&mut self, first: u64, saved: Option<&Intent>) -> Result<Checkpoint, StreamError> {
        self.assignment.step().await;
        let (partition, former) = (self.assignment.partition, self.assignment.is_former());
        let mut world = self.assignment.sim.world();
        if world.scenario.embedded {
            return Ok(saved.map(|intent| intent.checkpoint.clone()).unwrap_or_default());
        }
        if world.logs[partition].start != first {
            return Err(gone(partition, first, &world.logs[partition]));
        }
        match world.group.checkpoint_at(partition, first) {
            Some(checkpoint) => Ok(checkpoint),
            None if former => Err(StreamError::Fenced),
            None => {
                world.violated(format!("shard {partition}: no checkpoint for the first offset {first}"));
                Ok(Checkpoint::default())
            }
        }
    }

    async fn highest_generation(&mut self) -> Result<u32, StreamError> {
        self.assignment.step().await;
        let world = self.assignment.sim.world();
        Ok(if world.scenario.embedded { 0 } else { world.group.highest_generation(self.assignment.partition) })
    }
}
