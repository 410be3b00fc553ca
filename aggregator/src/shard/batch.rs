//! Batches: fold what is new in the stream, write the intent, insert the rows.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use warehouse::{RETRY_PAUSE_MAX, Rows, Store};

use super::recover::INTENT_AGE_MAX_S;
use super::rules::{Rule, holds};
use super::run::{POLL_INTERVAL, RebuildReason, Shard, Step};
use crate::metrics;
use crate::stream::{Stream, StreamError};

/// A batch is inserted when it has so many rows, or when it is old enough: see `BATCH_AGE_MIN` and `INSERT_INTERVAL`.
pub(super) const BATCH_ROWS_MAX: usize = 200_000;
/// An old enough batch began at least so long ago, and the last insert was at least `INSERT_INTERVAL` ago. So after a
/// quiet time the first visitor is visible soon.
const BATCH_AGE_MIN: Duration = Duration::from_secs(1);
/// See `BATCH_AGE_MIN`.
pub(super) const INSERT_INTERVAL: Duration = Duration::from_secs(10);

impl<S: Stream, W: Store> Shard<S, W> {
    /// Folds and inserts the range of an intent that a crash left behind: exactly that range, so that the tokens are
    /// the same.
    pub(super) async fn replay_intent(&mut self, end: u64) -> Result<Step, StreamError> {
        while self.inputs.stream.position() < end {
            if self.inputs.stream.fold_into(&mut self.fold, end, usize::MAX).await? == 0 {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        self.insert_range(end).await
    }

    /// Folds what is new. Inserts the batch if it is large enough, old enough or the last one; otherwise waits a
    /// moment.
    pub(super) async fn batch(&mut self) -> Result<Step, StreamError> {
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
            tokio::time::sleep(POLL_INTERVAL).await;
            return Ok(Step::Done);
        };
        let is_old_enough = now - began >= BATCH_AGE_MIN && now - self.last_insert >= INSERT_INTERVAL;
        let end = self.inputs.stream.position();
        // Once this batch is inserted, the generation can be named.
        let catches_up = self.inserted_to < self.catch_up_to && end >= self.catch_up_to;
        if is_old_enough || catches_up || stop || self.fold.pending_rows() >= BATCH_ROWS_MAX {
            if holds(Rule::IntentFirst) {
                self.save(Some(end)).await?;
            }
            return self.insert_range(end).await;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
        Ok(Step::Done)
    }

    /// Inserts the rows of `inserted_to..end`, and compares the sums if that is necessary.
    async fn insert_range(&mut self, end: u64) -> Result<Step, StreamError> {
        let began = Instant::now();
        let drained = self.fold.drain();
        let token = format!("{}:{}:{}-{}", self.inputs.shard, self.generation, self.inserted_to, end);
        let mut sent = 0;
        for rows in &drained.rows {
            if self.settled.contains_key(&(rows.day, rows.round)) {
                continue; // the rows of a settled round are in ClickHouse already
            }
            match self.insert_until_confirmed(rows, &token).await {
                Step::Done => sent += rows.len(),
                other => return Ok(other),
            }
        }
        self.check_server().await;
        if self.must_compare && holds(Rule::ControlSums) && !self.compare_sums().await {
            self.rebuild_reason = Some(RebuildReason::SumsDiffer);
            return Ok(Step::Rebuild);
        }
        self.must_compare = false;
        for day in drained.closes {
            self.write_closed(day).await;
        }
        self.inserted_to = end;
        self.save(None).await?;
        (self.batch_began, self.last_insert) = (None, Instant::now());
        metrics::inserted(self.inputs.shard, sent, began.elapsed(), self.inserted_to);
        Ok(Step::Done)
    }

    /// Sends one block until ClickHouse confirms it. Before each try the age of the intent is checked: if ClickHouse
    /// may have forgotten the token, the block is not sent. A former owner that was paused can be here hours after the
    /// new owner has sent the same block.
    async fn insert_until_confirmed(&mut self, rows: &Rows, token: &str) -> Step {
        let mut pause = POLL_INTERVAL;
        loop {
            if (self.inputs.now_s)() - self.intent_at_s > INTENT_AGE_MAX_S && holds(Rule::AgeLimit) {
                self.rebuild_reason = Some(RebuildReason::OldIntent);
                return Step::Rebuild;
            }
            let began = Instant::now();
            let answer = self.inputs.warehouse.insert(rows, self.inputs.shard, self.generation, token).await;
            let Err(error) = answer else {
                metrics::insert_confirmed(began.elapsed());
                return Step::Done;
            };
            self.must_compare = true;
            metrics::insert_failed();
            tracing::warn!(%error, token, "an insert into {} was not confirmed; it is sent again", rows.cube.label());
            if self.inputs.stop.load(Ordering::Acquire) {
                return Step::Stopped;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
    }
}
