//! Frames into commits, commits into segments. The only place that moves the synced position.

use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, fs::File, io};

use crate::Options;
use crate::error::{Error, io as at};
use crate::frame;
use crate::header::{self, Header};
use crate::segment;
use crate::shared::{Segment, Shared};

/// The one writer of a spool.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    options: Options,
    /// The frames of the next commit.
    pending: Vec<u8>,
    pending_frames: u64,
    /// `None` after a failure: then the next commit begins a segment first.
    active: Option<Active>,
    /// Zeroes for the segment after the active one, in the making or made; their bytes are reserved.
    spare: Option<Spare>,
}

/// The thread that writes zeroes, and what tells it to rest no longer.
#[derive(Debug)]
struct Spare {
    thread: JoinHandle<Result<File, Error>>,
    urgent: Arc<AtomicBool>,
}

/// The segment that commits go to.
#[derive(Debug)]
struct Active {
    file: Arc<File>,
    header: Header,
    /// Bytes of frames, all synced.
    written: u64,
    /// Bytes of frames it has room for.
    room: u64,
    first_commit: Option<Instant>,
}

/// A commit that is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The position after it.
    pub position: u64,
    /// Its length in the spool.
    pub bytes: u64,
    /// How many frames it has.
    pub frames: u64,
    /// How long the write took.
    pub write: Duration,
    /// How long `fdatasync` took.
    pub sync: Duration,
}

impl Writer {
    pub(crate) fn begin(shared: Arc<Shared>, options: Options) -> Writer {
        let mut writer = Writer { shared, options, pending: Vec::new(), pending_frames: 0, active: None, spare: None };
        if let Err(error) = writer.begin_segment(0) {
            tracing::warn!(%error, "spool: no segment to write to yet; each commit tries again");
        }
        writer
    }

    /// Adds a frame to the pending commit.
    ///
    /// # Panics
    /// If the payload is above [`PAYLOAD_BYTES_MAX`](crate::PAYLOAD_BYTES_MAX) or the pending commit would be above
    /// [`COMMIT_BYTES_MAX`](crate::COMMIT_BYTES_MAX): the caller has limits far below.
    pub fn frame(&mut self, payload: &[u8]) {
        frame::push(&mut self.pending, payload);
        self.pending_frames += 1;
    }

    /// Bytes the pending commit will take in the spool.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Writes and syncs the pending frames as one; when this returns `Ok` they are on disk and readers see them.
    ///
    /// On any error the pending frames are dropped and not one of them is in the spool. (If the process is killed
    /// before the next segment could be begun, a commit whose `fdatasync` failed may be found whole after the restart;
    /// it is never there beside a later one.) Without pending frames this does nothing.
    pub fn commit(&mut self) -> Result<Committed, Error> {
        let (bytes, frames) = (self.pending.len() as u64, self.pending_frames);
        if frames == 0 {
            let position = self.shared.synced();
            return Ok(Committed { position, bytes, frames, write: Duration::ZERO, sync: Duration::ZERO });
        }
        let result = self.make_room(bytes).and_then(|()| self.write_and_sync());
        self.pending.clear();
        self.pending_frames = 0;
        let (position, write, sync) = result?;
        self.prepare_spare();
        Ok(Committed { position, bytes, frames, write, sync })
    }

    /// Ends the segment (say at a close), so that all before can be trimmed; an empty one just goes on.
    ///
    /// Pending frames stay pending. When there is no room for another segment the old one goes on.
    pub fn end_segment(&mut self) -> Result<(), Error> {
        match &self.active {
            Some(active) if active.written == 0 => Ok(()),
            _ => self.begin_segment(0),
        }
    }

    /// Sees to it that the active segment takes `bytes`.
    fn make_room(&mut self, bytes: u64) -> Result<(), Error> {
        match &self.active {
            Some(active) if active.written + bytes <= active.room => {
                let aged = active.first_commit.is_some_and(|first| first.elapsed() >= self.options.segment_age);
                match if aged { self.begin_segment(bytes) } else { Ok(()) } {
                    // Old, but there is room in it and for no other.
                    Err(error) if self.active.is_some() => {
                        tracing::debug!(%error, "spool: an old segment goes on");
                        Ok(())
                    }
                    other => other,
                }
            }
            _ => self.begin_segment(bytes),
        }
    }

    /// The only function that writes frames, and the only one that moves the synced position: after the sync.
    fn write_and_sync(&mut self) -> Result<(u64, Duration, Duration), Error> {
        let active = self.active.as_mut().expect("`make_room` has just seen to it");
        frame::seal(&mut self.pending, active.written as u32, active.header.salt);
        let begun = Instant::now();
        let written = active.file.write_all_at(&self.pending, header::BYTES as u64 + active.written);
        let write = begun.elapsed();
        let synced = match written {
            Ok(()) => active.file.sync_data().map_err(|error| ("sync", error)),
            Err(error) => Err(("write to", error)),
        };
        let sync = begun.elapsed() - write;
        match synced {
            Ok(()) => {
                active.written += self.pending.len() as u64;
                active.first_commit.get_or_insert(begun);
                let position = active.header.base + active.written;
                self.shared.set_synced(position);
                Ok((position, write, sync))
            }
            Err((doing, source)) => {
                // What the kernel made of those pages is unknown, and a second fdatasync would not tell: this file
                // gets no more commits. Its successor is begun at once, since only that says on disk where it was good.
                let path = segment::path(&self.shared.dir, active.header.base);
                self.active = None;
                if let Err(error) = self.begin_segment(0) {
                    tracing::warn!(%error, "spool: no segment to go on in; each commit tries again");
                }
                Err(at(doing, &path)(source))
            }
        }
    }

    /// Ends the active segment and begins another with room for `bytes`. When there is no room or no disk for one,
    /// nothing has changed (for a moment there is both the new one and what is then cut from the old); on later errors
    /// there is no active segment.
    fn begin_segment(&mut self, bytes: u64) -> Result<(), Error> {
        let salt = salt()?;
        let length = self.options.segment_bytes.max(header::BYTES as u64 + bytes);
        let dir = self.shared.dir.clone();
        let spare = if length == self.options.segment_bytes { self.take_spare() } else { None };
        let (scratch, file) = match spare {
            Some(file) => (segment::spare_path(&dir), file),
            None => {
                self.shared.reserve(length, self.active.as_ref().map_or(0, |active| active.room - active.written))?;
                let scratch = segment::scratch_path(&dir);
                let file = segment::zeroes(&scratch, length, &AtomicBool::new(true))
                    .inspect_err(|_| self.shared.release(length))?;
                (scratch, file)
            }
        };
        self.end_active();
        let header = Header { salt, base: self.shared.synced(), previous: self.shared.previous() };
        segment::publish(&dir, &scratch, &file, &header).inspect_err(|_| self.shared.release(length))?;
        let file = Arc::new(file);
        self.shared.push(Segment { header, file: file.clone(), bytes: length });
        let room = length - header::BYTES as u64;
        self.active = Some(Active { file, header, written: 0, room, first_commit: None });
        Ok(())
    }

    /// The zeroes prepared, if any were and it worked; if not, the writer makes its own and hears of what is wrong.
    fn take_spare(&mut self) -> Option<File> {
        let Spare { thread, urgent } = self.spare.take()?;
        urgent.store(true, Ordering::Release);
        thread.thread().unpark();
        let spare = thread.join().expect("writing zeroes does not panic");
        spare.inspect_err(|_| self.shared.release(self.options.segment_bytes)).ok()
    }

    /// Cuts the active segment to what is written; if that fails, opening will do it.
    fn end_active(&mut self) {
        let Some(active) = self.active.take() else { return };
        let bytes = header::BYTES as u64 + active.written;
        match active.file.set_len(bytes) {
            Ok(()) => self.shared.shorten_last(bytes),
            Err(error) => tracing::warn!(%error, base = active.header.base, "spool: an ended segment was not cut"),
        }
    }

    /// Has the next segment's zeroes written by another thread once the active one is half full: quiet spools need none.
    fn prepare_spare(&mut self) {
        let half_full = self.active.as_ref().is_some_and(|active| active.written > active.room / 2);
        let length = self.options.segment_bytes;
        if !half_full || self.spare.is_some() || self.shared.reserve(length, 0).is_err() {
            return;
        }
        let path = segment::spare_path(&self.shared.dir);
        let urgent = Arc::new(AtomicBool::new(false));
        let hears = Arc::clone(&urgent);
        let thread = thread::Builder::new().name("spool-zeroes".to_owned());
        match thread.spawn(move || segment::zeroes(&path, length, &hears)) {
            Ok(thread) => self.spare = Some(Spare { thread, urgent }),
            Err(_) => self.shared.release(length), // The writer makes its own.
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.take_spare().is_some() {
            self.shared.release(self.options.segment_bytes);
            // Best effort: opening deletes it otherwise.
            let _ = fs::remove_file(segment::spare_path(&self.shared.dir));
        }
    }
}

fn salt() -> Result<u32, Error> {
    getrandom::u32().map_err(|error| Error::Io {
        doing: "draw a salt for",
        path: "the spool".into(),
        source: io::Error::other(error.to_string()),
    })
}
