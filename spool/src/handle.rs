//! The side of a spool that readers and the trimmer use.

use std::sync::Arc;

use crate::error::Error;
use crate::reader::FrameReader;
use crate::state::SpoolState;

/// Reads from a spool and trims it. All clones refer to the same spool.
#[derive(Clone, Debug)]
pub struct Handle {
    state: Arc<SpoolState>,
}

impl Handle {
    pub(crate) fn new(state: Arc<SpoolState>) -> Handle {
        Handle { state }
    }

    /// The position up to which every frame is on disk and can be read.
    pub fn synced(&self) -> u64 {
        self.state.synced()
    }

    /// Position of the first frame that is still on disk.
    pub fn start(&self) -> u64 {
        self.state.start()
    }

    /// Length of all files on disk, zeroes included.
    pub fn bytes(&self) -> u64 {
        self.state.bytes()
    }

    /// Number of segments on disk.
    pub fn segments(&self) -> usize {
        self.state.segment_count()
    }

    /// A reader that begins at `from`, which must be the position or the end of a frame.
    pub fn reader(&self, from: u64) -> Result<FrameReader, Error> {
        self.state.find(from)?;
        Ok(FrameReader::new(self.state.clone(), from))
    }

    /// Deletes the segments that lie entirely below `below`, oldest first. The newest segment always stays, because its
    /// name records the position.
    ///
    /// A reader inside a deleted segment can still read that segment to its end.
    pub fn trim(&self, below: u64) -> Result<(), Error> {
        self.state.trim(below)
    }
}
