//! How a shard finds out where it stands: from the intent file, from the stream, or afresh.

use std::time::Instant;

use schema::clock;

use super::{BATCH_AGE, BATCH_ROWS_MAX, Inputs, RunError, Shard, Unsure};
use crate::fold::{self, Copy, Fold};
use crate::intent::Intent;
use crate::metrics;
use crate::read::Spooled;
use crate::sweep::Sweep;
use crate::warehouse::retry;

/// An older intent is not retried by its token: ClickHouse may have forgotten it.
pub(super) const INTENT_AGE_MAX_S: i64 = 6 * 3600;

impl Shard {
    pub(super) async fn take_over(inputs: Inputs) -> Result<Shard, RunError> {
        let saved = inputs.intents.read()?;
        let named = retry("reading which generation is named", || inputs.warehouse.named(inputs.shard)).await;
        let settled = retry("reading which rounds are done", || inputs.warehouse.settled(inputs.shard)).await;
        let first = inputs.spool.start();
        let (intent, unsure) = match saved {
            None => {
                let highest =
                    retry("reading the highest generation", || inputs.warehouse.highest_generation(inputs.shard)).await;
                (
                    Intent::new(fold::VERSION, first, None, first, highest.max(named), 0, Copy::default()),
                    Some(Unsure::NoIntent),
                )
            }
            Some(intent) if intent.start < first => {
                tracing::error!(
                    expected = intent.start,
                    first,
                    "the spool begins at position {first}, but rounds not yet done begin at {}: what lay between is lost",
                    intent.start
                );
                metrics::lost_range(first - intent.start);
                (
                    Intent::new(fold::VERSION, first, None, first, intent.generation, 0, intent.copy),
                    Some(Unsure::StreamBeginsLater),
                )
            }
            Some(intent) if intent.end.is_some() && clock::now_s() - intent.at_s > INTENT_AGE_MAX_S => {
                (intent, Some(Unsure::OldIntent))
            }
            Some(intent) if intent.fold_version != fold::VERSION => (intent, Some(Unsure::OtherFold)),
            Some(intent) => (intent, None),
        };
        let stream = Spooled::new(inputs.spool.clone(), intent.start)?;
        let mut shard = Shard {
            fold: Fold::new(intent.copy.clone(), inputs.limits.clone()),
            target: stream.end(),
            sweep: Sweep::new(inputs.warehouse.clone(), inputs.import_lock.clone()),
            inputs,
            stream,
            next: intent.offset,
            pending: intent.end,
            start: intent.start,
            copy: intent.copy,
            generation: intent.generation,
            named,
            settled,
            unsure,
            uncertain: true,
            server: None,
            intent_at_s: intent.at_s,
            batch_began: None,
            last_insert: Instant::now() - BATCH_AGE,
            last_sweep: Instant::now(),
        };
        if shard.unsure.is_none() {
            shard.rebuild()?;
        }
        Ok(shard)
    }

    /// Folds S..next again without inserting anything: the state and sums are then those of before the crash.
    fn rebuild(&mut self) -> Result<(), RunError> {
        let began = Instant::now();
        self.fold = Fold::new(self.copy.clone(), self.inputs.limits.clone());
        self.stream.seek(self.start)?;
        let mut records = 0;
        while self.stream.position() < self.next {
            let folded = self.stream.fold_into(&mut self.fold, self.next, BATCH_ROWS_MAX)?;
            self.fold.drain();
            if folded == 0 {
                break;
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

    /// The slow path: a new generation, from S.
    pub(super) async fn start_afresh(&mut self, why: Unsure) -> Result<(), RunError> {
        self.named =
            retry("reading which generation is named", || self.inputs.warehouse.named(self.inputs.shard)).await;
        self.settled =
            retry("reading which rounds are done", || self.inputs.warehouse.settled(self.inputs.shard)).await;
        self.generation = self.generation.max(self.named) + 1;
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
        self.pending = None;
        self.write_intent(None)?;
        (self.unsure, self.uncertain, self.target) = (None, true, self.stream.end());
        self.rebuild()
    }

    pub(super) fn write_intent(&mut self, end: Option<u64>) -> Result<(), RunError> {
        self.intent_at_s = clock::now_s();
        let copy = self.copy.clone();
        let intent = Intent::new(fold::VERSION, self.next, end, self.start, self.generation, self.intent_at_s, copy);
        self.inputs.intents.write(&intent)?;
        Ok(())
    }
}
