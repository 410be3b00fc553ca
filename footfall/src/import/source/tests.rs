use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

/// Returns at most this number of bytes per read.
struct SlowRead<'a>(&'a [u8], usize);

impl Read for SlowRead<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.1.min(buffer.len());
        self.0.read(&mut buffer[..len])
    }
}

fn gzip(log: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(log).unwrap();
    encoder.finish().unwrap()
}

/// All whole lines from position `from` on, the position where the last one ends, and whether more bytes follow it.
fn lines(file: &[u8], at_once: usize, from: u64) -> (Vec<Vec<u8>>, u64, bool) {
    let mut source = LogFile::open(SlowRead(file, at_once)).unwrap();
    source.skip_to(from).unwrap();
    let (mut lines, mut done) = (Vec::new(), source.position());
    loop {
        match source.next_line().unwrap() {
            NextLine::Line(line) => lines.push(line.to_vec()),
            NextLine::TooLong => lines.push(b"(too long)".to_vec()),
            NextLine::End { unfinished } => return (lines, done, unfinished),
        }
        done = source.position();
    }
}

#[test]
fn a_line_without_a_newline_is_not_returned() {
    assert_eq!(lines(b"a\n\nb\r\nc", 9, 0), (vec![b"a".to_vec(), b"".to_vec(), b"b\r".to_vec()], 6, true));
    assert_eq!(lines(b"a\n", 9, 0), (vec![b"a".to_vec()], 2, false));
    assert_eq!(lines(b"", 9, 0), (vec![], 0, false));
    assert_eq!(lines(b"a", 9, 0), (vec![], 0, true));
    assert_eq!(lines(b"a\nb\n", 9, 2), (vec![b"b".to_vec()], 4, false));
    assert_eq!(lines(b"a\nb\n", 9, 200), (vec![], 4, false), "the position is beyond the end");
}

#[test]
fn a_line_that_is_too_long_is_one_bad_line() {
    for (len, want) in [(LINE_BYTES_MAX - 1, false), (LINE_BYTES_MAX, true), (3 * LINE_BYTES_MAX + 7, true)] {
        let mut log = b"a\n".to_vec();
        log.extend(std::iter::repeat_n(b'x', len));
        log.extend(b"\nb\n");
        let (lines, done, unfinished) = lines(&log, 100_000, 0);
        assert_eq!((lines.len(), done, unfinished), (3, log.len() as u64, false));
        assert_eq!(lines[1] == b"(too long)", want, "{len}");
        assert_eq!((&lines[0][..], &lines[2][..]), (&b"a"[..], &b"b"[..]));
    }
    let endless = vec![b'x'; 2 * LINE_BYTES_MAX];
    assert_eq!(lines(&endless, 100_000, 0), (vec![], 0, true));
}

#[test]
fn a_truncated_gzip_file_is_an_error() {
    let file = gzip(&b"some line\n".repeat(1000));
    for cut in 10..file.len() {
        let Ok(mut source) = LogFile::open(&file[..cut]) else { continue };
        loop {
            match source.next_line() {
                Ok(NextLine::End { .. }) => panic!("cut at {cut}, it reads as a shorter log"),
                Ok(NextLine::Line(_) | NextLine::TooLong) => {}
                Err(_) => break,
            }
        }
    }
}

proptest! {
    #[test]
    fn any_log_is_read_whole_with_any_sizes_of_reads(
        log in prop::collection::vec(prop::sample::select(b"ab\n\r\x1f\x8b".to_vec()), 0..6000),
        at_once in 1usize..5000,
        cut in 0usize..6000,
    ) {
        prop_assume!(!log.starts_with(&GZIP));
        let end = log.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let want: Vec<Vec<u8>> = log[..end].split_inclusive(|&b| b == b'\n').map(|l| l[..l.len() - 1].to_vec()).collect();
        let whole = (want.clone(), end as u64, end < log.len());
        // Two gzip members, as in a gzipped log that was appended to.
        let cut = cut.min(log.len());
        let members = [gzip(&log[..cut]), gzip(&log[cut..])].concat();
        for file in [&log, &gzip(&log), &members] {
            prop_assert_eq!(&lines(file, at_once, 0), &whole);
            let source = LogFile::open(SlowRead(file, at_once)).unwrap();
            prop_assert_eq!(source.head(), &log[..log.len().min(HEAD_BYTES)]);
            // From the beginning of any line on.
            let begins = log[..cut].iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
            let before = log[..begins].iter().filter(|&&b| b == b'\n').count();
            prop_assert_eq!(&lines(file, at_once, begins as u64).0[..], &want[before..]);
            let mut source = LogFile::open(SlowRead(file, at_once)).unwrap();
            prop_assert_eq!(source.skip_to(begins as u64).unwrap(), before as u64);
            prop_assert_eq!(source.count_rest().unwrap(), (want.len() - before) as u64);
        }
    }
}
