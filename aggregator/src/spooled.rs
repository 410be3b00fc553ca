//! The first source: the spool, read where it is written, with an intent file beside it.

use std::thread;

use schema::wire;

use crate::fold::{Checkpoint, Fold};
use crate::intent::{Intent, IntentFile};
use crate::metrics;
use crate::read::{Stream, StreamError};

/// So many records at most (some 100 us) are folded while a thread that answers hits waits for the processor: a thread of
/// the same kind that only computes would keep it for up to a tick of 4 ms.
const YIELDS_AFTER: u64 = 128;

/// The spool, read by one shard from some position on.
pub struct Spooled {
    handle: spool::Handle,
    reader: spool::FrameReader,
    intents: IntentFile,
}

impl Spooled {
    /// Reads from the spool's beginning on, until it is told to seek.
    pub fn new(handle: spool::Handle, intents: IntentFile) -> Result<Spooled, StreamError> {
        let reader = handle.reader(handle.start())?;
        Ok(Spooled { handle, reader, intents })
    }
}

impl Stream for Spooled {
    async fn fold_into(&mut self, fold: &mut Fold, until: u64, rows_max: usize) -> Result<u64, StreamError> {
        let mut records = 0u64;
        while self.reader.position() < until && fold.pending_rows() < rows_max {
            let Some(frame) = self.reader.next()? else { break };
            let record =
                wire::decode(frame.payload).map_err(|error| StreamError::Record { position: frame.position, error })?;
            fold.apply(frame.position, &record);
            records += 1;
            if records.is_multiple_of(YIELDS_AFTER) {
                thread::yield_now();
            }
        }
        Ok(records)
    }

    fn position(&self) -> u64 {
        self.reader.position()
    }

    fn seek(&mut self, from: u64) -> Result<(), StreamError> {
        self.reader = self.handle.reader(from)?;
        Ok(())
    }

    async fn start(&mut self) -> Result<u64, StreamError> {
        Ok(self.handle.start())
    }

    async fn end(&mut self) -> Result<u64, StreamError> {
        Ok(self.handle.synced())
    }

    async fn trim(&mut self, below: u64) -> Result<(), StreamError> {
        Ok(self.handle.trim(below)?)
    }

    async fn saved(&mut self) -> Result<Option<Intent>, StreamError> {
        Ok(self.intents.read()?)
    }

    async fn save(&mut self, intent: &Intent) -> Result<(), StreamError> {
        Ok(self.intents.write(intent)?)
    }

    /// The file holds both or none: without it nothing is known, and what the spool still holds is counted afresh.
    async fn checkpoint_at_start(&mut self, first: u64, saved: Option<&Intent>) -> Result<Checkpoint, StreamError> {
        let Some(Intent { start, checkpoint, .. }) = saved else { return Ok(Checkpoint::default()) };
        metrics::lost_range(first - start);
        tracing::error!(
            expected = start,
            first,
            "the spool begins at position {first}, but rounds not yet done begin at {start}: what lay between is lost"
        );
        Ok(checkpoint.clone())
    }

    async fn highest_generation(&mut self) -> Result<u32, StreamError> {
        Ok(0)
    }
}
