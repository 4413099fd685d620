//! Reads the fields of a frame's body, in order.
//!
//! A body that ends within a field is malformed (W-13); what is left after the
//! last field is a newer version's and no error (W-14), except where the layout
//! is a list up to the end.

use bytes::{Buf, Bytes};

use super::{FrameKind, WireError, varint};

/// What is left of a body. Every read either takes a whole field or fails.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Bytes,
    kind: FrameKind,
}

impl Body {
    pub(super) const fn new(kind: FrameKind, bytes: Bytes) -> Self {
        Self { bytes, kind }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        let (value, len) = varint::decode(&self.bytes)?.ok_or_else(|| self.too_short())?;
        self.bytes.advance(len);
        Ok(value)
    }

    pub(super) fn byte(&mut self) -> Result<u8, WireError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let array = *self.bytes.first_chunk().ok_or_else(|| self.too_short())?;
        self.bytes.advance(N);
        Ok(array)
    }

    /// Takes a length and that many bytes, without a copy.
    pub(super) fn bytes(&mut self) -> Result<Bytes, WireError> {
        let len = self.field_len()?;
        Ok(self.bytes.split_to(len))
    }

    /// As [`bytes`](Self::bytes), for what is copied into a type of its own anyway.
    pub(super) fn parse<T>(&mut self, parse: impl FnOnce(&[u8]) -> T) -> Result<T, WireError> {
        let len = self.field_len()?;
        let parsed = parse(self.bytes.get(..len).unwrap_or_default());
        self.bytes.advance(len);
        Ok(parsed)
    }

    /// Takes a length and that many bytes of UTF-8, at most `limit`.
    pub(super) fn text(&mut self, limit: usize) -> Result<String, WireError> {
        let kind = self.kind;
        self.parse(|bytes| {
            check_field_len(kind, bytes.len(), limit)?;
            let text = str::from_utf8(bytes).map_err(|_| WireError::TextNotUtf8 { kind })?;
            Ok(text.to_owned())
        })?
    }

    /// Reads the length of a field, having checked that so many bytes follow.
    fn field_len(&mut self) -> Result<usize, WireError> {
        let len = usize::try_from(self.varint()?).map_err(|_| self.too_short())?;
        if len > self.bytes.len() {
            Err(self.too_short())
        } else {
            Ok(len)
        }
    }

    const fn too_short(&self) -> WireError {
        WireError::BodyTooShort { kind: self.kind }
    }
}

/// Fails where a field of a `kind` frame is longer than `limit` bytes.
pub(super) const fn check_field_len(
    kind: FrameKind,
    len: usize,
    limit: usize,
) -> Result<(), WireError> {
    if len > limit {
        return Err(WireError::FieldTooLong {
            kind,
            len: len as u64,
            limit: limit as u64,
        });
    }
    Ok(())
}
