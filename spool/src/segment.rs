//! Files: names, zeroes, publishing, cutting. Knows where bytes lie, not what frames are.
//!
//! A segment is written with zeroes and synced under a scratch name, then gets its header, and only then its real
//! name: a file with a segment's name always has a whole header. Zeroes are really written, not only allocated: an
//! `fdatasync` into them has no metadata to write (measured: the fastest of the ways tried).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use crate::error::{Error, io as at};
use crate::header::{self, Header};

const SUFFIX: &str = ".segment";
/// Scratch names end so; opening deletes them.
const SCRATCH_SUFFIX: &str = ".new";

/// Zeroes prepared by another thread while the segment before fills.
pub(crate) fn spare_path(dir: &Path) -> PathBuf {
    dir.join("spare.new")
}

/// Zeroes prepared by the writer itself.
pub(crate) fn scratch_path(dir: &Path) -> PathBuf {
    dir.join("segment.new")
}

pub(crate) fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:020}{SUFFIX}"))
}

/// Makes `dir` and what is missing above it, each only for its owner, each synced into its parent.
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

/// Bases of the segments in `dir`, ascending; scratch files are deleted.
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

/// A synced file of `length` zeroes under the scratch name `path`. Until it is `urgent` it goes to disk piece by piece,
/// with rests between: written at once, it had every commit meanwhile wait for 64 MiB (measured: 20 to 35 ms, a 99th
/// percentile of its own).
pub(crate) fn zeroes(path: &Path, length: u64, urgent: &AtomicBool) -> Result<File, Error> {
    let made = make_zeroes(path, length, urgent);
    if made.is_err() {
        // Best effort: the error that matters is the one returned, and opening deletes scratch files.
        let _ = fs::remove_file(path);
    }
    made
}

fn make_zeroes(path: &Path, length: u64, urgent: &AtomicBool) -> Result<File, Error> {
    static ZEROES: [u8; 1 << 18] = [0; 1 << 18];
    /// So many times as long as a piece took, the disk is left to others.
    const REST: u32 = 3;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(at("make", path))?;
    // Only to learn of a full disk before filling it; file systems without it learn the slow way.
    match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, length) {
        Ok(()) | Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        Err(error) => return Err(at("allocate", path)(error.into())),
    }
    let mut written = 0;
    while written < length {
        let piece = &ZEROES[..ZEROES.len().min((length - written) as usize)];
        let begun = Instant::now();
        file.write_all_at(piece, written).map_err(at("zero", path))?;
        written += piece.len() as u64;
        if written < length && !urgent.load(Ordering::Acquire) {
            file.sync_data().map_err(at("sync", path))?;
            thread::park_timeout(begun.elapsed() * REST);
        }
    }
    file.sync_all().map_err(at("sync", path))?;
    Ok(file)
}

/// Gives the zeroes at `scratch` their header and their name; whatever had that name held no commit.
pub(crate) fn publish(dir: &Path, scratch: &Path, file: &File, header: &Header) -> Result<(), Error> {
    let published = make_public(dir, scratch, file, header);
    if published.is_err() {
        // Best effort, as above; after the renaming it is not there, and what has the name now is replaced next time.
        let _ = fs::remove_file(scratch);
    }
    published
}

fn make_public(dir: &Path, scratch: &Path, file: &File, header: &Header) -> Result<(), Error> {
    let path = path(dir, header.base);
    file.write_all_at(&header.bytes(), 0).map_err(at("write header of", &path))?;
    file.sync_all().map_err(at("sync", &path))?;
    fs::rename(scratch, &path).map_err(at("rename to", &path))?;
    sync_dir(dir)
}

pub(crate) fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new().read(true).write(true).open(path).map_err(at("open", path))
}

/// Cuts a segment to `frames` bytes of frames, synced; nothing happens to one that is no longer than that.
pub(crate) fn cut(file: &File, path: &Path, frames: u64) -> Result<(), Error> {
    let length = header::BYTES as u64 + frames;
    if file.metadata().map_err(at("look at", path))?.len() > length {
        file.set_len(length).and_then(|()| file.sync_all()).map_err(at("cut", path))?;
    }
    Ok(())
}
