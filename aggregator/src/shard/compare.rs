//! Control sums: whether the live rows in ClickHouse are what the fold emitted, and when that must be checked.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use schema::round::RoundKey;
use warehouse::{Store, retry};

use super::run::{ServerRun, Shard};
use crate::metrics;
use crate::stream::Stream;

/// The start of the server is computed from its uptime in whole seconds, so it can appear to move by so much.
const START_JITTER_S: i64 = 2;

impl<S: Stream, W: Store> Shard<S, W> {
    /// Checks whether the server was restarted since the last batch. If it was, it may have lost a part of which it
    /// still has the token, and the sums must be compared.
    pub(super) async fn check_server(&mut self) {
        let uptime_s = retry("asking ClickHouse how long it is up", || self.inputs.warehouse.uptime_s()).await;
        let engine_starts = self.inputs.engine_starts.as_ref().map_or(0, |starts| starts.load(Ordering::Acquire));
        let now = ServerRun { started_s: (self.inputs.now_s)() - i64::from(uptime_s), engine_starts };
        // Before the first batch of an owner there is nothing to compare with. That batch compares the sums anyway.
        let is_same = self.server.is_none_or(|before| {
            before.engine_starts == now.engine_starts && (before.started_s - now.started_s).abs() <= START_JITTER_S
        });
        if !is_same {
            self.must_compare = true;
        }
        if !is_same || self.server.is_none() {
            self.server = Some(now);
        }
    }

    /// Compares the live rows with the sums of the fold, for each round that is not settled. Returns whether they
    /// agree.
    pub(super) async fn compare_sums(&self) -> bool {
        let (shard, generation) = (self.inputs.shard, self.generation);
        let live = retry("adding up the live rows", || self.inputs.warehouse.live_sums(shard, generation)).await;
        let is_open = |key: &RoundKey| !self.settled.contains_key(key);
        let folded: BTreeMap<_, _> =
            self.fold.sums().iter().filter(|(key, sums)| is_open(key) && !sums.is_zero()).collect();
        let live: BTreeMap<_, _> = live.iter().filter(|(key, _)| is_open(key)).collect();
        let agree = folded == live;
        metrics::sums_compared(agree);
        if !agree {
            let keys = folded.keys().chain(live.keys()).filter(|key| folded.get(*key) != live.get(*key));
            let days: Vec<String> = keys.map(|(day, round)| format!("{day} round {round}")).collect();
            tracing::error!(?days, "the live rows of {} do not add up to what was folded", days.join(", "));
        }
        agree
    }
}
