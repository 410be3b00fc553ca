//! The deployment's keys: what makes a salt out of a share, and so what stands between Kafka and the salts.
//!
//! They are in a file: one key of 64 hex digits a line, the newest first, blank lines and `#` comments allowed. The
//! first is used for new shares, the others still open what was made for them. A key is replaced by a new line on top,
//! on every collector before the next midnight, and a line that is over a week old is dropped: what is left of a share
//! anywhere (a broker's disk, a copy of it) says nothing from then on.
//!
//! The file is read again when it has changed. One that cannot be read then is an error in the log; the keys that were
//! read before stay.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

use crate::salt::key::Salt;
use crate::salt::place::Wiped;

/// Longest file, in bytes.
const FILE_BYTES_MAX: usize = 16 * 1024;
/// Bits of a file's mode that would let others read it, or others and its group write it.
const OPEN_TO_OTHERS: u32 = 0o027;
/// What a key's id is derived under.
const ID_CONTEXT: &str = "footfall salts 2026-11 id of a deployment key v1";

/// Names a key, and tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyId(pub(super) [u8; 8]);

/// One key, held as salts are.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: KeyId,
    pub(super) secret: Salt,
}

/// What the file says now.
#[derive(Debug)]
pub(super) struct Keys {
    path: PathBuf,
    /// The file that was read last, whether it was good or not.
    seen: Option<Stamp>,
    /// The newest first; never none.
    ring: Vec<Key>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    modified: (i64, i64),
    len: u64,
}

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file is not there, or not for us.
    #[error("the salt keys {path} cannot be read: {error}")]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others can read it.
    #[error("the salt keys {path} are open to others (mode {mode:04o}): at most 0640 is allowed")]
    Open {
        /// Where.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line is no key.
    #[error("the salt keys {path}: line {line} is not 64 hex digits")]
    Malformed {
        /// Where.
        path: PathBuf,
        /// Which.
        line: usize,
    },
    /// It is too long, or there is none in it.
    #[error("the salt keys {path}: there must be a key, and at most 16 KiB")]
    Size {
        /// Where.
        path: PathBuf,
    },
}

impl Keys {
    /// Reads the file.
    pub(super) fn open(path: &Path) -> Result<Keys, KeysError> {
        let (stamp, ring) = read(path)?;
        Ok(Keys { path: path.to_owned(), seen: Some(stamp), ring })
    }

    /// Reads the file again if it has changed.
    pub(super) fn refresh(&mut self) {
        let stamp = std::fs::metadata(&self.path).ok().map(|meta| Stamp::of(&meta));
        if stamp == self.seen {
            return;
        }
        self.seen = stamp;
        match read(&self.path) {
            Ok((stamp, ring)) => {
                self.seen = Some(stamp);
                self.ring = ring;
                tracing::info!(keys = self.ring.len(), "the salt keys have changed and were read again");
            }
            Err(error) => tracing::error!(%error, "the salt keys have changed, and the old ones stay in use"),
        }
    }

    /// The key for new shares.
    pub(super) fn newest(&self) -> &Key {
        &self.ring[0]
    }

    /// The key of this name.
    pub(super) fn named(&self, id: KeyId) -> Option<&Key> {
        self.ring.iter().find(|key| key.id == id)
    }
}

impl Key {
    fn of(secret: &Wiped) -> Key {
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        let mut hash = hasher.update(&secret.0).finalize();
        hasher.zeroize();
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        hash.zeroize();
        Key { id: KeyId([a, b, c, d, e, f, g, h]), secret: Salt::of(secret.0) }
    }
}

impl Stamp {
    fn of(meta: &std::fs::Metadata) -> Stamp {
        Stamp { file: (meta.dev(), meta.ino()), modified: (meta.mtime(), meta.mtime_nsec()), len: meta.len() }
    }
}

fn read(path: &Path) -> Result<(Stamp, Vec<Key>), KeysError> {
    let unreadable = |error| KeysError::Unreadable { path: path.to_owned(), error };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if meta.mode() & OPEN_TO_OTHERS != 0 {
        return Err(KeysError::Open { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    // All of it at once, so that nothing of it is left where it has grown out of.
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 1));
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() > FILE_BYTES_MAX {
        return Err(KeysError::Size { path: path.to_owned() });
    }
    let ring = parse(&text).map_err(|line| KeysError::Malformed { path: path.to_owned(), line })?;
    match ring.is_empty() {
        true => Err(KeysError::Size { path: path.to_owned() }),
        false => Ok((Stamp::of(&meta), ring)),
    }
}

/// The keys of a file, or the number of the line that is none.
fn parse(text: &[u8]) -> Result<Vec<Key>, usize> {
    let mut ring = Vec::new();
    for (n, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        ring.push(Key::of(&unhex(line).ok_or(n + 1)?));
    }
    Ok(ring)
}

fn unhex(digits: &[u8]) -> Option<Wiped> {
    let mut bytes = Wiped([0; 32]);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.0.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = (high? * 16 + low?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use tempfile::NamedTempFile;

    use super::*;

    pub(in crate::salt) fn line(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    /// The key whose 64 digits are this one.
    pub(in crate::salt) fn key(digit: char) -> Key {
        Key::of(&unhex(line(digit).as_bytes()).unwrap())
    }

    fn write(file: &NamedTempFile, text: &str, mode: u32) {
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
    }

    fn said(text: &str, mode: u32) -> String {
        let file = NamedTempFile::new().unwrap();
        write(&file, text, mode);
        Keys::open(file.path()).map_or_else(|error| error.to_string(), |keys| format!("{} keys", keys.ring.len()))
    }

    #[test]
    fn a_file_is_keys_and_comments() {
        let text = format!("# this week's\n{}\r\n\n  {}  \n# end", line('a'), line('B'));
        let ring = parse(text.as_bytes()).unwrap();
        assert_eq!(ring.iter().map(|key| key.secret.key().unwrap()).collect::<Vec<_>>(), [[0xaa; 32], [0xbb; 32]]);
        assert_eq!(
            unhex(b"00ff10a50000000000000000000000000000000000000000000000000000007f").unwrap().0[..4],
            [0, 255, 16, 165]
        );
    }

    #[test]
    fn what_is_no_key_is_named_by_its_line_and_not_shown() {
        for (n, bad) in [&line('a')[1..], &(line('a') + "a"), &line('g'), &line('+'), "key = x"].into_iter().enumerate()
        {
            let said = said(&format!("#\n{}\n{bad}\n", line('c')), 0o600);
            assert!(said.ends_with("line 3 is not 64 hex digits"), "{n} {said}");
        }
        for text in ["", "# none yet\n", &line('\n').repeat(300)] {
            assert!(said(text, 0o600).ends_with("there must be a key, and at most 16 KiB"), "{text}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_not_used() {
        for mode in [0o400, 0o600, 0o440, 0o640] {
            assert_eq!(said(&line('a'), mode), "1 keys", "{mode:o}");
        }
        for mode in [0o604, 0o602, 0o601, 0o660, 0o644, 0o666] {
            assert!(said(&line('a'), mode).contains("open to others"), "{mode:o}");
        }
        assert!(Keys::open(Path::new("/nowhere/keys")).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_change_is_seen_and_a_bad_one_changes_nothing() {
        let file = NamedTempFile::new().unwrap();
        write(&file, &line('a'), 0o600);
        let mut keys = Keys::open(file.path()).unwrap();
        let old = keys.newest().id;
        write(&file, &format!("{}\n{}\n", line('b'), line('a')), 0o600);
        keys.refresh();
        assert!(keys.newest().id != old && keys.named(old).is_some());
        let new = keys.newest().id;
        write(&file, "half of a k", 0o600);
        keys.refresh();
        assert_eq!(keys.newest().id, new);
        fs::remove_file(file.path()).unwrap();
        keys.refresh();
        assert_eq!(keys.newest().id, new);
        fs::write(file.path(), line('b')).unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(0o600)).unwrap();
        keys.refresh();
        assert!(keys.newest().id == new && keys.named(old).is_none(), "a line that is dropped is forgotten");
    }

    #[test]
    fn an_id_is_not_the_key_and_nothing_prints_it() {
        let ring = parse(format!("{}\n{}", line('a'), line('b')).as_bytes()).unwrap();
        assert_ne!(ring[0].id, ring[1].id);
        assert_ne!(ring[0].id.0, [0xaa; 8]);
        assert!(!format!("{:?}", ring[0].secret).contains("170"));
    }
}
