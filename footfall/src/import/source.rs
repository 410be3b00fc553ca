//! A log's bytes: a file, gzipped or not, to its head and its whole lines.
//!
//! A last line without its newline is still being written, so it is not a line yet. Positions are of the log as it was
//! written, unzipped; that a file is gzipped shows in nothing that leaves this module.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;
use memchr::{memchr, memchr_iter};

/// As much of a log's beginning as tells it from others, in bytes.
pub(super) const HEAD_BYTES: usize = 4096;
/// Longest line; what is longer is no line of a log.
const LINE_BYTES_MAX: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An open log. `Debug` is left out on purpose.
pub(super) struct Source<R: Read> {
    input: Input<R>,
    buffer: Vec<u8>,
    /// What is in the buffer and not yet given out.
    start: usize,
    end: usize,
    /// Where in the log the next line begins.
    position: u64,
    head: Vec<u8>,
}

enum Input<R: Read> {
    Plain(Chain<Cursor<Vec<u8>>, R>),
    Gzip(Box<MultiGzDecoder<Chain<Cursor<Vec<u8>>, R>>>),
}

/// What comes next in a log.
pub(super) enum Next<'a> {
    /// A line, without its newline.
    Line(&'a [u8]),
    /// A line that is too long for one.
    TooLong,
    /// The end; whether something stands after the last newline.
    End { unfinished: bool },
}

impl<R: Read> Source<R> {
    /// Looks at the beginning of `file`.
    pub(super) fn open(mut file: R) -> io::Result<Source<R>> {
        let mut magic = Vec::with_capacity(GZIP.len());
        file.by_ref().take(GZIP.len() as u64).read_to_end(&mut magic)?;
        let is_gzip = magic == GZIP;
        let whole = Cursor::new(magic).chain(file);
        let input = if is_gzip { Input::Gzip(Box::new(MultiGzDecoder::new(whole))) } else { Input::Plain(whole) };
        let buffer = vec![0; LINE_BYTES_MAX];
        let mut source = Source { input, buffer, start: 0, end: 0, position: 0, head: Vec::new() };
        while source.end < HEAD_BYTES && source.fill()? {}
        source.head = source.buffer[..source.end.min(HEAD_BYTES)].to_vec();
        Ok(source)
    }

    /// Its first 4 KiB, or less if there is less.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Where the next line begins: the length of all that was given out or skipped.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Goes on to `position`, or to the end if that comes first; says how many lines that were.
    pub(super) fn skip_to(&mut self, position: u64) -> io::Result<u64> {
        let mut lines = 0;
        while self.position < position {
            if self.start == self.end && !self.fill()? {
                break;
            }
            let ahead = usize::try_from(position - self.position).unwrap_or(usize::MAX);
            let taken = ahead.min(self.end - self.start);
            lines += memchr_iter(b'\n', &self.buffer[self.start..self.start + taken]).count() as u64;
            self.take(taken);
        }
        Ok(lines)
    }

    /// The next whole line.
    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        let mut searched = self.start;
        let mut is_too_long = false;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[searched..self.end]) {
                let (from, to) = (self.start, searched + at);
                self.take(to + 1 - from);
                return Ok(if is_too_long { Next::TooLong } else { Next::Line(&self.buffer[from..to]) });
            }
            if self.start == 0 && self.end == self.buffer.len() {
                self.take(self.end);
                is_too_long = true;
            }
            searched = self.end - self.start;
            if !self.fill()? {
                return Ok(Next::End { unfinished: is_too_long || self.start < self.end });
            }
        }
    }

    /// How many whole lines are left, up to the end.
    pub(super) fn count_rest(&mut self) -> io::Result<u64> {
        self.skip_to(u64::MAX)
    }

    fn take(&mut self, bytes: usize) {
        self.start += bytes;
        self.position += bytes as u64;
    }

    /// Moves what is left to the front and reads on; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        loop {
            let room = &mut self.buffer[self.end..];
            let read = match &mut self.input {
                Input::Plain(input) => input.read(room),
                Input::Gzip(input) => input.read(room),
            };
            match read {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests;
