//! Where a shard begins: after the work of its last owner, by replay; or with a new generation, by a rebuild.

use tokio::time::Instant;
use warehouse::{Store, retry};

use super::batch::{BATCH_ROWS_MAX, INSERT_INTERVAL};
use super::intent::Intent;
use super::rules::{Rule, holds};
use super::run::{Inputs, POLL_INTERVAL, RebuildReason, Shard};
use super::sweep::Sweep;
use crate::fold::{self, Fold};
use crate::metrics;
use crate::stream::{Stream, StreamError};

/// An intent that is older is not replayed: ClickHouse may have forgotten its tokens.
pub(super) const INTENT_AGE_MAX_S: i64 = 6 * 3600;

impl<S: Stream, W: Store> Shard<S, W> {
    /// Takes the shard over from its last owner. If the rows of that owner can be trusted, the state is
    /// replayed; otherwise `rebuild_reason` is set.
    pub(super) async fn take_over(mut inputs: Inputs<S, W>) -> Result<Shard<S, W>, StreamError> {
        let (now_s, shard) = ((inputs.now_s)(), inputs.shard);
        let named = retry("reading which generation is named", || inputs.warehouse.named_generation(shard)).await;
        let settled = retry("reading which rounds are settled", || inputs.warehouse.settled_rounds(shard)).await;
        let (intent, rebuild_reason) = Self::find_intent(&mut inputs, named, now_s).await?;
        inputs.stream.seek(intent.start)?;
        let mut shard = Shard {
            fold: Fold::new(intent.checkpoint.clone(), inputs.limits.clone()),
            catch_up_to: inputs.stream.end().await?,
            sweep: Sweep::new(inputs.warehouse.clone(), inputs.imports.clone()),
            inputs,
            inserted_to: intent.offset,
            intent_end: intent.end,
            start: intent.start,
            checkpoint: intent.checkpoint,
            generation: intent.generation,
            named,
            settled,
            rebuild_reason,
            must_compare: holds(Rule::SumsAtAssignment),
            server: None,
            intent_at_s: intent.at_s,
            batch_began: None,
            last_insert: Instant::now() - INSERT_INTERVAL,
            last_sweep: Instant::now(),
        };
        if shard.rebuild_reason.is_none() {
            shard.replay().await?;
            // The stored intent may be older than the last insert. That must be found before more is inserted.
            if shard.intent_end.is_none() && holds(Rule::SumsAtAssignment) && !shard.compare_sums().await {
                shard.rebuild_reason = Some(RebuildReason::SumsDiffer);
            }
        }
        Ok(shard)
    }

    /// The stored intent, or an empty one where the stream begins; and the reason, if the shard must rebuild.
    async fn find_intent(
        inputs: &mut Inputs<S, W>,
        named: u32,
        now_s: i64,
    ) -> Result<(Intent, Option<RebuildReason>), StreamError> {
        let saved = inputs.stream.saved().await?;
        let first = inputs.stream.start().await?;
        let at_start =
            |generation, checkpoint| Intent::new(fold::RULES_VERSION, first, None, first, generation, 0, checkpoint);
        Ok(match saved {
            Some(intent) if intent.start < first && holds(Rule::StartBelowFirst) => {
                let checkpoint = inputs.stream.checkpoint_at_start(first, Some(&intent)).await?;
                (at_start(intent.generation, checkpoint), Some(RebuildReason::StreamBeginsLater))
            }
            Some(intent) if intent.end.is_some() && now_s - intent.at_s > INTENT_AGE_MAX_S && holds(Rule::AgeLimit) => {
                (intent, Some(RebuildReason::OldIntent))
            }
            // A generation is saved before it is named. So this intent is older than one that was saved before.
            Some(intent) if intent.generation < named => (intent, Some(RebuildReason::OldIntent)),
            Some(intent) if intent.fold_version != fold::RULES_VERSION => (intent, Some(RebuildReason::OtherFold)),
            Some(intent) => (intent, None),
            None => {
                let checkpoint = inputs.stream.checkpoint_at_start(first, None).await?;
                (at_start(0, checkpoint), Some(RebuildReason::NoIntent))
            }
        })
    }

    /// Folds `start..inserted_to` again and inserts nothing: the state and the sums are then as before the crash.
    async fn replay(&mut self) -> Result<(), StreamError> {
        let began = Instant::now();
        self.fold = Fold::new(self.checkpoint.clone(), self.inputs.limits.clone());
        self.inputs.stream.seek(self.start)?;
        let mut records = 0;
        while self.inputs.stream.position() < self.inserted_to {
            let folded = self.inputs.stream.fold_into(&mut self.fold, self.inserted_to, BATCH_ROWS_MAX).await?;
            self.fold.drain();
            if folded == 0 {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            records += folded;
        }
        for &(day, round) in self.settled.keys() {
            self.fold.forget(day, round);
        }
        metrics::replayed(records);
        if records > 0 {
            let seconds = began.elapsed().as_secs_f64();
            tracing::info!(records, seconds, "replayed {records} records in {seconds:.1} s");
        }
        Ok(())
    }

    /// Begins a new generation at S. Its number is above every number that is recorded anywhere: a former owner may
    /// have inserted rows of a generation that it did not commit, and the stored intent may be lost or old.
    pub(super) async fn rebuild(&mut self, reason: RebuildReason) -> Result<(), StreamError> {
        let (shard, warehouse) = (self.inputs.shard, &self.inputs.warehouse);
        self.named = retry("reading which generation is named", || warehouse.named_generation(shard)).await;
        self.settled = retry("reading which rounds are settled", || warehouse.settled_rounds(shard)).await;
        let written = retry("reading the highest generation", || warehouse.highest_generation(shard)).await;
        let written = if holds(Rule::GenerationOfRows) { written } else { 0 };
        let recorded = self.inputs.stream.highest_generation().await?;
        let highest = self.generation.max(self.named).max(written).max(recorded);
        self.generation = if holds(Rule::NewGeneration) { highest + 1 } else { highest.max(1) };
        let (label, generation, from) = (<&str>::from(reason), self.generation, self.start);
        match generation {
            1 => tracing::info!(generation, from, "first start: generation 1 from position {from}"),
            _ => tracing::warn!(
                reason = label,
                generation,
                from,
                "rebuilding ({label}) as generation {generation} from position {from}"
            ),
        }
        metrics::rebuild(reason);
        self.inserted_to = self.start;
        (self.intent_end, self.batch_began) = (None, None);
        self.save(None).await?;
        (self.rebuild_reason, self.must_compare) = (None, true);
        self.catch_up_to = self.inputs.stream.end().await?;
        self.replay().await
    }

    /// Saves where the shard stands. `end` is the end of the batch that is about to be inserted, if one is.
    pub(super) async fn save(&mut self, end: Option<u64>) -> Result<(), StreamError> {
        self.intent_at_s = (self.inputs.now_s)();
        let Shard { inserted_to, start, generation, intent_at_s, .. } = *self;
        let checkpoint = self.checkpoint.clone();
        let intent = Intent::new(fold::RULES_VERSION, inserted_to, end, start, generation, intent_at_s, checkpoint);
        self.inputs.stream.save(&intent).await
    }
}
