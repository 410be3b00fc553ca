//! What the shard does until ClickHouse surely has it, and how it makes sure.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use schema::day::Day;
use tokio::time::Instant;

use super::recover::INTENT_AGE_MAX_S;
use super::{LOOK, Server, Shard, Step, Unsure};
use crate::metrics;
use crate::read::{Stream, StreamError};
use crate::rows::Rows;
use crate::store::Store;
use crate::sums::Sums;
use crate::warehouse::{RETRY_PAUSE_MAX, RoundKey, retry};

/// The server's start, read from its uptime in whole seconds, may seem to move by so much.
const START_JITTER_S: i64 = 2;

impl<S: Stream, W: Store> Shard<S, W> {
    /// Sends one block until ClickHouse says it has it.
    pub(super) async fn insert_until_known(&mut self, rows: &Rows, token: &str) -> Step {
        let mut pause = LOOK;
        loop {
            let began = Instant::now();
            let answer = self.inputs.warehouse.insert(rows, self.inputs.shard, self.generation, token).await;
            let Err(error) = answer else {
                metrics::insert_answered(began.elapsed());
                return Step::Done;
            };
            self.uncertain = true;
            metrics::insert_failed();
            tracing::warn!(%error, token, "an insert into {} was not confirmed; it is sent again", rows.cube.label());
            if (self.inputs.now_s)() - self.intent_at_s > INTENT_AGE_MAX_S {
                self.unsure = Some(Unsure::OldIntent);
                return Step::Unsure;
            }
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
        let same = self.server.is_some_and(|before| {
            before.engine_life == now.engine_life && (before.started_s - now.started_s).abs() <= START_JITTER_S
        });
        if !same {
            self.uncertain = true;
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
        let rounds: BTreeMap<RoundKey, Sums> =
            self.fold.sums().iter().filter(|(key, _)| over(key)).map(|(key, sums)| (*key, sums.clone())).collect();
        let (shard, generation) = (self.inputs.shard, self.generation);
        retry("writing control sums", || self.inputs.warehouse.close(day, shard, generation, &rounds)).await;
        tracing::info!(%day, "closed {day}");
    }

    /// A generation that has caught up is named: from here on readers count it.
    pub(super) async fn name_generation(&mut self) {
        if self.generation <= self.named || self.next < self.target {
            return;
        }
        let (shard, generation) = (self.inputs.shard, self.generation);
        if let Some(last) = self.copy.last_close {
            let nothing = BTreeMap::new();
            retry("writing control sums", || self.inputs.warehouse.close(Day(last), shard, generation, &nothing)).await;
        }
        retry("naming a generation", || self.inputs.warehouse.name(shard, generation, (self.inputs.now_s)())).await;
        self.named = generation;
        metrics::generation(shard, generation);
        tracing::info!(shard, generation, "shard {shard} counts as generation {generation}");
    }

    /// Closed rounds whose live rows add up are done.
    pub(super) async fn settle(&mut self) {
        let Some(last_close) = self.fold.copy().last_close else { return };
        // A close that is folded may end a round whose last rows are not inserted: the sums know nothing of them yet.
        if self.generation != self.named || self.batch_began.is_some() {
            return;
        }
        // A new generation folds again what is done for good: it is not counted twice, and need not be kept.
        let known: Vec<RoundKey> = self.fold.firsts().keys().copied().collect();
        let (done, open): (Vec<RoundKey>, Vec<RoundKey>) = known.iter().partition(|key| self.settled.contains_key(key));
        done.iter().for_each(|key| self.fold.forget(key.0, key.1));
        let over: Vec<RoundKey> = open.into_iter().filter(|key| is_over(*key, Day(last_close))).collect();
        if over.is_empty() {
            return;
        }
        let (shard, generation) = (self.inputs.shard, self.generation);
        let live = retry("adding up the live rows", || self.inputs.warehouse.live_sums(shard, generation)).await;
        let nothing = Sums::default();
        for key in over {
            let mine = self.fold.sums().get(&key).unwrap_or(&nothing);
            let agree = live.get(&key).unwrap_or(&nothing) == mine;
            metrics::sums_compared(agree);
            if !agree {
                tracing::error!("the live rows of {} round {} do not add up to what was folded", key.0, key.1);
                self.unsure = Some(Unsure::SumsDiffer);
                return;
            }
            retry("settling a round", || self.inputs.warehouse.settle(key, shard, generation, (self.inputs.now_s)()))
                .await;
            self.settled.insert(key, generation);
            self.fold.forget(key.0, key.1);
            tracing::info!("{} round {} is done", key.0, key.1);
        }
    }

    /// S moves to the oldest round that is not done, and the stream forgets what lies below.
    pub(super) async fn move_start(&mut self) -> Result<(), StreamError> {
        let open = self.fold.firsts().iter().filter(|(key, _)| !self.settled.contains_key(*key));
        let oldest = open.map(|(_, first)| first).min_by_key(|first| first.position);
        let (start, copy) = match oldest {
            Some(first) => (first.position, first.copy.clone()),
            // Nothing is open; but what is folded and not yet inserted still is.
            None if self.batch_began.is_none() => (self.next, self.fold.copy()),
            None => return Ok(()),
        };
        if start > self.start && start <= self.next {
            (self.start, self.copy) = (start, copy);
            self.save(None).await?;
            self.inputs.stream.trim(start).await?;
        }
        Ok(())
    }
}

/// Whether a round is over once `close` is folded: late rounds of a day end with later closes.
fn is_over((day, round): RoundKey, close: Day) -> bool {
    i64::from(day.0) + i64::from(round) <= i64::from(close.0)
}
