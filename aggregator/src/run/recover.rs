//! How a shard finds out where it stands: from the intent file, from the stream, or afresh.

use tokio::time::Instant;
use warehouse::{Store, retry};

use super::rules::{Rule, holds};
use super::{BATCH_AGE, BATCH_ROWS_MAX, Inputs, LOOK, Shard, Unsure};
use crate::fold::{self, Fold};
use crate::intent::Intent;
use crate::metrics;
use crate::read::{Stream, StreamError};
use crate::sweep::Sweep;

/// An older intent is not retried by its token: ClickHouse may have forgotten it.
pub(super) const INTENT_AGE_MAX_S: i64 = 6 * 3600;

impl<S: Stream, W: Store> Shard<S, W> {
    pub(super) async fn take_over(mut inputs: Inputs<S, W>) -> Result<Shard<S, W>, StreamError> {
        let (now_s, shard) = ((inputs.now_s)(), inputs.shard);
        let named = retry("reading which generation is named", || inputs.warehouse.named_generation(shard)).await;
        let settled = retry("reading which rounds are done", || inputs.warehouse.settled_rounds(shard)).await;
        let saved = inputs.stream.saved().await?;
        let first = inputs.stream.start().await?;
        let (intent, unsure) = match saved {
            Some(intent) if intent.start < first && holds(Rule::StartBelowFirst) => {
                let checkpoint = inputs.stream.checkpoint_at_start(first, Some(&intent)).await?;
                (
                    Intent::new(fold::RULES_VERSION, first, None, first, intent.generation, 0, checkpoint),
                    Some(Unsure::StreamBeginsLater),
                )
            }
            Some(intent) if intent.end.is_some() && now_s - intent.at_s > INTENT_AGE_MAX_S && holds(Rule::AgeLimit) => {
                (intent, Some(Unsure::OldIntent))
            }
            // An older one came back: what is named since was committed once.
            Some(intent) if intent.generation < named => (intent, Some(Unsure::OldIntent)),
            Some(intent) if intent.fold_version != fold::RULES_VERSION => (intent, Some(Unsure::OtherFold)),
            Some(intent) => (intent, None),
            None => {
                let checkpoint = inputs.stream.checkpoint_at_start(first, None).await?;
                (Intent::new(fold::RULES_VERSION, first, None, first, 0, 0, checkpoint), Some(Unsure::NoIntent))
            }
        };
        inputs.stream.seek(intent.start)?;
        let mut shard = Shard {
            fold: Fold::new(intent.checkpoint.clone(), inputs.limits.clone()),
            target: inputs.stream.end().await?,
            sweep: Sweep::new(inputs.warehouse.clone(), inputs.imports.clone()),
            inputs,
            next: intent.offset,
            pending: intent.end,
            start: intent.start,
            checkpoint: intent.checkpoint,
            generation: intent.generation,
            named,
            settled,
            unsure,
            uncertain: holds(Rule::SumsAtAssignment),
            server: None,
            intent_at_s: intent.at_s,
            batch_began: None,
            last_insert: Instant::now() - BATCH_AGE,
            last_sweep: Instant::now(),
        };
        if shard.unsure.is_none() {
            shard.rebuild().await?;
            // What was saved may be older than what was inserted: to be noticed before anything is inserted on top.
            if shard.pending.is_none() && holds(Rule::SumsAtAssignment) && !shard.sums_agree().await {
                shard.unsure = Some(Unsure::SumsDiffer);
            }
        }
        Ok(shard)
    }

    /// Folds S..next again without inserting anything: the state and sums are then those of before the crash.
    async fn rebuild(&mut self) -> Result<(), StreamError> {
        let began = Instant::now();
        self.fold = Fold::new(self.checkpoint.clone(), self.inputs.limits.clone());
        self.inputs.stream.seek(self.start)?;
        let mut records = 0;
        while self.inputs.stream.position() < self.next {
            let folded = self.inputs.stream.fold_into(&mut self.fold, self.next, BATCH_ROWS_MAX).await?;
            self.fold.drain();
            if folded == 0 {
                tokio::time::sleep(LOOK).await;
            }
            records += folded;
        }
        self.forget_settled();
        metrics::replayed(records);
        if records > 0 {
            let seconds = began.elapsed().as_secs_f64();
            tracing::info!(records, seconds, "rebuilt the state from {records} records in {seconds:.1} s");
        }
        Ok(())
    }

    pub(super) fn forget_settled(&mut self) {
        for &(day, round) in self.settled.keys() {
            self.fold.forget(day, round);
        }
    }

    /// The slow path: a new generation, from S. One above all that anybody has a record of: a former owner may have
    /// begun one and not come to committing it, or what was saved may be lost, or old.
    pub(super) async fn start_afresh(&mut self, why: Unsure) -> Result<(), StreamError> {
        let (shard, warehouse) = (self.inputs.shard, &self.inputs.warehouse);
        self.named = retry("reading which generation is named", || warehouse.named_generation(shard)).await;
        self.settled = retry("reading which rounds are done", || warehouse.settled_rounds(shard)).await;
        let written = retry("reading the highest generation", || warehouse.highest_generation(shard)).await;
        let written = if holds(Rule::GenerationOfRows) { written } else { 0 };
        let recorded = self.inputs.stream.highest_generation().await?;
        let highest = self.generation.max(self.named).max(written).max(recorded);
        self.generation = if holds(Rule::NewGeneration) { highest + 1 } else { highest.max(1) };
        let (reason, generation, from) = (why.label(), self.generation, self.start);
        match generation {
            1 => tracing::info!(generation, from, "first start: generation 1 from position {from}"),
            _ => tracing::warn!(
                reason,
                generation,
                from,
                "starting afresh ({reason}) as generation {generation} from position {from}"
            ),
        }
        metrics::started_afresh(why);
        self.next = self.start;
        (self.pending, self.batch_began) = (None, None);
        self.save(None).await?;
        (self.unsure, self.uncertain, self.target) = (None, true, self.inputs.stream.end().await?);
        self.rebuild().await
    }

    pub(super) async fn save(&mut self, end: Option<u64>) -> Result<(), StreamError> {
        self.intent_at_s = (self.inputs.now_s)();
        let checkpoint = self.checkpoint.clone();
        let intent =
            Intent::new(fold::RULES_VERSION, self.next, end, self.start, self.generation, self.intent_at_s, checkpoint);
        self.inputs.stream.save(&intent).await
    }
}
