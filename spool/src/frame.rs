//! One payload with its checksums <-> bytes. Pure.
//!
//! ```text
//!  0 mark     crc32c of len, commit, rest, the frame's offset and the segment's salt, lowest bit set
//!  4 len      bytes of payload
//!  8 commit   offset at which the frame's commit begins
//! 12 rest     bytes of the same commit after this frame; 0 in the commit's last frame
//! 16 crc      crc32c of the payload, then of the 16 bytes above
//! 20 payload
//! ```
//! Little-endian; offsets count from the segment's first frame.
//!
//! * The mark identifies the start of a frame at any offset without trusting any length. The mark is never zero. The
//!   salt is random and never leaves the disk, so a client that chooses a payload cannot put a false frame start into
//!   it.
//! * `rest` makes a commit atomic: frames without the last frame of their commit are not a commit.

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 20;

/// Longest payload of one frame: 16 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// Largest commit, frame headers included: 1 GiB.
pub const COMMIT_BYTES_MAX: usize = 1 << 30;

/// The bytes of a frame with a payload of `payload` bytes.
pub const fn frame_bytes(payload: usize) -> usize {
    HEADER_BYTES + payload
}

/// The header of a frame whose mark is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) len: u32,
    pub(crate) commit: u32,
    pub(crate) rest: u32,
}

impl FrameHeader {
    /// Decodes the header at the start of `bytes`, whose offset in the segment is `offset`; `None` if no frame starts
    /// there.
    pub(crate) fn decode(bytes: &[u8], offset: u32, salt: u32) -> Option<FrameHeader> {
        let header = bytes.first_chunk::<HEADER_BYTES>()?;
        let mark = read_u32(header, 0);
        if mark == 0 {
            return None;
        }
        let decoded = FrameHeader { len: read_u32(header, 4), commit: read_u32(header, 8), rest: read_u32(header, 12) };
        let is_possible = decoded.len as usize <= PAYLOAD_BYTES_MAX && decoded.commit <= offset;
        (is_possible && decoded.mark(offset, salt) == mark).then_some(decoded)
    }

    /// The length of the frame, header included.
    pub(crate) fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.len as usize
    }

    fn mark(&self, offset: u32, salt: u32) -> u32 {
        let mut bytes = [0; 20];
        for (chunk, value) in bytes.chunks_exact_mut(4).zip([self.len, self.commit, self.rest, offset, salt]) {
            chunk.copy_from_slice(&value.to_le_bytes());
        }
        crc32c::crc32c(&bytes) | 1
    }
}

/// The payload of the frame at the start of `bytes`; `None` if bytes are missing or the checksum is wrong.
pub(crate) fn payload<'a>(bytes: &'a [u8], header: &FrameHeader) -> Option<&'a [u8]> {
    let frame = bytes.get(..header.frame_bytes())?;
    let (head, payload) = frame.split_at(HEADER_BYTES);
    (checksum(crc32c::crc32c(payload), head) == read_u32(head, 16)).then_some(payload)
}

/// Appends a frame without the fields that depend on its commit; [`seal`] fills those in.
pub(crate) fn push(pending: &mut Vec<u8>, payload: &[u8]) {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload of {} bytes", payload.len());
    assert!(pending.len() + frame_bytes(payload.len()) <= COMMIT_BYTES_MAX, "a commit above 1 GiB");
    let mut head = [0; HEADER_BYTES];
    write_u32(&mut head, 4, payload.len() as u32);
    write_u32(&mut head, 16, crc32c::crc32c(payload));
    pending.extend_from_slice(&head);
    pending.extend_from_slice(payload);
}

/// Turns the pushed frames into one commit that begins at offset `commit` of a segment.
pub(crate) fn seal(pending: &mut [u8], commit: u32, salt: u32) {
    let mut at = 0;
    while at < pending.len() {
        let len = read_u32(&pending[at..], 4);
        let end = at + frame_bytes(len as usize);
        let header = FrameHeader { len, commit, rest: (pending.len() - end) as u32 };
        let head = &mut pending[at..at + HEADER_BYTES];
        write_u32(head, 0, header.mark(commit + at as u32, salt));
        write_u32(head, 8, header.commit);
        write_u32(head, 12, header.rest);
        let crc = checksum(read_u32(head, 16), head);
        write_u32(head, 16, crc);
        at = end;
    }
}

fn checksum(of_payload: u32, head: &[u8]) -> u32 {
    crc32c::crc32c_append(of_payload, &head[..16])
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn write_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
