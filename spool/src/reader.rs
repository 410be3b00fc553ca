//! Frames in order, up to the synced position; each is verified before anyone sees it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::error::{Error, io as at};
use crate::frame::{self, HEADER_BYTES};
use crate::header;
use crate::segment;
use crate::shared::{Segment, Shared};

/// How much is read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Reads a spool from some position on, in the process that writes it.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    /// The segment being read; its file stays readable when it is trimmed.
    segment: Option<(Segment, u64)>,
    /// After the last frame returned.
    position: u64,
    /// Bytes read and not yet returned begin at `consumed` in here, and at `position` in the spool.
    buffer: Vec<u8>,
    consumed: usize,
}

/// A payload and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Where the frame begins.
    pub position: u64,
    /// Where the next one begins.
    pub end: u64,
    /// What was given to [`Writer::frame`](crate::Writer::frame).
    pub payload: &'a [u8],
}

impl Reader {
    pub(crate) fn new(shared: Arc<Shared>, position: u64) -> Reader {
        Reader { shared, segment: None, position, buffer: Vec::new(), consumed: 0 }
    }

    /// The position after the last frame returned.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next frame; `None` at the synced position, where asking again later may give one.
    ///
    /// After an error, asking again gives the same error.
    #[expect(clippy::should_implement_trait, reason = "a frame borrows the reader's buffer, an Iterator's item cannot")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, Error> {
        if self.position >= self.end() && !self.advance()? {
            return Ok(None);
        }
        self.fill(HEADER_BYTES)?;
        let (base, salt) =
            self.segment.as_ref().map(|(segment, _)| (segment.header.base, segment.header.salt)).expect("advanced");
        let offset = (self.position - base) as u32;
        let Some(head) = frame::Header::read(&self.buffer[self.consumed..], offset, salt) else {
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

    /// Up to where the segment at hand may be read.
    fn end(&self) -> u64 {
        self.segment.as_ref().map_or(0, |(_, end)| *end)
    }

    /// Looks up the segment that holds `position`; false at the synced position.
    fn advance(&mut self) -> Result<bool, Error> {
        let Some((segment, end)) = self.shared.find(self.position)? else { return Ok(false) };
        self.segment = Some((segment, end));
        Ok(true)
    }

    /// Has at least `bytes` bytes at `consumed`, which must lie below the end.
    fn fill(&mut self, bytes: usize) -> Result<(), Error> {
        let held = self.buffer.len() - self.consumed;
        if held >= bytes {
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
        let offset = header::BYTES as u64 + (self.position - segment.header.base) + held as u64;
        let file: &File = &segment.file;
        if let Err(error) = file.read_exact_at(&mut self.buffer[held..], offset) {
            let path = segment::path(&self.shared.dir, segment.header.base);
            self.buffer.truncate(held);
            return Err(at("read", &path)(error));
        }
        Ok(())
    }

    fn corrupt(&self, what: &str) -> Error {
        let (segment, _) = self.segment.as_ref().expect("something was read");
        let file = segment::path(&self.shared.dir, segment.header.base);
        Error::Corrupt { file, position: self.position, what: what.to_owned() }
    }
}
