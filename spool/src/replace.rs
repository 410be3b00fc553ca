//! Atomic replacement of a small file, such as a reader's committed position.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Replaces the content of the file at `path` by `bytes`. After `Ok` the new content survives a power cut. A concurrent
/// reader of the file sees either the old content or the new.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let scratch = path.with_added_extension("new");
    let mut file = File::create(&scratch)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&scratch, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
