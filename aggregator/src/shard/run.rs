//! The main loop of one shard.
//!
//! A shard reads the records of one stream, folds them into sums and inserts the sums into ClickHouse. Each hit that
//! the collector acknowledged must be counted exactly once, although this process, ClickHouse and the brokers can fail
//! at any moment.
//!
//! ```text
//! take over: load the intent, fold from `start` to it
//! then again and again:
//!   rebuild, if there is a reason            or replay the intent that a crash left            or else a batch:
//!   fold new records -> write the intent -> insert -> confirm
//!   name the generation, if it has caught up -> settle closed rounds -> move `start` -> sweep, once a minute
//! ```
//!
//! * **Round, close.** A round is the part of a day whose events were folded between two closes. A `close` record in
//!   the stream ends the rounds of the dates that are over.
//! * **Generation, live rows.** A generation is one complete set of rows that this shard inserted for the rounds that
//!   are not settled. Its rows in the live tables are its live rows.
//! * **Intent.** Before the first insert of a batch, the range of the batch in the stream is written to durable
//!   storage. The token of each insert names shard, generation and range, and ClickHouse executes a token once per
//!   table and partition of the table, as long as it remembers the token. After a crash the shard begins with the
//!   checkpoint of `start`, folds up to the range and then exactly the range, and sends the same inserts again.
//! * **Several tables.** A batch inserts into several tables without a transaction. Each insert is idempotent, and the
//!   intent stays in storage until all of them are confirmed.
//! * **Rebuild.** If the shard cannot be sure that its live rows are what it folded (`RebuildReason`), it folds
//!   everything from `start` again and inserts the rows as a new generation. For rounds that are not settled, readers
//!   count only the generation that the table `shards` names, and the shard names the new one once it has caught up. So
//!   no reader sees a generation that is half written. A late insert of a former owner does no harm: with the same
//!   generation its token was executed already, and rows of an older generation are not read.
//! * **Settle.** If the live rows of a closed round add up to the sums of the fold, the round is settled: from then on
//!   readers count these rows, whatever generation is named later.
//! * **`start`**, the low-water mark (S in other documents), is the position where the oldest round that is not settled
//!   begins. Replay begins there. The stream may delete only what is below.
//! * **Sweep.** Drops the partitions that no reader counts any more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use schema::round::RoundKey;
use strum::{IntoStaticStr, VariantArray};
use tokio::time::Instant;
use warehouse::Store;

use super::sweep::{Imports, Sweep};
use crate::fold::{Checkpoint, Fold, Limits};
use crate::stream::{Stream, StreamError};

/// How often the stream is polled while there is nothing to do.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How often the sweep runs.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// What a shard needs.
pub struct Inputs<S, W> {
    /// The number of the shard: 0 on one machine.
    pub shard: u32,
    /// The stream of the shard, which also stores its intent.
    pub stream: S,
    /// Where the rows are inserted.
    pub warehouse: W,
    /// Counts the starts of an embedded engine that this process supervises; `None` if ClickHouse is another's server.
    pub engine_starts: Option<Arc<AtomicU64>>,
    /// How the sweep finds out whether an import is running.
    pub imports: Imports,
    /// Limits of the fold's state.
    pub limits: Limits,
    /// Set when the shard shall stop. It tries to insert what is in the stream; what it cannot insert is in the intent.
    pub stop: Arc<AtomicBool>,
    /// The clock: UTC seconds.
    pub now_s: fn() -> i64,
}

/// Why the shard cannot be sure that its live rows are what it folded, and must rebuild them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum RebuildReason {
    /// No intent is stored: also at the very first start.
    NoIntent,
    /// The intent is so old that ClickHouse may have forgotten its tokens.
    OldIntent,
    /// The stream begins above `start`, so records that were not settled are gone. What is left is folded.
    StreamBeginsLater,
    /// The live rows were made by another version of the fold.
    OtherFold,
    /// The live rows do not add up to the sums of the fold.
    SumsDiffer,
}

/// Runs until `stop` is set, then tries to insert what is already in the stream, and returns.
pub async fn run<S: Stream, W: Store>(inputs: Inputs<S, W>) -> Result<(), StreamError> {
    let mut shard = Shard::take_over(inputs).await?;
    loop {
        if let Some(reason) = shard.rebuild_reason {
            shard.rebuild(reason).await?;
        }
        let step = match shard.intent_end.take() {
            Some(end) => shard.replay_intent(end).await?,
            None => shard.batch().await?,
        };
        match step {
            Step::Done => {}
            Step::Rebuild => continue,
            Step::Stopped => return Ok(()),
        }
        shard.name_generation().await;
        shard.settle_rounds().await?;
        shard.move_start().await?;
        shard.sweep().await;
    }
}

/// How a step of the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Done,
    /// The shard must rebuild for the reason in `rebuild_reason`.
    Rebuild,
    /// The shard shall stop. If its batch is not inserted completely, the intent still names it.
    Stopped,
}

/// The state of the loop.
pub(super) struct Shard<S, W> {
    pub(super) inputs: Inputs<S, W>,
    pub(super) fold: Fold,
    /// Everything in the stream below this position is inserted, as rows of `generation`.
    pub(super) inserted_to: u64,
    /// The end of an intent that was found when the shard took over, until its replay begins.
    pub(super) intent_end: Option<u64>,
    /// The low-water mark.
    pub(super) start: u64,
    /// The checkpoint of `start`.
    pub(super) checkpoint: Checkpoint,
    pub(super) generation: u32,
    /// The generation that readers count; 0 before the first.
    pub(super) named: u32,
    /// The end of the stream when this generation began. Once everything below is inserted, the generation is named.
    pub(super) catch_up_to: u64,
    /// The settled rounds, each with the generation of its rows.
    pub(super) settled: BTreeMap<RoundKey, u32>,
    /// Cleared by the rebuild.
    pub(super) rebuild_reason: Option<RebuildReason>,
    /// The outcome of an insert is unknown, or ClickHouse may have lost rows. The sums are compared after the next
    /// batch.
    pub(super) must_compare: bool,
    /// The run of the server that took the last batch; `None` before the first.
    pub(super) server: Option<ServerRun>,
    /// When the last intent was written.
    pub(super) intent_at_s: i64,
    /// When the first record since the last insert was folded; `None` if there was none.
    pub(super) batch_began: Option<Instant>,
    pub(super) last_insert: Instant,
    pub(super) sweep: Sweep<W>,
    pub(super) last_sweep: Instant,
}

/// One run of the ClickHouse server, until it is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerRun {
    pub(super) started_s: i64,
    pub(super) engine_starts: u64,
}

impl<S: Stream, W: Store> Shard<S, W> {
    async fn sweep(&mut self) {
        if self.last_sweep.elapsed() >= SWEEP_INTERVAL {
            self.last_sweep = Instant::now();
            self.sweep.run((self.inputs.now_s)()).await;
        }
    }
}
