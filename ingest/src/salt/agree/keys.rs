//! The deployment's keys. A salt can only be derived from a share with its key, so Kafka alone does not reveal salts.
//!
//! The keys are in a file: one key of 64 hex digits a line, the newest first; blank lines and `#` comments are
//! allowed. The first key is used for new shares, the others for the shares that were made for them. The operator
//! replaces a key by a new line on top, on every collector before the next midnight, and removes a line that is over
//! a week old. From then on any remainder of a share (on a broker's disk, or in a copy of it) is worthless.
//!
//! The file is read again when it has changed. If it cannot be read then, the error is logged, and the keys that were
//! read before stay in use.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

use crate::salt::files::Wiped;
use crate::salt::key::Salt;

/// Longest file, in bytes.
const FILE_BYTES_MAX: usize = 16 * 1024;
/// Bits of a file's mode with which other users can read it, or other users or its group can write it.
const OPEN_TO_OTHERS: u32 = 0o027;
/// The context string from which a key's id is derived.
const ID_CONTEXT: &str = "footfall salts 2026-11 id of a deployment key v1";

/// Identifies a key without revealing anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyId(pub(super) [u8; 8]);

/// One key. It is stored like a salt.
#[derive(Debug)]
pub(super) struct DeploymentKey {
    pub(super) id: KeyId,
    pub(super) secret: Salt,
}

/// The keys of the file.
#[derive(Debug)]
pub(super) struct KeyRing {
    path: PathBuf,
    /// The version of the file that was read last, valid or not.
    last_read: Option<KeyFileStamp>,
    /// The newest first; never empty.
    keys: Vec<DeploymentKey>,
}

/// Identifies a version of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KeyFileStamp {
    file: (u64, u64),
    modified: (i64, i64),
    len: u64,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The file is missing or cannot be read.
    #[error("the salt keys {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// Other users can read the file.
    #[error("the salt keys {path} are open to others (mode {mode:04o}): at most 0640 is allowed")]
    Open {
        /// The file.
        path: PathBuf,
        /// The file's mode.
        mode: u32,
    },
    /// A line is no key.
    #[error("the salt keys {path}: line {line} is not 64 hex digits")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1.
        line: usize,
    },
    /// The file is too long, or contains no key.
    #[error("the salt keys {path}: there must be a key, and at most 16 KiB")]
    Size {
        /// The file.
        path: PathBuf,
    },
}

impl KeyRing {
    /// Reads the file.
    pub(super) fn open(path: &Path) -> Result<KeyRing, KeysError> {
        let (stamp, keys) = read(path)?;
        Ok(KeyRing { path: path.to_owned(), last_read: Some(stamp), keys })
    }

    /// Reads the file again if it has changed.
    pub(super) fn refresh(&mut self) {
        let stamp = std::fs::metadata(&self.path).ok().map(|meta| KeyFileStamp::of(&meta));
        if stamp == self.last_read {
            return;
        }
        self.last_read = stamp;
        match read(&self.path) {
            Ok((stamp, keys)) => {
                self.last_read = Some(stamp);
                self.keys = keys;
                tracing::info!(keys = self.keys.len(), "the salt keys have changed and were read again");
            }
            Err(error) => tracing::error!(%error, "the salt keys have changed, and the old ones stay in use"),
        }
    }

    /// The key for new shares.
    pub(super) fn newest(&self) -> &DeploymentKey {
        &self.keys[0]
    }

    /// The key with this id.
    pub(super) fn by_id(&self, id: KeyId) -> Option<&DeploymentKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl DeploymentKey {
    fn of(secret: &Wiped) -> DeploymentKey {
        let mut hasher = blake3::Hasher::new_derive_key(ID_CONTEXT);
        let mut hash = hasher.update(&secret.0).finalize();
        hasher.zeroize();
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        hash.zeroize();
        DeploymentKey { id: KeyId([a, b, c, d, e, f, g, h]), secret: Salt::of(secret.0) }
    }
}

impl KeyFileStamp {
    fn of(meta: &std::fs::Metadata) -> KeyFileStamp {
        KeyFileStamp { file: (meta.dev(), meta.ino()), modified: (meta.mtime(), meta.mtime_nsec()), len: meta.len() }
    }
}

fn read(path: &Path) -> Result<(KeyFileStamp, Vec<DeploymentKey>), KeysError> {
    let unreadable = |error| KeysError::Unreadable { path: path.to_owned(), error };
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if meta.mode() & OPEN_TO_OTHERS != 0 {
        return Err(KeysError::Open { path: path.to_owned(), mode: meta.mode() & 0o7777 });
    }
    // The buffer has its final size, because a buffer that grows leaves unwiped copies in freed memory.
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 1));
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() > FILE_BYTES_MAX {
        return Err(KeysError::Size { path: path.to_owned() });
    }
    let keys = parse(&text).map_err(|line| KeysError::Malformed { path: path.to_owned(), line })?;
    match keys.is_empty() {
        true => Err(KeysError::Size { path: path.to_owned() }),
        false => Ok((KeyFileStamp::of(&meta), keys)),
    }
}

/// The keys of a file, or the number of the first line that is no key.
fn parse(text: &[u8]) -> Result<Vec<DeploymentKey>, usize> {
    let mut keys = Vec::new();
    for (n, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        keys.push(DeploymentKey::of(&unhex(line).ok_or(n + 1)?));
    }
    Ok(keys)
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

    /// The key that consists of 64 times this digit.
    pub(in crate::salt) fn key(digit: char) -> DeploymentKey {
        DeploymentKey::of(&unhex(line(digit).as_bytes()).unwrap())
    }

    fn write(file: &NamedTempFile, text: &str, mode: u32) {
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
    }

    fn opened(text: &str, mode: u32) -> String {
        let file = NamedTempFile::new().unwrap();
        write(&file, text, mode);
        KeyRing::open(file.path()).map_or_else(|error| error.to_string(), |ring| format!("{} keys", ring.keys.len()))
    }

    #[test]
    fn a_file_consists_of_keys_and_comments() {
        let text = format!("# this week's\n{}\r\n\n  {}  \n# end", line('a'), line('B'));
        let ring = parse(text.as_bytes()).unwrap();
        assert_eq!(ring.iter().map(|key| key.secret.key().unwrap()).collect::<Vec<_>>(), [[0xaa; 32], [0xbb; 32]]);
        assert_eq!(
            unhex(b"00ff10a50000000000000000000000000000000000000000000000000000007f").unwrap().0[..4],
            [0, 255, 16, 165]
        );
    }

    #[test]
    fn a_line_that_is_no_key_is_reported_by_its_number_and_not_shown() {
        for (n, bad) in [&line('a')[1..], &(line('a') + "a"), &line('g'), &line('+'), "key = x"].into_iter().enumerate()
        {
            let opened = opened(&format!("#\n{}\n{bad}\n", line('c')), 0o600);
            assert!(opened.ends_with("line 3 is not 64 hex digits"), "{n} {opened}");
        }
        for text in ["", "# none yet\n", &line('\n').repeat(300)] {
            assert!(opened(text, 0o600).ends_with("there must be a key, and at most 16 KiB"), "{text}");
        }
    }

    #[test]
    fn a_file_that_other_users_can_read_is_not_used() {
        for mode in [0o400, 0o600, 0o440, 0o640] {
            assert_eq!(opened(&line('a'), mode), "1 keys", "{mode:o}");
        }
        for mode in [0o604, 0o602, 0o601, 0o660, 0o644, 0o666] {
            assert!(opened(&line('a'), mode).contains("open to others"), "{mode:o}");
        }
        assert!(KeyRing::open(Path::new("/nowhere/keys")).unwrap_err().to_string().contains("cannot be read"));
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_bad_file_changes_nothing() {
        let file = NamedTempFile::new().unwrap();
        write(&file, &line('a'), 0o600);
        let mut keys = KeyRing::open(file.path()).unwrap();
        let old = keys.newest().id;
        write(&file, &format!("{}\n{}\n", line('b'), line('a')), 0o600);
        keys.refresh();
        assert!(keys.newest().id != old && keys.by_id(old).is_some());
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
        assert!(keys.newest().id == new && keys.by_id(old).is_none(), "the removed key is gone");
    }

    #[test]
    fn an_id_is_not_the_key_and_the_key_cannot_be_printed() {
        let ring = parse(format!("{}\n{}", line('a'), line('b')).as_bytes()).unwrap();
        assert_ne!(ring[0].id, ring[1].id);
        assert_ne!(ring[0].id.0, [0xaa; 8]);
        assert!(!format!("{:?}", ring[0].secret).contains("170"));
    }
}
