//! The spool as a stream: a shard reads it on the machine where it is written. The intent is a file.

use std::thread;

use schema::wire;

use super::{Stream, StreamError};
use crate::fold::{Checkpoint, Fold};
use crate::metrics;
use crate::shard::intent::{Intent, IntentFile};

/// After so many records (some 100 us of work) the fold yields the processor. Otherwise a thread that answers hits
/// could wait for a whole tick of 4 ms, because Linux lets a computing thread of the same kind run until then.
const YIELDS_AFTER: u64 = 128;

/// The spool, read by one shard.
pub struct SpoolStream {
    handle: spool::Handle,
    reader: spool::FrameReader,
    intents: IntentFile,
}

impl SpoolStream {
    /// Begins at the start of the spool.
    pub fn new(handle: spool::Handle, intents: IntentFile) -> Result<SpoolStream, StreamError> {
        let reader = handle.reader(handle.start())?;
        Ok(SpoolStream { handle, reader, intents })
    }
}

impl Stream for SpoolStream {
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

    /// The checkpoint is part of the intent. Without an intent, replay begins with an empty checkpoint, and everything
    /// that the spool still has is counted again.
    async fn checkpoint_at_start(&mut self, first: u64, saved: Option<&Intent>) -> Result<Checkpoint, StreamError> {
        let Some(Intent { start, checkpoint, .. }) = saved else { return Ok(Checkpoint::default()) };
        metrics::lost_range(first - start);
        tracing::error!(
            expected = start,
            first,
            "the spool begins at position {first}, but rounds that are not settled begin at {start}: what was between is lost"
        );
        Ok(checkpoint.clone())
    }

    async fn highest_generation(&mut self) -> Result<u32, StreamError> {
        Ok(0)
    }
}
