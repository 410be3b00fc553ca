//! A partition as the shard's stream.

use schema::day::Day;

use super::clock::closed_by_clock;
use super::laws::{Law, holds};
use super::log::{Entry, Log, close_record};
use super::process::Seat;
use super::world::World;
use crate::fold::{Checkpoint, Fold};
use crate::intent::Intent;
use crate::read::{Stream, StreamError};

pub(super) struct Partition {
    seat: Seat,
    position: u64,
    /// Which copy this owner wrote last: of which S and generation.
    recorded: Option<(u64, u32)>,
}

/// What must be read next was deleted.
fn gone(partition: usize, from: u64, log: &Log) -> StreamError {
    let (topic, partition) = ("hits".to_owned(), partition as u32);
    StreamError::Gone { topic, partition, from, low: log.start, high: log.end() }
}

impl Partition {
    pub(super) fn new(seat: Seat) -> Partition {
        Partition { seat, position: 0, recorded: None }
    }

    /// The commit itself.
    fn commit(&self, intent: &Intent) -> Result<(), StreamError> {
        let (partition, former) = (self.seat.partition, self.seat.is_former());
        let mut world = self.seat.sim.world();
        if former && holds(Law::Fencing) {
            world.note(|| format!("shard {partition}: a former owner is refused"));
            return Err(StreamError::Fenced);
        }
        world.note(|| {
            let Intent { offset, end, start, generation, .. } = intent;
            format!("commit {partition}: offset={offset} end={end:?} S={start} g={generation}")
        });
        let mut saved = intent.clone();
        if !world.nature.embedded {
            saved.checkpoint = Checkpoint::default(); // it is in `folds`
        }
        world.group.save(partition, saved);
        if let Some(end) = intent.end {
            world.logs[partition].hand_out(end);
        }
        Ok(())
    }

    fn record(&self, intent: &Intent) {
        let mut world = self.seat.sim.world();
        world.record_checkpoint(self.seat.partition, intent.start, intent.generation, intent.checkpoint.clone());
    }

    /// Folds one entry; what the fold takes for a repeat must be one.
    fn fold_one(&self, world: &mut World, fold: &mut Fold, entry: &Entry) -> u64 {
        let partition = self.seat.partition;
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

impl Stream for Partition {
    async fn fold_into(&mut self, fold: &mut Fold, until: u64, rows_max: usize) -> Result<u64, StreamError> {
        self.seat.while_paused().await;
        let mut world = self.seat.sim.world();
        let partition = self.seat.partition;
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
        self.seat.step().await;
        Ok(self.seat.sim.world().logs[self.seat.partition].start)
    }

    async fn end(&mut self) -> Result<u64, StreamError> {
        self.seat.while_paused().await;
        Ok(self.seat.sim.world().logs[self.seat.partition].end())
    }

    async fn trim(&mut self, below: u64) -> Result<(), StreamError> {
        let partition = self.seat.partition;
        self.seat.stumble().await;
        {
            let mut world = self.seat.sim.world();
            if below > world.logs[partition].start {
                world.logs[partition].start = below;
                world.note(|| format!("stream {partition}: deleted below {below}"));
            }
        }
        self.seat.step().await;
        let mut world = self.seat.sim.world();
        let kept = world.group.folds.keys().filter(|(of, start, _)| *of == partition && *start >= below);
        // The highest generation is never forgotten.
        let highest = kept.map(|(.., generation)| *generation).max();
        world.group.folds.retain(|(of, start, generation), _| {
            *of != partition || *start >= below || highest.is_none_or(|highest| highest < *generation)
        });
        Ok(())
    }

    async fn saved(&mut self) -> Result<Option<Intent>, StreamError> {
        self.seat.step().await;
        let (partition, former) = (self.seat.partition, self.seat.is_former());
        let mut world = self.seat.sim.world();
        let world = &mut *world;
        let Some(mut intent) = world.group.saved[partition].clone() else { return Ok(None) };
        if !world.nature.embedded && intent.start >= world.logs[partition].start {
            match world.group.checkpoint_at(partition, intent.start) {
                Some(checkpoint) => intent.checkpoint = checkpoint,
                None if former => return Err(StreamError::Fenced),
                None => world.violated(format!("shard {partition}: no checkpoint for S={}", intent.start)),
            }
        }
        if world.faults && world.chance.hits(world.nature.fold_changes) {
            intent.fold_version += 1;
        }
        Ok(Some(intent))
    }

    async fn save(&mut self, intent: &Intent) -> Result<(), StreamError> {
        self.seat.step().await;
        let what = (intent.start, intent.generation);
        let is_new = {
            let world = self.seat.sim.world();
            let is_new = match holds(Law::GenerationRecorded) {
                true => self.recorded != Some(what),
                false => world.group.checkpoint_at(self.seat.partition, intent.start).is_none(),
            };
            is_new && !world.nature.embedded
        };
        if is_new && holds(Law::CheckpointBeforeStart) {
            self.record(intent);
            self.seat.step().await;
        }
        self.commit(intent)?;
        self.seat.step().await;
        if is_new && !holds(Law::CheckpointBeforeStart) {
            self.record(intent);
        }
        self.recorded = Some(what);
        Ok(())
    }

    async fn checkpoint_at_start(&mut self, first: u64, saved: Option<&Intent>) -> Result<Checkpoint, StreamError> {
        self.seat.step().await;
        let (partition, former) = (self.seat.partition, self.seat.is_former());
        let mut world = self.seat.sim.world();
        if world.nature.embedded {
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
        self.seat.step().await;
        let world = self.seat.sim.world();
        Ok(if world.nature.embedded { 0 } else { world.group.highest_generation(self.seat.partition) })
    }
}
