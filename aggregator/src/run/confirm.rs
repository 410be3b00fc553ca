//! What the shard does until ClickHouse surely has it, and how it makes sure.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use schema::day::Day;
use schema::round::{RoundKey, is_over};
use tokio::time::Instant;
use warehouse::{ControlSums, RETRY_PAUSE_MAX, Rows, Store, retry};

use super::recover::INTENT_AGE_MAX_S;
use super::rules::{Rule, holds};
use super::{LOOK, Server, Shard, Step, Unsure};
use crate::metrics;
use crate::read::{Stream, StreamError};

/// The server's start, read from its uptime in whole seconds, may seem to move by so much.
const START_JITTER_S: i64 = 2;
/// After an owner has made sure that it is one, it may settle for so long. With a pause and a request under way this is
/// over before its rows may be swept.
const SETTLE_WITHIN_S: i64 = 3600;

impl<S: Stream, W: Store> Shard<S, W> {
    /// Sends one block until ClickHouse says it has it. Each time only while its token is surely remembered: a former
    /// owner may come to it hours after the new one sent the same.
    pub(super) async fn insert_until_known(&mut self, rows: &Rows, token: &str) -> Step {
        let mut pause = LOOK;
        loop {
            if (self.inputs.now_s)() - self.intent_at_s > INTENT_AGE_MAX_S && holds(Rule::AgeLimit) {
                self.unsure = Some(Unsure::OldIntent);
                return Step::Unsure;
            }
            let began = Instant::now();
            let answer = self.inputs.warehouse.insert(rows, self.inputs.shard, self.generation, token).await;
            let Err(error) = answer else {
                metrics::insert_answered(began.elapsed());
                return Step::Done;
            };
            self.uncertain = true;
            metrics::insert_failed();
            tracing::warn!(%error, token, "an insert into {} was not confirmed; it is sent again", rows.cube.label());
            if self.inputs.stop.load(Ordering::Acquire) {
                return Step::Stopped;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
        }
    }

    /// A server that is not the one of the last batch may have lost a part whose token it kept.
    pub(super) async fn look_at_server(&mut self) {
        let uptime_s = retry("asking ClickHouse how long it is up", || self.inputs.warehouse.uptime_s()).await;
        let engine_life = self.inputs.engine_lives.as_ref().map_or(0, |lives| lives.load(Ordering::Acquire));
        let now = Server { started_s: (self.inputs.now_s)() - i64::from(uptime_s), engine_life };
        // The first batch of an owner is compared in any case.
        let same = self.server.is_none_or(|before| {
            before.engine_life == now.engine_life && (before.started_s - now.started_s).abs() <= START_JITTER_S
        });
        if !same {
            self.uncertain = true;
        }
        if !same || self.server.is_none() {
            self.server = Some(now);
        }
    }

    /// Whether the live rows of every round not done add up to what the fold handed out.
    pub(super) async fn sums_agree(&self) -> bool {
        let (shard, generation) = (self.inputs.shard, self.generation);
        let live = retry("adding up the live rows", || self.inputs.warehouse.live_sums(shard, generation)).await;
        let open = |key: &RoundKey| !self.settled.contains_key(key);
        let mine: BTreeMap<_, _> = self.fold.sums().iter().filter(|(key, sums)| open(key) && !sums.is_zero()).collect();
        let theirs: BTreeMap<_, _> = live.iter().filter(|(key, _)| open(key)).collect();
        let agree = mine == theirs;
        metrics::sums_compared(agree);
        if !agree {
            let keys = mine.keys().chain(theirs.keys()).filter(|key| mine.get(*key) != theirs.get(*key));
            let days: Vec<String> = keys.map(|(day, round)| format!("{day} round {round}")).collect();
            tracing::error!(?days, "the live rows of {} do not add up to what was folded", days.join(", "));
        }
        agree
    }

    /// Writes the control sums of all rounds that this close ends.
    pub(super) async fn write_closed(&mut self, day: Day) {
        let over = |key: &RoundKey| is_over(*key, day) && !self.settled.contains_key(key);
        let rounds: BTreeMap<RoundKey, ControlSums> =
            self.fold.sums().iter().filter(|(key, _)| over(key)).map(|(key, sums)| (*key, sums.clone())).collect();
        let (shard, generation) = (self.inputs.shard, self.generation);
        retry("writing control sums", || self.inputs.warehouse.write_control_sums(day, shard, generation, &rounds))
            .await;
        tracing::info!(%day, "closed {day}");
    }

    /// A generation that has caught up is named: from here on readers count it.
    pub(super) async fn name_generation(&mut self) {
        if self.generation <= self.named || self.next < self.target && holds(Rule::NamedWhenCaughtUp) {
            return;
        }
        let (shard, generation) = (self.inputs.shard, self.generation);
        if let Some(last) = self.checkpoint.last_close.filter(|_| holds(Rule::ClosedUpTo)) {
            let nothing = BTreeMap::new();
            retry("writing control sums", || {
                self.inputs.warehouse.write_control_sums(Day(last), shard, generation, &nothing)
            })
            .await;
        }
        retry("naming a generation", || {
            self.inputs.warehouse.name_generation(shard, generation, (self.inputs.now_s)())
        })
        .await;
        self.named = generation;
        metrics::generation(shard, generation);
        tracing::info!(shard, generation, "shard {shard} counts as generation {generation}");
    }

    /// Closed rounds whose live rows add up are done.
    pub(super) async fn settle(&mut self) -> Result<(), StreamError> {
        let Some(last_close) = self.fold.checkpoint().last_close else { return Ok(()) };
        // A close that is folded may end a round whose last rows are not inserted: the sums know nothing of them yet.
        let inserted = self.batch_began.is_none() || !holds(Rule::SettledWhenInserted);
        if self.generation != self.named || !inserted {
            return Ok(());
        }
        // A new generation folds again what is done for good: it is not counted twice, and need not be kept.
        let known: Vec<RoundKey> = self.fold.round_starts().keys().copied().collect();
        let (done, open): (Vec<RoundKey>, Vec<RoundKey>) = known.iter().partition(|key| self.settled.contains_key(key));
        done.iter().for_each(|key| self.fold.forget(key.0, key.1));
        let over: Vec<RoundKey> = open.into_iter().filter(|key| is_over(*key, Day(last_close))).collect();
        if over.is_empty() {
            return Ok(());
        }
        // A former owner is told here that it is one. What it still settles thereafter it does soon: before its rows,
        // which nobody counts any more, are swept.
        self.save(None).await?;
        let owner_at_s = (self.inputs.now_s)();
        let (shard, generation) = (self.inputs.shard, self.generation);
        let live = retry("adding up the live rows", || self.inputs.warehouse.live_sums(shard, generation)).await;
        let nothing = ControlSums::default();
        for key in over {
            let mine = self.fold.sums().get(&key).unwrap_or(&nothing);
            let agree = live.get(&key).unwrap_or(&nothing) == mine || !holds(Rule::SettledWhenEqual);
            metrics::sums_compared(agree);
            if !agree {
                tracing::error!("the live rows of {} round {} do not add up to what was folded", key.0, key.1);
                self.unsure = Some(Unsure::SumsDiffer);
                return Ok(());
            }
            let now_s = (self.inputs.now_s)();
            if now_s - owner_at_s > SETTLE_WITHIN_S {
                return Ok(()); // looked at again
            }
            if let Err(error) = self.inputs.warehouse.settle(key, shard, generation, now_s).await {
                // It may have landed; settled again, it says the same.
                tracing::warn!(%error, "settling {} round {} failed; trying again", key.0, key.1);
                tokio::time::sleep(RETRY_PAUSE_MAX).await;
                return Ok(());
            }
            self.settled.insert(key, generation);
            self.fold.forget(key.0, key.1);
            tracing::info!("{} round {} is done", key.0, key.1);
        }
        Ok(())
    }

    /// S moves to the oldest round that is not done, and the stream forgets what lies below.
    pub(super) async fn move_start(&mut self) -> Result<(), StreamError> {
        let over = |key: &RoundKey| self.fold.checkpoint().last_close.is_some_and(|last| is_over(*key, Day(last)));
        let done = |key: &RoundKey| self.settled.contains_key(key) || !holds(Rule::StartWaitsForSettled) && over(key);
        let open = self.fold.round_starts().iter().filter(|(key, _)| !done(key));
        let oldest = open.map(|(_, first)| first).min_by_key(|first| first.position);
        let (start, checkpoint) = match oldest {
            Some(first) if holds(Rule::CheckpointBeforeRound) => (first.position, first.checkpoint.clone()),
            Some(first) => (first.position, self.fold.checkpoint().clone()),
            // Nothing is open; but what is folded and not yet inserted still is.
            None if self.batch_began.is_none() => (self.next, self.fold.checkpoint().clone()),
            None => return Ok(()),
        };
        if start > self.start && start <= self.next {
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
