//! What the writer, the readers and the trimmer agree on: which segments there are, and what is synced.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::error::{Error, io as at};
use crate::header::Header;
use crate::lock::Lock;
use crate::reader::Reader;
use crate::segment;

/// A segment that is on disk under its name.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) file: Arc<File>,
    /// Length of the file.
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    bytes_max: u64,
    /// Everything below is on disk. Stored by the writer only, after its `fdatasync`.
    synced: AtomicU64,
    segments: Mutex<Segments>,
    /// Held for as long as anyone may write, read or trim.
    _lock: Lock,
}

#[derive(Debug)]
pub(crate) struct Segments {
    /// Ascending, each ending where the next begins. Empty only until the writer has made its first.
    pub(crate) list: VecDeque<Segment>,
    /// Of all files, spare zeroes included.
    bytes: u64,
}

impl Shared {
    pub(crate) fn new(dir: &Path, bytes_max: u64, synced: u64, list: VecDeque<Segment>, lock: Lock) -> Arc<Shared> {
        let bytes = list.iter().map(|segment| segment.bytes).sum();
        Arc::new(Shared {
            dir: dir.to_owned(),
            bytes_max,
            synced: AtomicU64::new(synced),
            segments: Mutex::new(Segments { list, bytes }),
            _lock: lock,
        })
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    pub(crate) fn set_synced(&self, position: u64) {
        self.synced.store(position, Ordering::Release);
    }

    fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().expect("nothing panics while it holds this lock")
    }

    /// Books `needed` bytes, given that `freed` will be given back; nothing is booked when it does not fit.
    pub(crate) fn reserve(&self, needed: u64, freed: u64) -> Result<(), Error> {
        let mut segments = self.segments();
        if segments.bytes - freed + needed > self.bytes_max {
            return Err(Error::Full { bytes: segments.bytes, needed, bytes_max: self.bytes_max });
        }
        segments.bytes += needed;
        Ok(())
    }

    /// Gives back what was reserved and is not on disk after all.
    pub(crate) fn release(&self, bytes: u64) {
        self.segments().bytes -= bytes;
    }

    /// The last segment was cut to `bytes`.
    pub(crate) fn shorten_last(&self, bytes: u64) {
        let mut segments = self.segments();
        let last = segments.list.back_mut().expect("the writer's segment is in the list");
        let freed = last.bytes - bytes;
        last.bytes = bytes;
        segments.bytes -= freed;
    }

    /// What a new segment at the synced position has for `previous`.
    pub(crate) fn previous(&self) -> Option<u64> {
        let synced = self.synced();
        let segments = self.segments();
        let last = segments.list.back()?.header;
        if last.base == synced { last.previous } else { Some(last.base) }
    }

    /// A new segment is on disk; its bytes were reserved. It takes the place of one that begins at the same position.
    pub(crate) fn push(&self, segment: Segment) {
        let mut segments = self.segments();
        if segments.list.back().is_some_and(|last| last.header.base == segment.header.base) {
            let replaced = segments.list.pop_back().expect("it was just looked at");
            segments.bytes -= replaced.bytes;
        }
        segments.list.push_back(segment);
    }

    /// The segment that holds `position`, and the position up to which it may be read now (above `position`).
    pub(crate) fn find(&self, position: u64) -> Result<Option<(Segment, u64)>, Error> {
        let segments = self.segments();
        let synced = self.synced();
        let start = segments.list.front().map_or(synced, |first| first.header.base);
        if position < start {
            return Err(Error::Trimmed { position, start });
        }
        if position >= synced {
            return if position == synced { Ok(None) } else { Err(Error::Beyond { position, synced }) };
        }
        let after = segments.list.partition_point(|segment| segment.header.base <= position);
        let end = segments.list.get(after).map_or(synced, |next| next.header.base);
        Ok(Some((segments.list[after - 1].clone(), end)))
    }
}

/// The readers' and the operator's side of a spool; clones are the same spool.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(crate) fn new(shared: Arc<Shared>) -> Handle {
        Handle { shared }
    }

    /// The position up to which everything is on disk and may be read.
    pub fn synced(&self) -> u64 {
        self.shared.synced()
    }

    /// The first position still held.
    pub fn start(&self) -> u64 {
        let segments = self.shared.segments();
        segments.list.front().map_or(self.shared.synced(), |first| first.header.base)
    }

    /// Bytes of all files on disk, zeroes ahead included.
    pub fn bytes(&self) -> u64 {
        self.shared.segments().bytes
    }

    /// Segments on disk.
    pub fn segments(&self) -> usize {
        self.shared.segments().list.len()
    }

    /// A reader whose first frame is the one at `from`, which is a frame's position or end.
    pub fn reader(&self, from: u64) -> Result<Reader, Error> {
        self.shared.find(from)?;
        Ok(Reader::new(self.shared.clone(), from))
    }

    /// Deletes the segments that lie entirely below `below`, oldest first; never the newest, which carries the position.
    ///
    /// A reader still inside a deleted segment can read it to its end.
    pub fn trim(&self, below: u64) -> Result<(), Error> {
        let mut segments = self.shared.segments();
        while let Some(next) = segments.list.get(1)
            && next.header.base <= below
        {
            let path = segment::path(&self.shared.dir, segments.list[0].header.base);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at("delete", &path)(error)),
                _ => {}
            }
            let first = segments.list.pop_front().expect("there are two");
            segments.bytes -= first.bytes;
        }
        Ok(())
    }
}
