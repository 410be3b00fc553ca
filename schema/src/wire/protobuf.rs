//! Protobuf's encoding of single fields (protobuf.dev, "Encoding"). This module does not know any message.

use super::WireError;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

pub(crate) fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

pub(crate) fn key(field: u32, wire: u32, out: &mut Vec<u8>) {
    varint(u64::from(field << 3 | wire), out);
}

/// Appends a number. Zero is the default and is not written.
pub(crate) fn uint(field: u32, n: u64, out: &mut Vec<u8>) {
    if n != 0 {
        key(field, VARINT, out);
        varint(n, out);
    }
}

pub(crate) fn sint(field: u32, n: i32, out: &mut Vec<u8>) {
    uint(field, zigzag(n), out);
}

pub(crate) fn sint64(field: u32, n: i64, out: &mut Vec<u8>) {
    uint(field, ((n << 1) ^ (n >> 63)).cast_unsigned(), out);
}

pub(crate) fn fixed64(field: u32, n: u64, out: &mut Vec<u8>) {
    if n != 0 {
        key(field, FIXED64, out);
        out.extend_from_slice(&n.to_le_bytes());
    }
}

pub(crate) fn key_of_bytes(field: u32, out: &mut Vec<u8>) {
    key(field, BYTES, out);
}

/// Maps small numbers of either sign to small unsigned numbers.
pub(crate) fn zigzag(n: i32) -> u64 {
    u64::from(((n << 1) ^ (n >> 31)) as u32)
}

pub(crate) fn text(field: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        key(field, BYTES, out);
        varint(text.len() as u64, out);
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends a message inside a message. The length is written in front of it once it is known.
pub(crate) fn nested(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    key(field, BYTES, out);
    let at = out.len();
    out.push(0);
    write(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
    } else {
        let mut prefix = Vec::with_capacity(5);
        varint(len as u64, &mut prefix);
        out.splice(at..=at, prefix);
    }
}

/// Iterates over the fields of a message.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

/// The value of a field, by its wire type.
pub(crate) enum FieldValue<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> FieldValue<'a> {
    pub(crate) fn u64(&self, field: u32) -> Result<u64, WireError> {
        match self {
            FieldValue::Number(n) => Ok(*n),
            FieldValue::Bytes(_) => Err(WireError::Field(field)),
        }
    }

    pub(crate) fn u32(&self, field: u32) -> Result<u32, WireError> {
        u32::try_from(self.u64(field)?).map_err(|_| WireError::Field(field))
    }

    pub(crate) fn i32(&self, field: u32) -> Result<i32, WireError> {
        let n = self.u32(field)?;
        Ok((n >> 1) as i32 ^ -((n & 1) as i32))
    }

    pub(crate) fn i64(&self, field: u32) -> Result<i64, WireError> {
        let n = self.u64(field)?;
        Ok((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
    }

    pub(crate) fn bytes(self, field: u32) -> Result<&'a [u8], WireError> {
        match self {
            FieldValue::Bytes(bytes) => Ok(bytes),
            FieldValue::Number(_) => Err(WireError::Field(field)),
        }
    }

    pub(crate) fn text(self, field: u32) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|_| WireError::Field(field))
    }
}

impl<'a> Fields<'a> {
    /// The number of bytes that are left.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(WireError::Truncated)?;
            self.0 = rest;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(WireError::Truncated)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], WireError> {
        let len = usize::try_from(len).map_err(|_| WireError::Truncated)?;
        let (head, rest) = self.0.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn field(&mut self) -> Result<(u32, FieldValue<'a>), WireError> {
        let key = self.varint()?;
        let field = u32::try_from(key >> 3).map_err(|_| WireError::Truncated)?;
        let value = match key as u32 & 7 {
            VARINT => FieldValue::Number(self.varint()?),
            FIXED64 => FieldValue::Number(self.take(8)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))),
            FIXED32 => FieldValue::Number(self.take(4)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b))),
            BYTES => {
                let len = self.varint()?;
                FieldValue::Bytes(self.take(len)?)
            }
            _ => return Err(WireError::Field(field)),
        };
        Ok((field, value))
    }
}

/// The numbers of a packed field.
pub(crate) fn varints(bytes: &[u8]) -> impl Iterator<Item = Result<u64, WireError>> {
    let mut rest = Fields(bytes);
    std::iter::from_fn(move || (!rest.is_empty()).then(|| rest.varint()))
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, FieldValue<'a>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}
