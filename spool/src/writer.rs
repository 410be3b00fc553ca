//! Frames into commits, commits into segments. The only module that moves the synced position.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, fs::File, io};

use crate::Options;
use crate::error::{Error, io as at};
use crate::frame;
use crate::header::{self, SegmentHeader};
use crate::segment;
use crate::state::{Segment, SpoolState};

/// The only writer of a spool.
#[derive(Debug)]
pub struct Writer {
    state: Arc<SpoolState>,
    options: Options,
    /// The frames of the next commit.
    pending: Vec<u8>,
    pending_frames: u64,
    /// `None` after a failure: the next commit then begins a new segment first.
    active: Option<ActiveSegment>,
    /// Zeroes for the segment after the active one, finished or not. Their bytes are reserved.
    spare: Option<SpareZeroes>,
}

/// The thread that writes zeroes, and the flag that makes it stop pausing.
#[derive(Debug)]
struct SpareZeroes {
    thread: JoinHandle<Result<File, Error>>,
    urgent: Arc<AtomicBool>,
}

/// The segment that takes the next commits.
#[derive(Debug)]
struct ActiveSegment {
    file: Arc<File>,
    header: SegmentHeader,
    /// Bytes of frames, all synced.
    written: u64,
    /// Bytes of frames that fit into the segment.
    capacity: u64,
    first_commit: Option<Instant>,
}

/// A commit that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The position after the commit.
    pub position: u64,
    /// Its length in the spool.
    pub bytes: u64,
    /// Its number of frames.
    pub frames: u64,
    /// Duration of the write.
    pub write: Duration,
    /// Duration of the `fdatasync`.
    pub sync: Duration,
}

impl Writer {
    pub(crate) fn begin(state: Arc<SpoolState>, options: Options) -> Writer {
        let mut writer = Writer { state, options, pending: Vec::new(), pending_frames: 0, active: None, spare: None };
        if let Err(error) = writer.begin_segment(0) {
            tracing::warn!(%error, "spool: the first segment could not be made; each commit retries");
        }
        writer
    }

    /// Adds a frame to the pending commit.
    ///
    /// # Panics
    /// If the payload is above [`PAYLOAD_BYTES_MAX`](crate::PAYLOAD_BYTES_MAX) or the pending commit would be above
    /// [`COMMIT_BYTES_MAX`](crate::COMMIT_BYTES_MAX). The limits of the caller are far below both.
    pub fn frame(&mut self, payload: &[u8]) {
        frame::push(&mut self.pending, payload);
        self.pending_frames += 1;
    }

    /// The bytes that the pending commit will take in the spool.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Writes and syncs the pending frames as one commit. After `Ok` they are on disk and readers see them.
    ///
    /// After any error the pending frames are dropped and none of them is in the spool. (One exception: if the process
    /// is killed before the next segment begins, a commit whose `fdatasync` failed can be whole after the restart, but
    /// never together with a later commit.) Without pending frames, `commit` does nothing.
    pub fn commit(&mut self) -> Result<Committed, Error> {
        let (bytes, frames) = (self.pending.len() as u64, self.pending_frames);
        if frames == 0 {
            let position = self.state.synced();
            return Ok(Committed { position, bytes, frames, write: Duration::ZERO, sync: Duration::ZERO });
        }
        let result = self.ensure_capacity(bytes).and_then(|()| self.write_and_sync());
        self.pending.clear();
        self.pending_frames = 0;
        let (position, write, sync) = result?;
        self.prepare_spare();
        Ok(Committed { position, bytes, frames, write, sync })
    }

    /// Ends the active segment (for example at the close of a day), so that everything before can be trimmed. An empty
    /// segment is not ended.
    ///
    /// Pending frames stay pending. If the bound allows no further segment, the active one continues.
    pub fn end_segment(&mut self) -> Result<(), Error> {
        match &self.active {
            Some(active) if active.written == 0 => Ok(()),
            _ => self.begin_segment(0),
        }
    }

    /// Ensures that `bytes` fit into the active segment.
    fn ensure_capacity(&mut self, bytes: u64) -> Result<(), Error> {
        match &self.active {
            Some(active) if active.written + bytes <= active.capacity => {
                let is_old = active.first_commit.is_some_and(|first| first.elapsed() >= self.options.segment_age);
                match if is_old { self.begin_segment(bytes) } else { Ok(()) } {
                    // The active segment is old, but the commit fits and the bound allows no other segment.
                    Err(error) if self.active.is_some() => {
                        tracing::debug!(%error, "spool: an old segment continues");
                        Ok(())
                    }
                    other => other,
                }
            }
            _ => self.begin_segment(bytes),
        }
    }

    /// The only function that writes frames, and the only one that moves the synced position (after the sync).
    fn write_and_sync(&mut self) -> Result<(u64, Duration, Duration), Error> {
        let active = self.active.as_mut().expect("`ensure_capacity` has just set it");
        frame::seal(&mut self.pending, active.written as u32, active.header.salt);
        let start = Instant::now();
        let written = active.file.write_all_at(&self.pending, header::BYTES as u64 + active.written);
        let write = start.elapsed();
        let synced = match written {
            Ok(()) => active.file.sync_data().map_err(|error| ("sync", error)),
            Err(error) => Err(("write to", error)),
        };
        let sync = start.elapsed() - write;
        match synced {
            Ok(()) => {
                active.written += self.pending.len() as u64;
                active.first_commit.get_or_insert(start);
                let position = active.header.base + active.written;
                self.state.set_synced(position);
                Ok((position, write, sync))
            }
            Err((doing, source)) => {
                // After a failed sync the state of the kernel's pages is unknown, and a second `fdatasync` would not
                // reveal it. This file therefore gets no more commits. The next segment begins at once, because only
                // its header records on disk where this segment was last good.
                let path = segment::path(&self.state.dir, active.header.base);
                self.active = None;
                if let Err(error) = self.begin_segment(0) {
                    tracing::warn!(%error, "spool: the next segment could not be made; each commit retries");
                }
                Err(at(doing, &path)(source))
            }
        }
    }

    /// Ends the active segment and begins another with capacity for `bytes`.
    ///
    /// If the bound or the disk allows no new segment, nothing changes. After a later error there is no active segment.
    /// For a moment the disk holds the new segment and also the part that is then cut from the old one.
    fn begin_segment(&mut self, bytes: u64) -> Result<(), Error> {
        let salt = random_salt()?;
        let length = self.options.segment_bytes.max(header::BYTES as u64 + bytes);
        let dir = self.state.dir.clone();
        let spare = if length == self.options.segment_bytes { self.take_spare() } else { None };
        let (scratch, file) = match spare {
            Some(file) => (segment::spare_path(&dir), file),
            None => {
                self.state
                    .reserve(length, self.active.as_ref().map_or(0, |active| active.capacity - active.written))?;
                let scratch = segment::scratch_path(&dir);
                let file = segment::write_zeroes(&scratch, length, &AtomicBool::new(true))
                    .inspect_err(|_| self.state.release(length))?;
                (scratch, file)
            }
        };
        self.end_active();
        let header = SegmentHeader { salt, base: self.state.synced(), previous: self.state.previous() };
        segment::publish(&dir, &scratch, &file, &header).inspect_err(|_| self.state.release(length))?;
        let file = Arc::new(file);
        self.state.push(Segment { header, file: file.clone(), bytes: length });
        let capacity = length - header::BYTES as u64;
        self.active = Some(ActiveSegment { file, header, written: 0, capacity, first_commit: None });
        Ok(())
    }

    /// The prepared zeroes, if there are any and the thread succeeded. Otherwise the writer prepares its own and gets
    /// the error itself.
    fn take_spare(&mut self) -> Option<File> {
        let SpareZeroes { thread, urgent } = self.spare.take()?;
        urgent.store(true, Ordering::Release);
        thread.thread().unpark();
        let spare = thread.join().expect("writing zeroes does not panic");
        spare.inspect_err(|_| self.state.release(self.options.segment_bytes)).ok()
    }

    /// Cuts the active segment to the bytes written. If that fails, the next `open` cuts it.
    fn end_active(&mut self) {
        let Some(active) = self.active.take() else { return };
        let bytes = header::BYTES as u64 + active.written;
        match active.file.set_len(bytes) {
            Ok(()) => self.state.shorten_last(bytes),
            Err(error) => tracing::warn!(%error, base = active.header.base, "spool: an ended segment was not cut"),
        }
    }

    /// Starts a thread that writes the next segment's zeroes, once the active segment is half full. A quiet spool needs
    /// no spare.
    fn prepare_spare(&mut self) {
        let is_half_full = self.active.as_ref().is_some_and(|active| active.written > active.capacity / 2);
        let length = self.options.segment_bytes;
        if !is_half_full || self.spare.is_some() || self.state.reserve(length, 0).is_err() {
            return;
        }
        let path = segment::spare_path(&self.state.dir);
        let urgent = Arc::new(AtomicBool::new(false));
        let urgent_of_thread = Arc::clone(&urgent);
        let thread = thread::Builder::new().name("spool-zeroes".to_owned());
        match thread.spawn(move || segment::write_zeroes(&path, length, &urgent_of_thread)) {
            Ok(thread) => self.spare = Some(SpareZeroes { thread, urgent }),
            Err(_) => self.state.release(length), // The writer prepares its own zeroes later.
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.take_spare().is_some() {
            self.state.release(self.options.segment_bytes);
            // Best effort: otherwise the next `open` deletes it.
            let _ = fs::remove_file(segment::spare_path(&self.state.dir));
        }
    }
}

fn random_salt() -> Result<u32, Error> {
    getrandom::u32().map_err(|error| Error::Io {
        doing: "draw a salt for",
        path: "the spool".into(),
        source: io::Error::other(error.to_string()),
    })
}
