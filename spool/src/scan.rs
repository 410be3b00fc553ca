//! The frames of the last segment after a crash -> whole commits and the tail behind them. Pure.
//!
//! A commit is written only after the commit before it was synced. Therefore:
//!
//! * If a bad frame is followed only by frames of its own commit, a crash interrupted the write: a torn tail.
//! * If a bad frame is followed by a frame of a later commit, the bad frame was good once: corruption.

use crate::frame::{self, FrameHeader};

/// The result of a scan of a segment's frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The end of the last whole commit.
    pub(crate) good: u32,
    pub(crate) tail: Tail,
}

/// The bytes behind the last whole commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// No bytes, or zeroes.
    Empty,
    /// This many bytes of an incomplete commit.
    Torn { bytes: u32 },
    /// A commit is incomplete, and the frame at `found` belongs to another commit: corruption.
    Corrupt { found: u32 },
}

pub(crate) fn scan(bytes: &[u8], salt: u32) -> Scan {
    let mut good = 0;
    while let Some(end) = commit_end(bytes, good, salt) {
        good = end;
    }
    let written = written_bytes(bytes);
    let tail = if written <= good as usize {
        Tail::Empty
    } else {
        match find_foreign_frame(&bytes[..written], good, salt) {
            Some(found) => Tail::Corrupt { found },
            None => Tail::Torn { bytes: (written - good as usize) as u32 },
        }
    };
    Scan { good, tail }
}

/// The number of bytes up to and including the last byte that is not zero.
pub(crate) fn written_bytes(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// The end of the commit that begins at `commit`, if the commit is whole.
fn commit_end(bytes: &[u8], commit: u32, salt: u32) -> Option<u32> {
    let mut at = commit;
    loop {
        let here = bytes.get(at as usize..)?;
        let header = FrameHeader::decode(here, at, salt).filter(|header| header.commit == commit)?;
        frame::payload(here, &header)?;
        at += header.frame_bytes() as u32;
        if header.rest == 0 {
            return Some(at);
        }
    }
}

/// The first offset from `good` on where a frame begins that does not belong to the commit at `good`.
fn find_foreign_frame(bytes: &[u8], good: u32, salt: u32) -> Option<u32> {
    (good..bytes.len() as u32)
        .find(|at| FrameHeader::decode(&bytes[*at as usize..], *at, salt).is_some_and(|header| header.commit != good))
}

#[cfg(test)]
mod tests;
