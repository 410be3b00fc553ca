//! Splits a log file, gzipped or not, into its head and its whole lines.
//!
//! A last line without a newline is still being written, so it does not count as a line yet. Positions are those of the
//! unzipped log; the other modules do not know whether a file is gzipped.

use std::io::{self, Chain, Cursor, Read};

use flate2::read::MultiGzDecoder;
use memchr::{memchr, memchr_iter};

/// Bytes of a log's beginning that identify the log.
pub(super) const HEAD_BYTES: usize = 4096;
/// Longest line. A longer line is bad.
const LINE_BYTES_MAX: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An open log. It has no `Debug`, because its buffer holds addresses and user agents.
pub(super) struct LogFile<R: Read> {
    input: Input<R>,
    buffer: Vec<u8>,
    /// The part of the buffer that was read and not yet returned.
    start: usize,
    end: usize,
    /// Position in the log where the next line begins.
    position: u64,
    head: Vec<u8>,
}

enum Input<R: Read> {
    Plain(Chain<Cursor<Vec<u8>>, R>),
    Gzip(Box<MultiGzDecoder<Chain<Cursor<Vec<u8>>, R>>>),
}

/// The next line of a log, or its end.
pub(super) enum NextLine<'a> {
    /// A line, without its newline.
    Line(&'a [u8]),
    /// A line longer than the longest allowed.
    TooLong,
    /// The end of the log. `unfinished`: there are bytes after the last newline.
    End { unfinished: bool },
}

impl<R: Read> LogFile<R> {
    /// Opens a log and reads its head.
    pub(super) fn open(mut file: R) -> io::Result<LogFile<R>> {
        let mut magic = Vec::with_capacity(GZIP.len());
        file.by_ref().take(GZIP.len() as u64).read_to_end(&mut magic)?;
        let is_gzip = magic == GZIP;
        let whole = Cursor::new(magic).chain(file);
        let input = if is_gzip { Input::Gzip(Box::new(MultiGzDecoder::new(whole))) } else { Input::Plain(whole) };
        let buffer = vec![0; LINE_BYTES_MAX];
        let mut source = LogFile { input, buffer, start: 0, end: 0, position: 0, head: Vec::new() };
        while source.end < HEAD_BYTES && source.fill()? {}
        source.head = source.buffer[..source.end.min(HEAD_BYTES)].to_vec();
        Ok(source)
    }

    /// The first 4 KiB of the log, or the whole log if it is shorter.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Position where the next line begins: the length of everything that was returned or skipped.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Skips to `position`, or to the end if the log is shorter. Returns the number of skipped lines.
    pub(super) fn skip_to(&mut self, position: u64) -> io::Result<u64> {
        let mut lines = 0;
        while self.position < position {
            if self.start == self.end && !self.fill()? {
                break;
            }
            let ahead = usize::try_from(position - self.position).unwrap_or(usize::MAX);
            let taken = ahead.min(self.end - self.start);
            lines += memchr_iter(b'\n', &self.buffer[self.start..self.start + taken]).count() as u64;
            self.advance(taken);
        }
        Ok(lines)
    }

    /// The next whole line.
    pub(super) fn next_line(&mut self) -> io::Result<NextLine<'_>> {
        let mut searched = self.start;
        let mut is_too_long = false;
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[searched..self.end]) {
                let (from, to) = (self.start, searched + at);
                self.advance(to + 1 - from);
                return Ok(if is_too_long { NextLine::TooLong } else { NextLine::Line(&self.buffer[from..to]) });
            }
            if self.start == 0 && self.end == self.buffer.len() {
                self.advance(self.end);
                is_too_long = true;
            }
            searched = self.end - self.start;
            if !self.fill()? {
                return Ok(NextLine::End { unfinished: is_too_long || self.start < self.end });
            }
        }
    }

    /// Skips all whole lines up to the end, and counts them.
    pub(super) fn count_rest(&mut self) -> io::Result<u64> {
        self.skip_to(u64::MAX)
    }

    fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.position += bytes as u64;
    }

    /// Moves the unread part of the buffer to its front and reads more. False at the end of the log.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        loop {
            let free = &mut self.buffer[self.end..];
            let read = match &mut self.input {
                Input::Plain(input) => input.read(free),
                Input::Gzip(input) => input.read(free),
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
