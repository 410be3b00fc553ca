//! The frames of the last segment, as a crash left them -> whole commits and what follows them. Pure.
//!
//! A commit is written only after the one before it was synced. So a bad frame with nothing but its own commit behind
//! it is a write that a crash cut short, and a bad frame with a later commit behind it was good once.

use crate::frame::{self, Header};

/// What a segment's frames turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Where the last whole commit ends.
    pub(crate) good: u32,
    pub(crate) tail: Tail,
}

/// What follows the last whole commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing, or zeroes.
    Empty,
    /// This many bytes of a commit that is not whole.
    Torn { bytes: u32 },
    /// A commit is not whole, and the frame at `found` belongs to another: corruption.
    Corrupt { found: u32 },
}

pub(crate) fn scan(bytes: &[u8], salt: u32) -> Scan {
    let mut good = 0;
    while let Some(end) = commit_end(bytes, good, salt) {
        good = end;
    }
    let written = written(bytes);
    let tail = if written <= good as usize {
        Tail::Empty
    } else {
        match foreign_frame(&bytes[..written], good, salt) {
            Some(found) => Tail::Corrupt { found },
            None => Tail::Torn { bytes: (written - good as usize) as u32 },
        }
    };
    Scan { good, tail }
}

/// Bytes up to the last that is not zero.
pub(crate) fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Where the whole commit at `commit` ends.
fn commit_end(bytes: &[u8], commit: u32, salt: u32) -> Option<u32> {
    let mut at = commit;
    loop {
        let here = bytes.get(at as usize..)?;
        let header = Header::read(here, at, salt).filter(|header| header.commit == commit)?;
        frame::payload(here, &header)?;
        at += header.frame_bytes() as u32;
        if header.rest == 0 {
            return Some(at);
        }
    }
}

/// The first place after `good` where a frame of another commit begins than the one at `good`.
fn foreign_frame(bytes: &[u8], good: u32, salt: u32) -> Option<u32> {
    (good..bytes.len() as u32)
        .find(|at| Header::read(&bytes[*at as usize..], *at, salt).is_some_and(|header| header.commit != good))
}

#[cfg(test)]
mod tests;
