//! One payload with its checksums <-> bytes. Pure.
//!
//! ```text
//!  0 mark     crc32c of len, commit, rest, the frame's offset and the segment's salt, lowest bit set
//!  4 len      bytes of payload
//!  8 commit   offset at which the frame's commit begins
//! 12 rest     bytes of the same commit that follow this frame; 0 in its last frame
//! 16 crc      crc32c of payload, then of the 16 bytes above
//! 20 payload
//! ```
//! Little-endian; offsets count from the segment's first frame. The mark makes a frame's start recognisable wherever
//! one looks, without trusting any length: it is never zero, and as the salt is random and stays on disk, nobody who
//! chooses a payload can put a false start into it. `rest` makes a commit atomic: without its last frame it is no
//! commit.

/// Bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 20;

/// Longest payload of one frame: 16 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// Largest commit, frame headers included: 1 GiB.
pub const COMMIT_BYTES_MAX: usize = 1 << 30;

/// What a frame with a payload of `payload` bytes takes in the spool.
pub const fn frame_bytes(payload: usize) -> usize {
    HEADER_BYTES + payload
}

/// The header of a frame whose mark is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) len: u32,
    pub(crate) commit: u32,
    pub(crate) rest: u32,
}

impl Header {
    /// The header at the start of `bytes`, which lie at `offset`; `None` if no frame starts there.
    pub(crate) fn read(bytes: &[u8], offset: u32, salt: u32) -> Option<Header> {
        let header = bytes.first_chunk::<HEADER_BYTES>()?;
        let mark = word(header, 0);
        if mark == 0 {
            return None;
        }
        let read = Header { len: word(header, 4), commit: word(header, 8), rest: word(header, 12) };
        (read.len as usize <= PAYLOAD_BYTES_MAX && read.commit <= offset && read.mark(offset, salt) == mark)
            .then_some(read)
    }

    /// The frame's length, header included.
    pub(crate) fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.len as usize
    }

    fn mark(&self, offset: u32, salt: u32) -> u32 {
        let mut bytes = [0; 20];
        for (place, value) in bytes.chunks_exact_mut(4).zip([self.len, self.commit, self.rest, offset, salt]) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        crc32c::crc32c(&bytes) | 1
    }
}

/// The payload of the frame at the start of `bytes`, if all of it is there and its checksum is right.
pub(crate) fn payload<'a>(bytes: &'a [u8], header: &Header) -> Option<&'a [u8]> {
    let frame = bytes.get(..header.frame_bytes())?;
    let (head, payload) = frame.split_at(HEADER_BYTES);
    (checksum(crc32c::crc32c(payload), head) == word(head, 16)).then_some(payload)
}

/// Appends a frame that is whole but for what only its commit will know; [`seal`] completes it.
pub(crate) fn push(pending: &mut Vec<u8>, payload: &[u8]) {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "a payload of {} bytes", payload.len());
    assert!(pending.len() + frame_bytes(payload.len()) <= COMMIT_BYTES_MAX, "a commit above 1 GiB");
    let mut head = [0; HEADER_BYTES];
    put(&mut head, 4, payload.len() as u32);
    put(&mut head, 16, crc32c::crc32c(payload));
    pending.extend_from_slice(&head);
    pending.extend_from_slice(payload);
}

/// Makes the pushed frames one commit that begins at offset `commit` of a segment.
pub(crate) fn seal(pending: &mut [u8], commit: u32, salt: u32) {
    let mut at = 0;
    while at < pending.len() {
        let len = word(&pending[at..], 4);
        let end = at + frame_bytes(len as usize);
        let header = Header { len, commit, rest: (pending.len() - end) as u32 };
        let head = &mut pending[at..at + HEADER_BYTES];
        put(head, 0, header.mark(commit + at as u32, salt));
        put(head, 8, header.commit);
        put(head, 12, header.rest);
        let crc = checksum(word(head, 16), head);
        put(head, 16, crc);
        at = end;
    }
}

fn checksum(of_payload: u32, head: &[u8]) -> u32 {
    crc32c::crc32c_append(of_payload, &head[..16])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
