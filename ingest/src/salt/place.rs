//! Where a salt may survive a restart of the process: a file in memory, never on a disk.
//!
//! A place is a directory `footfall` (0700, ours) on a tmpfs or ramfs; in it one file of 32 bytes (0600) per time zone
//! and date, with the data directory's hash in its name, so that two of them on one machine do not meet. Salts made here
//! and agreed ones have different names: neither is ever taken for the other. A tmpfs can be swapped out: machines that
//! keep this promise to the letter have no swap, or an encrypted one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use schema::day::Day;
use zeroize::Zeroize;

/// What `statfs` calls the file systems that live in memory (linux/magic.h).
const TMPFS: u32 = 0x0102_1994;
const RAMFS: u32 = 0x8584_58f6;

/// What the names of files begin with: of salts made here, and of agreed ones.
const OWN: &str = "salt-";
const AGREED: &str = "agreed-";

/// A directory in memory where salts are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RamPlace {
    dir: PathBuf,
    /// What the names of our files begin with.
    prefix: String,
}

/// A salt file: whose date it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) zone: String,
    pub(super) day: Day,
    path: PathBuf,
}

impl RamPlace {
    /// The first of the directories (`/run`, `$XDG_RUNTIME_DIR`, `/dev/shm`) that is in memory and lets us keep a
    /// directory of our own; `None` if there is none, and a restart will split the day. `data` is the data directory.
    pub fn find(candidates: &[PathBuf], data: &Path) -> Option<RamPlace> {
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        let hash = blake3::hash(data.as_os_str().as_encoded_bytes()).to_hex();
        let own = candidates.iter().map(|parent| parent.join("footfall")).find(|dir| is_ours(dir))?;
        Some(RamPlace { dir: own, prefix: format!("{OWN}{}-", &hash[..16]) })
    }

    /// The same place for salts that are come by in the other way: agreed, or made here.
    pub(super) fn other(&self) -> RamPlace {
        let prefix = match self.prefix.strip_prefix(OWN) {
            Some(rest) => format!("{AGREED}{rest}"),
            None => self.prefix.replacen(AGREED, OWN, 1),
        };
        RamPlace { dir: self.dir.clone(), prefix }
    }

    /// The salt kept for a date, if there is one.
    pub(super) fn load(&self, zone: &str, day: Day) -> io::Result<Option<[u8; 32]>> {
        let nofollow = OFlags::NOFOLLOW.bits() as i32;
        let mut file = match OpenOptions::new().read(true).custom_flags(nofollow).open(self.path(zone, day)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let meta = file.metadata()?;
        if meta.mode() & 0o077 != 0 || meta.uid() != rustix::process::geteuid().as_raw() || meta.len() != 32 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a salt file that is not ours alone"));
        }
        let mut salt = [0; 32];
        file.read_exact(&mut salt)?;
        Ok(Some(salt))
    }

    /// Keeps a salt: whole, or not at all.
    pub(super) fn keep(&self, zone: &str, day: Day, salt: &[u8; 32]) -> io::Result<()> {
        let (path, scratch) = (self.path(zone, day), self.dir.join(format!("{}new", self.prefix)));
        wipe(&scratch)?; // Left by a kill.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&scratch)?;
        file.write_all(salt)?;
        fs::rename(&scratch, &path)
    }

    /// All salts kept for this data directory.
    pub(super) fn list(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            // prefix, zone with `,` for `/`, `-`, date of ten characters
            let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(&self.prefix)) else { continue };
            let Some((zone, date)) = rest.len().checked_sub(11).and_then(|at| rest.split_at_checked(at)) else {
                continue;
            };
            let Some(Ok(day)) = date.strip_prefix('-').map(str::parse) else { continue };
            kept.push(Kept { zone: zone.replace(',', "/"), day, path: entry.path() });
        }
        Ok(kept)
    }

    /// Overwrites and deletes a salt file; that there is none is fine.
    pub(super) fn destroy(&self, zone: &str, day: Day) -> io::Result<()> {
        wipe(&self.path(zone, day))
    }

    fn path(&self, zone: &str, day: Day) -> PathBuf {
        self.dir.join(format!("{}{}-{day}", self.prefix, zone.replace('/', ",")))
    }
}

impl Kept {
    /// Overwrites and deletes it.
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

/// Makes the directory if it is missing; it must be in memory, and no one else's.
fn is_ours(dir: &Path) -> bool {
    let Some(parent) = dir.parent().filter(|parent| in_memory(parent)) else { return false };
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return false,
        _ => {}
    }
    let ours = |meta: fs::Metadata| {
        meta.is_dir() && meta.mode() & 0o077 == 0 && meta.uid() == rustix::process::geteuid().as_raw()
    };
    parent.is_absolute() && in_memory(dir) && fs::symlink_metadata(dir).is_ok_and(ours)
}

fn in_memory(dir: &Path) -> bool {
    rustix::fs::statfs(dir).is_ok_and(|stat| matches!(stat.f_type as u32, TMPFS | RAMFS))
}

/// Wipes the caller's copy of a salt when it goes out of scope.
pub(super) struct Wiped(pub(super) [u8; 32]);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
