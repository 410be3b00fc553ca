//! Frames in order, up to the synced position. Each frame is verified before the reader returns it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::error::{Error, io as at};
use crate::frame::{self, FrameHeader, HEADER_BYTES};
use crate::header;
use crate::segment;
use crate::state::{Segment, SpoolState};

/// Bytes per read.
const CHUNK_BYTES: usize = 256 << 10;

/// Reads a spool from a given position on, in the process that writes it.
#[derive(Debug)]
pub struct FrameReader {
    state: Arc<SpoolState>,
    /// The current segment and the end of its readable part. Its open file stays readable after a trim.
    segment: Option<(Segment, u64)>,
    /// The end of the last returned frame.
    position: u64,
    /// Bytes that were read and not yet returned. They begin at index `consumed`, and at `position` in the spool.
    buffer: Vec<u8>,
    consumed: usize,
}

/// A payload and its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Where the frame begins.
    pub position: u64,
    /// Where the next frame begins.
    pub end: u64,
    /// The bytes that were passed to [`Writer::frame`](crate::Writer::frame).
    pub payload: &'a [u8],
}

impl FrameReader {
    pub(crate) fn new(state: Arc<SpoolState>, position: u64) -> FrameReader {
        FrameReader { state, segment: None, position, buffer: Vec::new(), consumed: 0 }
    }

    /// The position after the last returned frame.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next frame; `None` at the synced position. After `None`, a later call can return a frame.
    ///
    /// After an error, the next call returns the same error.
    #[expect(clippy::should_implement_trait, reason = "a frame borrows the reader's buffer, an Iterator's item cannot")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        if self.position >= self.end() && !self.advance()? {
            return Ok(None);
        }
        self.fill(HEADER_BYTES)?;
        let (segment, _) = self.segment.as_ref().expect("`advance` has set it");
        let (base, salt) = (segment.header.base, segment.header.salt);
        let offset = (self.position - base) as u32;
        let Some(head) = FrameHeader::decode(&self.buffer[self.consumed..], offset, salt) else {
            return Err(self.corrupt("no frame begins here"));
        };
        self.fill(head.frame_bytes())?;
        if frame::payload(&self.buffer[self.consumed..], &head).is_none() {
            return Err(self.corrupt("a frame's checksum is wrong"));
        }
        let frame = self.consumed..self.consumed + head.frame_bytes();
        let position = self.position;
        self.consumed = frame.end;
        self.position += frame.len() as u64;
        Ok(Some(Frame { position, end: self.position, payload: &self.buffer[frame][HEADER_BYTES..] }))
    }

    /// The end of the readable part of the current segment.
    fn end(&self) -> u64 {
        self.segment.as_ref().map_or(0, |(_, end)| *end)
    }

    /// Looks up the segment that contains `position`; false at the synced position.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some((segment, end)) = self.state.find(self.position)? else { return Ok(false) };
        self.segment = Some((segment, end));
        Ok(true)
    }

    /// Ensures that the buffer holds at least `bytes` bytes from `consumed` on. They must lie below the end.
    fn fill(&mut self, bytes: usize) -> Result<(), Error> {
        let buffered = self.buffer.len() - self.consumed;
        if buffered >= bytes {
            return Ok(());
        }
        let (segment, end) = self.segment.as_ref().expect("`advance` comes first");
        if self.position + bytes as u64 > *end {
            return Err(self.corrupt("a frame passes the end of what was synced"));
        }
        self.buffer.copy_within(self.consumed.., 0);
        self.consumed = 0;
        let wanted = CHUNK_BYTES.max(bytes).min((end - self.position) as usize);
        self.buffer.resize(wanted, 0);
        let offset = header::BYTES as u64 + (self.position - segment.header.base) + buffered as u64;
        let file: &File = &segment.file;
        if let Err(error) = file.read_exact_at(&mut self.buffer[buffered..], offset) {
            let path = segment::path(&self.state.dir, segment.header.base);
            self.buffer.truncate(buffered);
            return Err(at("read", &path)(error));
        }
        Ok(())
    }

    fn corrupt(&self, what: &str) -> Error {
        let (segment, _) = self.segment.as_ref().expect("a segment was read");
        let file = segment::path(&self.state.dir, segment.header.base);
        Error::Corrupt { file, position: self.position, what: what.to_owned() }
    }
}
