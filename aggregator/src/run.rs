//! The spine: one shard's way from the stream to the live cubes, each answered hit counted exactly once.
//!
//! ```text
//! take over -> [ fold what is new -> write the intent -> insert -> settle closed rounds -> move S ] ...
//! ```
//!
//! * The range of a batch stands in the intent file before its first insert, and its token names that range: after a
//!   crash the same range is folded from the same state and inserted again under the same token.
//! * Several tables per batch need no atomicity: each insert is idempotent, the intent makes all of them happen.
//! * Whenever it cannot be sure (`Unsure`), the shard starts afresh: it re-emits the rounds not yet done as a new
//!   generation, and names it once it has caught up. Nobody reads the half-written one, nor a zombie's late insert.
//! * `start` (S) is where the oldest round begins that is not done. A round is done when it is closed and its live rows
//!   add up to the fold's own control sums (`settled`); only then may the stream forget it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use schema::round::RoundKey;
use tokio::time::Instant;
use warehouse::Store;

use crate::fold::{Checkpoint, Fold, Limits};
use crate::metrics;
use crate::read::{Stream, StreamError};
use crate::sweep::{Imports, Sweep};

use rules::{Rule, holds};

/// A batch is inserted when it has so many rows,
const BATCH_ROWS_MAX: usize = 200_000;
/// or when the last one is so long ago,
const BATCH_AGE: Duration = Duration::from_secs(10);
/// but after a quiet time already this long after its first event, so that a first visitor is seen soon.
const BATCH_AGE_FIRST: Duration = Duration::from_secs(1);
/// How often the stream is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often what no longer counts is looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

mod recover;
mod confirm;
pub(crate) mod rules;
#[cfg(test)]
mod simulation;

/// What the shard needs.
pub struct Inputs<S, W> {
    /// Its number: 0 on one machine.
    pub shard: u32,
    /// Its stream, and where its intent stands.
    pub stream: S,
    /// Where its rows go.
    pub warehouse: W,
    /// Counts the starts of an engine that this process supervises.
    pub engine_lives: Option<Arc<AtomicU64>>,
    /// How running imports are known.
    pub imports: Imports,
    /// Bounds of the fold's state.
    pub limits: Limits,
    /// Set when the shard shall finish its batch and stop.
    pub stop: Arc<AtomicBool>,
    /// What the clock says, UTC seconds.
    pub now_s: fn() -> i64,
}

/// Why the shard cannot be sure that its live rows are what it folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsure {
    NoIntent,
    OldIntent,
    StreamBeginsLater,
    OtherFold,
    SumsDiffer,
}

impl Unsure {
    pub(crate) const ALL: [Unsure; 5] =
        [Unsure::NoIntent, Unsure::OldIntent, Unsure::StreamBeginsLater, Unsure::OtherFold, Unsure::SumsDiffer];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Unsure::NoIntent => "no_intent",
            Unsure::OldIntent => "old_intent",
            Unsure::StreamBeginsLater => "stream_begins_later",
            Unsure::OtherFold => "other_fold",
            Unsure::SumsDiffer => "sums_differ",
        }
    }
}

/// Runs until `stop` is set, then finishes what is already in the stream.
pub async fn run<S: Stream, W: Store>(inputs: Inputs<S, W>) -> Result<(), StreamError> {
    let mut shard = Shard::take_over(inputs).await?;
    loop {
        if let Some(why) = shard.unsure {
            shard.start_afresh(why).await?;
        }
        let step = match shard.pending.take() {
            Some(end) => shard.replay_intent(end).await?,
            None => shard.batch().await?,
        };
        match step {
            Step::Done => {}
            Step::Unsure => continue,
            Step::Stopped => return Ok(()),
        }
        shard.name_generation().await;
        shard.settle().await?;
        shard.move_start().await?;
        shard.sweep().await;
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Done,
    /// The shard must start afresh: `unsure` says why.
    Unsure,
    /// The shard shall stop, and what it was about to do stands in the intent, or has been done.
    Stopped,
}

struct Shard<S, W> {
    inputs: Inputs<S, W>,
    fold: Fold,
    /// Everything below is inserted.
    next: u64,
    /// The end of an intent found at the start and not yet redone.
    pending: Option<u64>,
    start: u64,
    checkpoint: Checkpoint,
    generation: u32,
    named: u32,
    /// Where the stream ended when this generation began: named once it is reached.
    target: u64,
    settled: BTreeMap<RoundKey, u32>,
    unsure: Option<Unsure>,
    /// An insert's outcome was unknown, or may have been: sums are compared after the next batch.
    uncertain: bool,
    server: Option<Server>,
    intent_at_s: i64,
    batch_began: Option<Instant>,
    last_insert: Instant,
    sweep: Sweep<W>,
    last_sweep: Instant,
}

/// Which life of the server this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Server {
    started_s: i64,
    engine_life: u64,
}

impl<S: Stream, W: Store> Shard<S, W> {
    /// An intent was left behind: exactly its range, again.
    async fn replay_intent(&mut self, end: u64) -> Result<Step, StreamError> {
        while self.inputs.stream.position() < end {
            if self.inputs.stream.fold_into(&mut self.fold, end, usize::MAX).await? == 0 {
                tokio::time::sleep(LOOK).await;
            }
        }
        self.insert_range(end).await
    }

    /// Folds what is new; inserts it when it is enough or old enough; otherwise waits a moment.
    async fn batch(&mut self) -> Result<Step, StreamError> {
        let stop = self.inputs.stop.load(Ordering::Acquire);
        let folded = self.inputs.stream.fold_into(&mut self.fold, u64::MAX, BATCH_ROWS_MAX).await?;
        metrics::folded(self.inputs.shard, folded, self.inputs.stream.end().await?, &self.fold);
        let now = Instant::now();
        if folded > 0 && self.batch_began.is_none() {
            self.batch_began = Some(now);
        }
        let Some(began) = self.batch_began else {
            if stop {
                return Ok(Step::Stopped);
            }
            tokio::time::sleep(LOOK).await;
            return Ok(Step::Done);
        };
        let old_enough = now - began >= BATCH_AGE_FIRST && now - self.last_insert >= BATCH_AGE;
        let end = self.inputs.stream.position();
        let caught_up = self.next < self.target && end >= self.target; // it can be named as soon as this is in
        if old_enough || caught_up || stop || self.fold.pending_rows() >= BATCH_ROWS_MAX {
            if holds(Rule::IntentFirst) {
                self.save(Some(end)).await?;
            }
            return self.insert_range(end).await;
        }
        tokio::time::sleep(LOOK).await;
        Ok(Step::Done)
    }

    /// Inserts what the fold has for `next..end`, then compares sums if anything was uncertain.
    async fn insert_range(&mut self, end: u64) -> Result<Step, StreamError> {
        let began = Instant::now();
        let drained = self.fold.drain();
        let token = format!("{}:{}:{}-{}", self.inputs.shard, self.generation, self.next, end);
        let mut sent = 0;
        for rows in &drained.rows {
            if self.settled.contains_key(&(rows.day, rows.round)) {
                continue; // done for good: never emitted again
            }
            match self.insert_until_known(rows, &token).await {
                Step::Done => sent += rows.len(),
                other => return Ok(other),
            }
        }
        self.look_at_server().await;
        if self.uncertain && holds(Rule::ControlSums) && !self.sums_agree().await {
            self.unsure = Some(Unsure::SumsDiffer);
            return Ok(Step::Unsure);
        }
        self.uncertain = false;
        for day in drained.closes {
            self.write_closed(day).await;
        }
        self.next = end;
        self.save(None).await?;
        (self.batch_began, self.last_insert) = (None, Instant::now());
        metrics::inserted(self.inputs.shard, sent, began.elapsed(), self.next);
        Ok(Step::Done)
    }

    async fn sweep(&mut self) {
        if self.last_sweep.elapsed() >= SWEEP_EVERY {
            self.last_sweep = Instant::now();
            self.sweep.run((self.inputs.now_s)()).await;
        }
    }
}
