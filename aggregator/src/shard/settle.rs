//! What follows an insert: closes are recorded, the generation is named, closed rounds are settled, S moves.

use std::collections::BTreeMap;

use schema::day::Day;
use schema::round::{RoundKey, is_over};
use warehouse::{ControlSums, RETRY_PAUSE_MAX, Store, retry};

use super::rules::{Rule, holds};
use super::run::{RebuildReason, Shard};
use crate::metrics;
use crate::stream::{Stream, StreamError};

/// An owner that has just saved its intent may settle rounds for so long. Even with a pause and a request under way,
/// that ends before the sweep may drop its rows.
const SETTLE_WITHIN_S: i64 = 3600;

impl<S: Stream, W: Store> Shard<S, W> {
    /// Writes the control sums of all rounds that a close ends.
    pub(super) async fn write_closed(&mut self, day: Day) {
        let is_ended = |key: &RoundKey| is_over(*key, day) && !self.settled.contains_key(key);
        let rounds: BTreeMap<RoundKey, ControlSums> =
            self.fold.sums().iter().filter(|(key, _)| is_ended(key)).map(|(key, sums)| (*key, sums.clone())).collect();
        let (shard, generation) = (self.inputs.shard, self.generation);
        retry("writing control sums", || self.inputs.warehouse.write_control_sums(day, shard, generation, &rounds))
            .await;
        tracing::info!(%day, "closed {day}");
    }

    /// Names the generation once it has caught up. From then on readers count it.
    pub(super) async fn name_generation(&mut self) {
        if self.generation <= self.named || self.inserted_to < self.catch_up_to && holds(Rule::NamedWhenCaughtUp) {
            return;
        }
        let (shard, generation) = (self.inputs.shard, self.generation);
        if let Some(last) = self.checkpoint.last_close.filter(|_| holds(Rule::ClosedUpTo)) {
            let no_rounds = BTreeMap::new();
            retry("writing control sums", || {
                self.inputs.warehouse.write_control_sums(Day(last), shard, generation, &no_rounds)
            })
            .await;
        }
        retry("naming a generation", || {
            self.inputs.warehouse.name_generation(shard, generation, (self.inputs.now_s)())
        })
        .await;
        self.named = generation;
        metrics::generation(shard, generation);
        tracing::info!(shard, generation, "readers now count generation {generation} of shard {shard}");
    }

    /// Settles the closed rounds whose live rows add up to the sums of the fold.
    pub(super) async fn settle_rounds(&mut self) -> Result<(), StreamError> {
        let Some(last_close) = self.fold.checkpoint().last_close else { return Ok(()) };
        // A close that is folded may end a round whose last rows are not inserted: the sums do not contain them yet.
        let is_inserted = self.batch_began.is_none() || !holds(Rule::SettledWhenInserted);
        if self.generation != self.named || !is_inserted {
            return Ok(());
        }
        // A rebuild folds settled rounds again. Their rows were not inserted, so their sums are not needed.
        let folded: Vec<RoundKey> = self.fold.round_starts().keys().copied().collect();
        let (settled, open): (Vec<RoundKey>, Vec<RoundKey>) =
            folded.iter().partition(|key| self.settled.contains_key(key));
        settled.iter().for_each(|key| self.fold.forget(key.0, key.1));
        let over: Vec<RoundKey> = open.into_iter().filter(|key| is_over(*key, Day(last_close))).collect();
        if over.is_empty() {
            return Ok(());
        }
        // The save is refused if another process owns the shard now. If this owner is replaced after the save, it can
        // settle rounds only for `SETTLE_WITHIN_S`: the sweep must not have dropped its rows before.
        self.save(None).await?;
        let owner_at_s = (self.inputs.now_s)();
        let (shard, generation) = (self.inputs.shard, self.generation);
        let live = retry("adding up the live rows", || self.inputs.warehouse.live_sums(shard, generation)).await;
        let zero = ControlSums::default();
        for key in over {
            let folded = self.fold.sums().get(&key).unwrap_or(&zero);
            let agree = live.get(&key).unwrap_or(&zero) == folded || !holds(Rule::SettledWhenEqual);
            metrics::sums_compared(agree);
            if !agree {
                tracing::error!("the live rows of {} round {} do not add up to what was folded", key.0, key.1);
                self.rebuild_reason = Some(RebuildReason::SumsDiffer);
                return Ok(());
            }
            let now_s = (self.inputs.now_s)();
            if now_s - owner_at_s > SETTLE_WITHIN_S {
                return Ok(()); // the next call saves again first
            }
            if let Err(error) = self.inputs.warehouse.settle(key, shard, generation, now_s).await {
                // The row may have been written nevertheless. Settling again writes the same.
                tracing::warn!(%error, "settling {} round {} failed; trying again", key.0, key.1);
                tokio::time::sleep(RETRY_PAUSE_MAX).await;
                return Ok(());
            }
            self.settled.insert(key, generation);
            self.fold.forget(key.0, key.1);
            tracing::info!("{} round {} is settled", key.0, key.1);
        }
        Ok(())
    }

    /// Moves S to the start of the oldest round that is not settled, and lets the stream delete what is below.
    pub(super) async fn move_start(&mut self) -> Result<(), StreamError> {
        let is_ended = |key: &RoundKey| self.fold.checkpoint().last_close.is_some_and(|last| is_over(*key, Day(last)));
        let is_done =
            |key: &RoundKey| self.settled.contains_key(key) || !holds(Rule::StartWaitsForSettled) && is_ended(key);
        let open = self.fold.round_starts().iter().filter(|(key, _)| !is_done(key));
        let oldest = open.map(|(_, start)| start).min_by_key(|start| start.position);
        let (start, checkpoint) = match oldest {
            Some(oldest) if holds(Rule::CheckpointBeforeRound) => (oldest.position, oldest.checkpoint.clone()),
            Some(oldest) => (oldest.position, self.fold.checkpoint().clone()),
            // All rounds are settled. If records are folded and not inserted yet, S waits for them.
            None if self.batch_began.is_none() => (self.inserted_to, self.fold.checkpoint().clone()),
            None => return Ok(()),
        };
        if start > self.start && start <= self.inserted_to {
            (self.start, self.checkpoint) = (start, checkpoint);
            if !holds(Rule::DeleteAfterCommit) {
                self.inputs.stream.trim(start).await?;
            }
            self.save(None).await?;
            self.inputs.stream.trim(start).await?;
        }
        Ok(())
    }
}
