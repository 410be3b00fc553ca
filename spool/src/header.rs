//! The first 64 bytes of a segment <-> bytes. Pure.
//!
//! ```text
//!  0 magic "FFSPOOL\n"   8 version   12 salt   16 base   24 previous   32 zeroes   60 crc32c of all before
//! ```
//! Little-endian. `base` is the position of the first frame, and so also says where the previous segment was good:
//! whatever that one holds from there on was never acknowledged. `previous` is that segment's base, so that a missing
//! file is noticed.

/// Length of the header.
pub(crate) const BYTES: usize = 64;

const MAGIC: &[u8; 8] = b"FFSPOOL\n";
const VERSION: u32 = 1;
const NO_PREVIOUS: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Random; part of each frame's mark.
    pub(crate) salt: u32,
    /// Position of the first frame, and where the previous segment was good.
    pub(crate) base: u64,
    /// The previous segment's base; `None` in the first segment of a directory.
    pub(crate) previous: Option<u64>,
}

/// Why 64 bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    Damaged,
    Version(u32),
}

impl Header {
    pub(crate) fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.salt.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.base.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.previous.unwrap_or(NO_PREVIOUS).to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn read(bytes: &[u8; BYTES]) -> Result<Header, Unread> {
        if &bytes[..8] != MAGIC || word(bytes, 60) != crc32c::crc32c(&bytes[..60]) {
            return Err(Unread::Damaged);
        }
        if word(bytes, 8) != VERSION {
            return Err(Unread::Version(word(bytes, 8)));
        }
        let previous = (long(bytes, 24) != NO_PREVIOUS).then_some(long(bytes, 24));
        Ok(Header { salt: word(bytes, 12), base: long(bytes, 16), previous })
    }
}

fn word(bytes: &[u8; BYTES], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8; BYTES], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
