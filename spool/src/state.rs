//! The list of segments and the synced position, shared by the writer, the readers and the trimmer.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::{Error, io as at};
use crate::header::SegmentHeader;
use crate::lock::DirLock;
use crate::segment;

/// A segment that is on disk under its name.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<File>,
    /// Length of the file.
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct SpoolState {
    pub(crate) dir: PathBuf,
    bytes_max: u64,
    /// Every byte below this position is on disk. Only the writer stores it, after its `fdatasync`.
    synced: AtomicU64,
    segments: Mutex<SegmentList>,
    /// Held while any part of this process may write, read or trim.
    _lock: DirLock,
}

#[derive(Debug)]
struct SegmentList {
    /// Ascending; each segment ends where the next begins. Empty only until the writer has begun its first segment.
    list: VecDeque<Segment>,
    /// Length of all files, reserved zeroes included.
    bytes: u64,
}

impl SpoolState {
    pub(crate) fn new(
        dir: &Path,
        bytes_max: u64,
        synced: u64,
        list: VecDeque<Segment>,
        lock: DirLock,
    ) -> Arc<SpoolState> {
        let bytes = list.iter().map(|segment| segment.bytes).sum();
        Arc::new(SpoolState {
            dir: dir.to_owned(),
            bytes_max,
            synced: AtomicU64::new(synced),
            segments: Mutex::new(SegmentList { list, bytes }),
            _lock: lock,
        })
    }

    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    pub(crate) fn set_synced(&self, position: u64) {
        self.synced.store(position, Ordering::Release);
    }

    /// Position of the first frame that is still on disk.
    pub(crate) fn start(&self) -> u64 {
        self.segments.lock().list.front().map_or(self.synced(), |first| first.header.base)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments.lock().bytes
    }

    pub(crate) fn segment_count(&self) -> usize {
        self.segments.lock().list.len()
    }

    /// Reserves `needed` bytes, counting on `freed` bytes that will be released. If the bound does not allow it,
    /// nothing is reserved.
    pub(crate) fn reserve(&self, needed: u64, freed: u64) -> Result<(), Error> {
        let mut segments = self.segments.lock();
        if segments.bytes - freed + needed > self.bytes_max {
            return Err(Error::Full { bytes: segments.bytes, needed, bytes_max: self.bytes_max });
        }
        segments.bytes += needed;
        Ok(())
    }

    /// Releases reserved bytes that were not written to disk.
    pub(crate) fn release(&self, bytes: u64) {
        self.segments.lock().bytes -= bytes;
    }

    /// Records that the last segment was cut to `bytes`.
    pub(crate) fn shorten_last(&self, bytes: u64) {
        let mut segments = self.segments.lock();
        let last = segments.list.back_mut().expect("the writer's segment is in the list");
        let freed = last.bytes - bytes;
        last.bytes = bytes;
        segments.bytes -= freed;
    }

    /// The `previous` of a new segment that begins at the synced position.
    pub(crate) fn previous(&self) -> Option<u64> {
        let synced = self.synced();
        let segments = self.segments.lock();
        let last = segments.list.back()?.header;
        if last.base == synced { last.previous } else { Some(last.base) }
    }

    /// Adds a new segment that is on disk and whose bytes were reserved. The new segment replaces an empty last one
    /// with the same base.
    pub(crate) fn push(&self, segment: Segment) {
        let mut segments = self.segments.lock();
        let SegmentList { list, bytes } = &mut *segments;
        if let Some(replaced) = list.pop_back_if(|last| last.header.base == segment.header.base) {
            *bytes -= replaced.bytes;
        }
        list.push_back(segment);
    }

    /// The segment that contains `position`, and the position up to which it can be read now (above `position`).
    pub(crate) fn find(&self, position: u64) -> Result<Option<(Segment, u64)>, Error> {
        let segments = self.segments.lock();
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

    /// Deletes the segments that lie entirely below `below`, oldest first. The newest segment always stays, because its
    /// name records the position.
    pub(crate) fn trim(&self, below: u64) -> Result<(), Error> {
        let mut segments = self.segments.lock();
        while let Some(next) = segments.list.get(1)
            && next.header.base <= below
        {
            let path = segment::path(&self.dir, segments.list[0].header.base);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at("delete", &path)(error)),
                _ => {}
            }
            let first = segments.list.pop_front().expect("the list has two segments");
            segments.bytes -= first.bytes;
        }
        Ok(())
    }
}
