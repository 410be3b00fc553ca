//! The first 64 bytes of a segment <-> bytes. Pure.
//!
//! ```text
//!  0 magic "FFSPOOL\n"   8 version   12 salt   16 base   24 previous   32 zeroes   60 crc32c of bytes 0 to 59
//! ```
//! Little-endian. `base` is the position of the first frame, and therefore also the position where the previous segment
//! was last good: bytes of the previous segment from there on were never acknowledged. `previous` is the base of the
//! previous segment, so that a missing file is detected.

/// Length of the header.
pub(crate) const BYTES: usize = 64;

const MAGIC: &[u8; 8] = b"FFSPOOL\n";
const VERSION: u32 = 1;
const NO_PREVIOUS: u64 = u64::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Random; part of each frame's mark.
    pub(crate) salt: u32,
    /// Position of the first frame, and end of the good part of the previous segment.
    pub(crate) base: u64,
    /// The base of the previous segment; `None` in the first segment of a directory.
    pub(crate) previous: Option<u64>,
}

/// Why 64 bytes are not a segment header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    Damaged,
    Version(u32),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; BYTES] {
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

    pub(crate) fn decode(bytes: &[u8; BYTES]) -> Result<SegmentHeader, HeaderError> {
        if &bytes[..8] != MAGIC || read_u32(bytes, 60) != crc32c::crc32c(&bytes[..60]) {
            return Err(HeaderError::Damaged);
        }
        if read_u32(bytes, 8) != VERSION {
            return Err(HeaderError::Version(read_u32(bytes, 8)));
        }
        let previous = read_u64(bytes, 24);
        let previous = (previous != NO_PREVIOUS).then_some(previous);
        Ok(SegmentHeader { salt: read_u32(bytes, 12), base: read_u64(bytes, 16), previous })
    }
}

fn read_u32(bytes: &[u8; BYTES], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn read_u64(bytes: &[u8; BYTES], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
