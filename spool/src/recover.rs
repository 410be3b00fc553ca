//! A directory as a crash left it -> segments that may be read, and what was cut.
//!
//! Only the last segment is read frame by frame, so that a start takes no longer the more is held. Of the others the
//! headers and lengths are checked; readers verify each frame. The last segment is ended: no process writes into a
//! file that another one left.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, io as at};
use crate::header::{self, Header, Unread};
use crate::lock::Lock;
use crate::scan::{self, Tail};
use crate::segment;
use crate::shared::{Segment, Shared};

/// What opening found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// The first position held.
    pub start: u64,
    /// Where the next commit begins.
    pub position: u64,
    /// Torn tails cut: 0 or 1.
    pub torn_tails: u32,
    /// Bytes of the torn tail; they are gone.
    pub torn_bytes: u64,
    /// Bytes of failed commits, cut where the next segment says that theirs was good.
    pub failed_bytes: u64,
    /// The directory held no segment though a reader had committed: positions go on, everything below is gone.
    pub restarted: bool,
}

pub(crate) fn recover(dir: &Path, bytes_max: u64, committed: u64) -> Result<(Arc<Shared>, Recovery), Error> {
    segment::make_dir(dir)?;
    let lock = Lock::take(dir)?;
    let bases = segment::list(dir)?;
    let mut recovery =
        Recovery { start: committed, position: committed, restarted: committed > 0, ..Recovery::default() };
    let mut list = VecDeque::with_capacity(bases.len() + 1);
    let mut previous = None;
    for (index, base) in bases.iter().enumerate() {
        let found = match bases.get(index + 1) {
            Some(next) => ended(dir, *base, *next, &mut recovery)?,
            None => last(dir, *base, previous, &mut recovery)?,
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
        tracing::warn!(position = committed, "spool: the directory is empty; what it held is gone, positions go on");
    }
    Ok((Shared::new(dir, bytes_max, recovery.position, list, lock), recovery))
}

/// A segment that another follows: good up to `end`, whatever lies beyond.
fn ended(dir: &Path, base: u64, end: u64, recovery: &mut Recovery) -> Result<Segment, Error> {
    let path = segment::path(dir, base);
    let file = segment::open(&path)?;
    let header = read_header(&file, &path, base)?;
    let length = header::BYTES as u64 + (end - base);
    let held = file.metadata().map_err(at("look at", &path))?.len();
    if held < length {
        let what = format!("it holds {held} bytes, but the next segment says {length}");
        return Err(Error::Corrupt { file: path, position: base + held.saturating_sub(header::BYTES as u64), what });
    }
    if held > length {
        let mut beyond = vec![0; (held - length) as usize];
        file.read_exact_at(&mut beyond, length).map_err(at("read", &path))?;
        let failed = scan::written(&beyond) as u64;
        if failed > 0 {
            tracing::warn!(file = %path.display(), position = end, bytes = failed, "spool: failed commits cut");
        }
        recovery.failed_bytes += failed;
        segment::cut(&file, &path, end - base)?;
    }
    Ok(Segment { header, file: Arc::new(file), bytes: length })
}

/// The segment a crash may have torn: good up to its last whole commit.
fn last(dir: &Path, base: u64, previous: Option<u64>, recovery: &mut Recovery) -> Result<Segment, Error> {
    let path = segment::path(dir, base);
    let file = segment::open(&path)?;
    let held = file.metadata().map_err(at("look at", &path))?.len();
    if held < header::BYTES as u64 {
        // Cut inside its header, so nothing follows, not even the salt: an empty segment.
        torn(&path, base, held, recovery);
        let header = Header { salt: 0, base, previous };
        recovery.position = base;
        return Ok(Segment { header, file: Arc::new(file), bytes: held });
    }
    let header = read_header(&file, &path, base)?;
    let mut frames = vec![0; (held - header::BYTES as u64) as usize];
    file.read_exact_at(&mut frames, header::BYTES as u64).map_err(at("read", &path))?;
    let scan = scan::scan(&frames, header.salt);
    recovery.position = base + u64::from(scan.good);
    match scan.tail {
        Tail::Empty => {}
        Tail::Torn { bytes } => torn(&path, recovery.position, bytes.into(), recovery),
        Tail::Corrupt { found } => {
            let what = format!("a later commit, at {}, was synced after it", base + u64::from(found));
            return Err(Error::Corrupt { file: path, position: recovery.position, what });
        }
    }
    segment::cut(&file, &path, scan.good.into())?;
    Ok(Segment { header, file: Arc::new(file), bytes: header::BYTES as u64 + u64::from(scan.good) })
}

fn torn(path: &Path, position: u64, bytes: u64, recovery: &mut Recovery) {
    recovery.torn_tails += 1;
    recovery.torn_bytes += bytes;
    tracing::warn!(file = %path.display(), position, bytes, "spool: torn tail cut");
}

fn read_header(file: &File, path: &Path, base: u64) -> Result<Header, Error> {
    let corrupt = |what: &str| Error::Corrupt { file: path.to_owned(), position: base, what: what.to_owned() };
    let mut bytes = [0; header::BYTES];
    file.read_exact_at(&mut bytes, 0).map_err(|_| corrupt("its header is not whole"))?;
    match Header::read(&bytes) {
        Ok(header) if header.base == base => Ok(header),
        Ok(header) => Err(corrupt(&format!("it was written as the segment at {}", header.base))),
        Err(Unread::Damaged) => Err(corrupt("its header is damaged")),
        Err(Unread::Version(version)) => Err(Error::Version { file: path.to_owned(), version }),
    }
}
