//! Segment files: names, zeroes, publishing, cutting. Knows the layout of files, not the content of frames.
//!
//! A segment is created in three steps: zeroes are written and synced under a scratch name, then the header is written,
//! then the file gets its real name. A file with a segment's name therefore always has a complete header. The zeroes
//! are really written, not only allocated: an `fdatasync` into written zeroes has no metadata to write (measured: the
//! fastest of the variants tried).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::error::{Error, io as at};
use crate::header::{self, SegmentHeader};

const SUFFIX: &str = ".segment";
/// Suffix of scratch files. Opening a spool deletes them.
const SCRATCH_SUFFIX: &str = ".new";

/// Zeroes that another thread prepares while the current segment fills.
pub(crate) fn spare_path(dir: &Path) -> PathBuf {
    dir.join("spare.new")
}

/// Zeroes that the writer prepares itself.
pub(crate) fn scratch_path(dir: &Path) -> PathBuf {
    dir.join("segment.new")
}

pub(crate) fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:020}{SUFFIX}"))
}

/// Creates `dir` and its missing parents, each accessible to its owner only, and syncs each into its parent.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dir(parent)?;
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at("make directory", dir)(error)),
        _ => sync_dir(parent),
    }
}

pub(crate) fn sync_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at("sync directory", dir))
}

/// The bases of the segments in `dir`, ascending. Deletes scratch files.
pub(crate) fn list(dir: &Path) -> Result<Vec<u64>, Error> {
    let mut bases = Vec::new();
    for entry in fs::read_dir(dir).map_err(at("list", dir))? {
        let name = entry.map_err(at("list", dir))?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(SCRATCH_SUFFIX) {
            let path = dir.join(name);
            fs::remove_file(&path).map_err(at("delete", &path))?;
        } else if let Some(digits) = name.strip_suffix(SUFFIX)
            && digits.len() == 20
            && let Ok(base) = digits.parse()
        {
            bases.push(base);
        }
    }
    bases.sort_unstable();
    Ok(bases)
}

/// A synced file of `length` zeroes under the scratch name `path`.
///
/// Unless `urgent` is set, the zeroes are written and synced in pieces with pauses between them. Written at once, the
/// 64 MiB delayed every concurrent commit (measured: by 20 to 35 ms, visible as a 99th percentile of its own).
pub(crate) fn write_zeroes(path: &Path, length: u64, urgent: &AtomicBool) -> Result<File, Error> {
    let written = try_write_zeroes(path, length, urgent);
    if written.is_err() {
        // Best effort: the returned error matters more, and opening deletes scratch files.
        let _ = fs::remove_file(path);
    }
    written
}

fn try_write_zeroes(path: &Path, length: u64, urgent: &AtomicBool) -> Result<File, Error> {
    static ZEROES: [u8; 1 << 18] = [0; 1 << 18];
    /// The pause after a piece, as a multiple of the time that the piece took. The disk serves others meanwhile.
    const PAUSE_FACTOR: u32 = 3;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(at("make", path))?;
    // Detects a full disk before it is filled. On a file system without `fallocate`, the writes detect it later.
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length) {
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(at("allocate", path)(error.into())),
    }
    let mut written = 0;
    while written < length {
        let piece = &ZEROES[..ZEROES.len().min((length - written) as usize)];
        let piece_start = Instant::now();
        file.write_all_at(piece, written).map_err(at("zero", path))?;
        written += piece.len() as u64;
        if written < length && !urgent.load(Ordering::Acquire) {
            file.sync_data().map_err(at("sync", path))?;
            thread::park_timeout(piece_start.elapsed() * PAUSE_FACTOR);
        }
    }
    file.sync_all().map_err(at("sync", path))?;
    Ok(file)
}

/// Writes the header into the zeroes at `scratch` and renames the file to its segment name. A file that already has
/// that name contains no commit and is replaced.
pub(crate) fn publish(dir: &Path, scratch: &Path, file: &File, header: &SegmentHeader) -> Result<(), Error> {
    let published = try_publish(dir, scratch, file, header);
    if published.is_err() {
        // Best effort, as above. After the rename there is no scratch file, and the next attempt replaces the segment.
        let _ = fs::remove_file(scratch);
    }
    published
}

fn try_publish(dir: &Path, scratch: &Path, file: &File, header: &SegmentHeader) -> Result<(), Error> {
    let path = path(dir, header.base);
    file.write_all_at(&header.encode(), 0).map_err(at("write header of", &path))?;
    file.sync_all().map_err(at("sync", &path))?;
    fs::rename(scratch, &path).map_err(at("rename to", &path))?;
    sync_dir(dir)
}

pub(crate) fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new().read(true).write(true).open(path).map_err(at("open", path))
}

/// Cuts a segment to `frames` bytes of frames and syncs it. A segment that is not longer stays as it is.
pub(crate) fn cut(file: &File, path: &Path, frames: u64) -> Result<(), Error> {
    let length = header::BYTES as u64 + frames;
    if file.metadata().map_err(at("read the length of", path))?.len() > length {
        file.set_len(length).and_then(|()| file.sync_all()).map_err(at("cut", path))?;
    }
    Ok(())
}
