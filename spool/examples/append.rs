//! A writer for `tests/it`, which kills it, injects disk errors and traces its system calls. It is also an example of
//! how to use a writer: open, frames, commit, answer.
//!
//! `append DIR SEGMENT_BYTES FIRST COUNT` commits the numbers from FIRST on, three frames per commit. It prints
//! `committed NUMBER POSITION` for each commit that is on disk and `failed NUMBER WHY` for each that is not. At the end
//! it prints `read FRAMES`, the number of frames that a reader sees.

use std::error::Error;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::Duration;

use spool::Options;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dir, segment_bytes, first, count] = &arguments[..] else {
        return Err("usage: append DIR SEGMENT_BYTES FIRST COUNT".into());
    };
    let (segment_bytes, first, count): (u64, u64, u64) = (segment_bytes.parse()?, first.parse()?, count.parse()?);
    let options = Options { segment_bytes, segment_age: Duration::from_secs(3600), bytes_max: 1 << 30 };
    let (mut writer, handle, recovery) = spool::open(Path::new(dir), options, 0)?;
    for number in first..first.saturating_add(count) {
        for frame in 0..3 {
            writer.frame(format!("{number} {frame} {}", "x".repeat((number % 50) as usize)).as_bytes());
        }
        // One write per line, so that a kill cannot tear it.
        let line = match writer.commit() {
            Ok(committed) => format!("committed {number} {}\n", committed.position),
            Err(error) => format!("failed {number} {error}\n"),
        };
        stdout().write_all(line.as_bytes())?;
    }
    let mut reader = handle.reader(recovery.start)?;
    let mut frames = 0;
    while reader.next()?.is_some() {
        frames += 1;
    }
    stdout().write_all(format!("read {frames}\n").as_bytes())?;
    Ok(())
}
