//! Salt files: they let a salt survive a restart of the process, in memory and never on a disk.
//!
//! The files are in a directory `footfall` (mode 0700, owned by our user) on a tmpfs or ramfs. There is one file of
//! 32 bytes (mode 0600) per time zone and date. Its name contains a hash of the data directory, so that two data
//! directories on one machine do not share files. Own and agreed salts have different names, so that neither is used
//! as the other. A tmpfs can be swapped out: a machine that must keep this promise strictly has no swap, or an
//! encrypted one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use schema::day::Day;
use zeroize::Zeroize;

/// The types that `statfs` returns for file systems in memory (linux/magic.h).
const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;

/// The prefixes of the names of files: for salts that this process made, and for agreed ones.
const OWN: &str = "salt-";
const AGREED: &str = "agreed-";

/// A directory in memory for salt files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaltDir {
    dir: PathBuf,
    /// The prefix of the names of our files.
    prefix: String,
}

/// One salt file, with its zone and date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SaltFile {
    pub(super) zone: String,
    pub(super) day: Day,
    path: PathBuf,
}

impl SaltDir {
    /// The first of the candidates (`/run`, `$XDG_RUNTIME_DIR`, `/dev/shm`) that is in memory and in which we can
    /// have a directory of our own. If there is none, a restart will split the day. `data` is the data directory.
    pub fn find(candidates: &[PathBuf], data: &Path) -> Option<SaltDir> {
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        let hash = blake3::hash(data.as_os_str().as_encoded_bytes()).to_hex();
        let dir = candidates.iter().find_map(|parent| private_dir(parent))?;
        Some(SaltDir { dir, prefix: format!("{OWN}{}-", &hash[..16]) })
    }

    /// The same directory for the salts of the other source: agreed ones if these are own ones, and vice versa.
    pub(super) fn of_other_source(&self) -> SaltDir {
        let prefix = match self.prefix.strip_prefix(OWN) {
            Some(rest) => format!("{AGREED}{rest}"),
            None => self.prefix.replacen(AGREED, OWN, 1),
        };
        SaltDir { dir: self.dir.clone(), prefix }
    }

    /// Reads the salt of a date, if there is a file.
    pub(super) fn load(&self, zone: &str, day: Day) -> io::Result<Option<[u8; 32]>> {
        let nofollow = OFlags::NOFOLLOW.bits() as i32;
        let mut file = match OpenOptions::new().read(true).custom_flags(nofollow).open(self.path(zone, day)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let meta = file.metadata()?;
        if meta.mode() & 0o077 != 0 || meta.uid() != rustix::process::geteuid().as_raw() || meta.len() != 32 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a salt file that other users could access"));
        }
        let mut salt = [0; 32];
        file.read_exact(&mut salt)?;
        Ok(Some(salt))
    }

    /// Writes a salt file atomically.
    pub(super) fn save(&self, zone: &str, day: Day, salt: &[u8; 32]) -> io::Result<()> {
        let (path, scratch) = (self.path(zone, day), self.dir.join(format!("{}new", self.prefix)));
        wipe(&scratch)?; // a killed process may have left one
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&scratch)?;
        file.write_all(salt)?;
        fs::rename(&scratch, &path)
    }

    /// All salt files of this data directory.
    pub(super) fn list(&self) -> io::Result<Vec<SaltFile>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            // A name is the prefix, the zone with `,` for `/`, `-`, and a date of ten characters.
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&self.prefix)) else { continue };
            let Some((zone, date)) = rest.len().checked_sub(11).and_then(|at| rest.split_at_checked(at)) else {
                continue;
            };
            let Some(Ok(day)) = date.strip_prefix('-').map(str::parse) else { continue };
            files.push(SaltFile { zone: zone.replace(',', "/"), day, path: entry.path() });
        }
        Ok(files)
    }

    /// Overwrites and deletes the salt file of a date. It is no error if there is none.
    pub(super) fn destroy(&self, zone: &str, day: Day) -> io::Result<()> {
        wipe(&self.path(zone, day))
    }

    fn path(&self, zone: &str, day: Day) -> PathBuf {
        self.dir.join(format!("{}{}-{day}", self.prefix, zone.replace('/', ",")))
    }
}

impl SaltFile {
    /// Overwrites and deletes the file.
    pub(super) fn destroy(&self) -> io::Result<()> {
        wipe(&self.path)
    }
}

fn wipe(path: &Path) -> io::Result<()> {
    match File::options().write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?.write_all(&[0; 32])?,
    }
    fs::remove_file(path)
}

/// Creates a directory in the parent if it is missing. There is none if it would not be in memory, or if another user
/// could access it.
fn private_dir(parent: &Path) -> Option<PathBuf> {
    if !is_in_memory(parent) {
        return None;
    }
    let dir = parent.join("footfall");
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return None,
        _ => {}
    }
    let ours = |meta: fs::Metadata| {
        meta.is_dir() && meta.mode() & 0o077 == 0 && meta.uid() == rustix::process::geteuid().as_raw()
    };
    let is_private = parent.is_absolute() && is_in_memory(&dir) && fs::symlink_metadata(&dir).is_ok_and(ours);
    is_private.then_some(dir)
}

fn is_in_memory(dir: &Path) -> bool {
    rustix::fs::statfs(dir).is_ok_and(|stat| matches!(stat.f_type as u32, TMPFS | RAMFS))
}

/// A copy of a salt that is wiped when it is dropped.
pub(super) struct Wiped(pub(super) [u8; 32]);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
