//! A directory after a crash -> readable segments, and a report of what was cut.
//!
//! Only the last segment is read frame by frame, so the time of a start does not grow with the size of the spool. Of
//! the other segments, recovery checks headers and lengths; readers verify each frame. Recovery ends the last segment:
//! a process never writes into a file of an earlier process.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, io as at};
use crate::header::{self, HeaderError, SegmentHeader};
use crate::lock::DirLock;
use crate::scan::{self, Tail};
use crate::segment;
use crate::state::{Segment, SpoolState};

/// The result of opening a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Position of the first frame on disk.
    pub start: u64,
    /// Where the next commit begins.
    pub position: u64,
    /// Torn tails that were cut: 0 or 1.
    pub torn_tails: u32,
    /// Bytes of the torn tail. They are lost.
    pub torn_bytes: u64,
    /// Bytes of failed commits that were cut. A failed commit lies behind the position where the next segment begins.
    pub failed_bytes: u64,
    /// The directory held no segment although a reader had committed a position. Positions continue from there; all
    /// frames below are lost.
    pub restarted: bool,
}

pub(crate) fn recover(dir: &Path, bytes_max: u64, committed: u64) -> Result<(Arc<SpoolState>, Recovery), Error> {
    segment::make_dir(dir)?;
    let lock = DirLock::acquire(dir)?;
    let bases = segment::list(dir)?;
    let mut recovery =
        Recovery { start: committed, position: committed, restarted: committed > 0, ..Recovery::default() };
    let mut list = VecDeque::with_capacity(bases.len() + 1);
    let mut previous = None;
    for (index, base) in bases.iter().enumerate() {
        let found = match bases.get(index + 1) {
            Some(next) => recover_ended(dir, *base, *next, &mut recovery)?,
            None => recover_last(dir, *base, previous, &mut recovery)?,
        };
        if index > 0 && found.header.previous != previous {
            let what = format!("a segment between {previous:?} and this one is missing");
            return Err(Error::Corrupt { file: segment::path(dir, *base), position: *base, what });
        }
        previous = Some(*base);
        list.push_back(found);
    }
    if let Some(base) = previous {
        recovery.restarted = false;
        recovery.start = bases[0];
        if recovery.position < committed {
            let what = format!("the spool ends here, but a reader has committed position {committed}");
            return Err(Error::Corrupt { file: segment::path(dir, base), position: recovery.position, what });
        }
    } else if recovery.restarted {
        tracing::warn!(position = committed, "spool: the directory is empty; its frames are lost, positions continue");
    }
    Ok((SpoolState::new(dir, bytes_max, recovery.position, list, lock), recovery))
}

/// Recovers a segment that another segment follows. It is good up to `end`; bytes beyond are failed commits.
fn recover_ended(dir: &Path, base: u64, end: u64, recovery: &mut Recovery) -> Result<Segment, Error> {
    let path = segment::path(dir, base);
    let file = segment::open(&path)?;
    let header = read_header(&file, &path, base)?;
    let length = header::BYTES as u64 + (end - base);
    let found = file.metadata().map_err(at("read the length of", &path))?.len();
    if found < length {
        let what = format!("it has {found} bytes, but its successor's header implies {length}");
        return Err(Error::Corrupt { file: path, position: base + found.saturating_sub(header::BYTES as u64), what });
    }
    if found > length {
        let mut beyond = vec![0; (found - length) as usize];
        file.read_exact_at(&mut beyond, length).map_err(at("read", &path))?;
        let failed = scan::written_bytes(&beyond) as u64;
        if failed > 0 {
            tracing::warn!(file = %path.display(), position = end, bytes = failed, "spool: failed commits cut");
        }
        recovery.failed_bytes += failed;
        segment::cut(&file, &path, end - base)?;
    }
    Ok(Segment { header, file: Arc::new(file), bytes: length })
}

/// Recovers the last segment, which a crash may have torn. It is good up to its last whole commit.
fn recover_last(dir: &Path, base: u64, previous: Option<u64>, recovery: &mut Recovery) -> Result<Segment, Error> {
    let path = segment::path(dir, base);
    let file = segment::open(&path)?;
    let found = file.metadata().map_err(at("read the length of", &path))?.len();
    if found < header::BYTES as u64 {
        // The file ends inside its header, so it has no salt and no frame: an empty segment.
        report_torn(&path, base, found, recovery);
        let header = SegmentHeader { salt: 0, base, previous };
        recovery.position = base;
        return Ok(Segment { header, file: Arc::new(file), bytes: found });
    }
    let header = read_header(&file, &path, base)?;
    let mut frames = vec![0; (found - header::BYTES as u64) as usize];
    file.read_exact_at(&mut frames, header::BYTES as u64).map_err(at("read", &path))?;
    let scan = scan::scan(&frames, header.salt);
    recovery.position = base + u64::from(scan.good);
    match scan.tail {
        Tail::Empty => {}
        Tail::Torn { bytes } => report_torn(&path, recovery.position, bytes.into(), recovery),
        Tail::Corrupt { found } => {
            let what = format!("a later commit, at {}, was synced after it", base + u64::from(found));
            return Err(Error::Corrupt { file: path, position: recovery.position, what });
        }
    }
    segment::cut(&file, &path, scan.good.into())?;
    Ok(Segment { header, file: Arc::new(file), bytes: header::BYTES as u64 + u64::from(scan.good) })
}

fn report_torn(path: &Path, position: u64, bytes: u64, recovery: &mut Recovery) {
    recovery.torn_tails += 1;
    recovery.torn_bytes += bytes;
    tracing::warn!(file = %path.display(), position, bytes, "spool: torn tail cut");
}

fn read_header(file: &File, path: &Path, base: u64) -> Result<SegmentHeader, Error> {
    let corrupt = |what: &str| Error::Corrupt { file: path.to_owned(), position: base, what: what.to_owned() };
    let mut bytes = [0; header::BYTES];
    file.read_exact_at(&mut bytes, 0).map_err(|_| corrupt("its header is incomplete"))?;
    match SegmentHeader::decode(&bytes) {
        Ok(header) if header.base == base => Ok(header),
        Ok(header) => Err(corrupt(&format!("it was written as the segment at {}", header.base))),
        Err(HeaderError::Damaged) => Err(corrupt("its header is damaged")),
        Err(HeaderError::Version(version)) => Err(Error::Version { file: path.to_owned(), version }),
    }
}
