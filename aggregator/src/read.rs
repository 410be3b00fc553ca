//! Where a fold's records come from. Two sources exist: the spool (this file), whose records have positions and can be
//! read again; and events handed in by an import (`handed.rs`), which begins again from its log instead.

use schema::wire;

use crate::fold::Fold;

/// The spool, read by one shard from some position on.
pub struct Spooled {
    handle: spool::Handle,
    reader: spool::Reader,
}

/// The stream could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The spool says so.
    #[error(transparent)]
    Spool(#[from] spool::Error),
    /// A frame is whole and is not a record of a version this program knows.
    #[error(
        "the spool's record at position {position} cannot be understood ({error}); a newer Footfall may have written it"
    )]
    Record {
        /// Where the record begins.
        position: u64,
        /// What is wrong with it.
        error: wire::WireError,
    },
}

impl Spooled {
    /// Reads from `from` on.
    pub fn new(handle: spool::Handle, from: u64) -> Result<Spooled, ReadError> {
        let reader = handle.reader(from)?;
        Ok(Spooled { handle, reader })
    }

    /// Goes back (or on) to a position.
    pub fn seek(&mut self, from: u64) -> Result<(), ReadError> {
        self.reader = self.handle.reader(from)?;
        Ok(())
    }

    /// Folds what is there up to `until`, or until the fold has about `rows_max` rows to hand out. Returns how many
    /// records were folded.
    pub fn fold_into(&mut self, fold: &mut Fold, until: u64, rows_max: usize) -> Result<u64, ReadError> {
        let mut records = 0;
        while self.reader.position() < until && fold.pending_rows() < rows_max {
            let Some(frame) = self.reader.next()? else { break };
            let record =
                wire::decode(frame.payload).map_err(|error| ReadError::Record { position: frame.position, error })?;
            fold.apply(frame.position, &record);
            records += 1;
        }
        Ok(records)
    }

    /// The end of the last record folded.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// The end of what is on disk for good.
    pub fn end(&self) -> u64 {
        self.handle.synced()
    }

    /// The first position still held.
    pub fn start(&self) -> u64 {
        self.handle.start()
    }

    /// Gives up what lies below.
    pub fn trim(&self, below: u64) -> Result<(), ReadError> {
        Ok(self.handle.trim(below)?)
    }
}
