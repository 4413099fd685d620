//! The frame that opens a call.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use super::body::Body;
use super::{FrameKind, WireError, varint};
use crate::{CallId, CallKind, CodecId, Metadata, Method, TraceContext};

/// Everything that the server must know before it runs a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The call, among those of its connection.
    pub call_id: CallId,
    /// Which sides stream.
    pub kind: CallKind,
    /// The encoding of the messages.
    pub codec: CodecId,
    /// Whether running the method twice is as good as once, as the caller knows it.
    pub idempotent: bool,
    /// The time that remains. On the wire it is whole microseconds, rounded
    /// down and cut at 2^62 - 1; zero says that the deadline has passed (W-19).
    pub timeout: Duration,
    /// What is called.
    pub method: Method,
    /// The caller's trace.
    pub trace: Option<TraceContext>,
    /// What else the caller sends along.
    pub metadata: Metadata,
    /// What the caller takes the method's messages to look like, where it says so.
    pub schema: Option<u64>,
    /// Whether the caller wants to know how busy the server is (W-68).
    pub load_report: bool,
}

/// A [`Header`] that borrows what would be costly to clone for each call.
#[derive(Clone, Copy, Debug)]
pub struct HeaderRef<'a> {
    /// See [`Header::call_id`].
    pub call_id: CallId,
    /// See [`Header::kind`].
    pub kind: CallKind,
    /// See [`Header::codec`].
    pub codec: CodecId,
    /// See [`Header::idempotent`].
    pub idempotent: bool,
    /// See [`Header::timeout`].
    pub timeout: Duration,
    /// See [`Header::method`].
    pub method: &'a Method,
    /// See [`Header::trace`].
    pub trace: Option<TraceContext>,
    /// See [`Header::metadata`].
    pub metadata: &'a Metadata,
    /// See [`Header::schema`].
    pub schema: Option<u64>,
    /// See [`Header::load_report`].
    pub load_report: bool,
}

const IDEMPOTENT: u8 = 1 << 0;
const TRACE: u8 = 1 << 1;
const SCHEMA: u8 = 1 << 2;
const LOAD_REPORT: u8 = 1 << 3;

impl Header {
    /// Reads the body of a HEADER; the values of the metadata share its memory.
    ///
    /// Bytes after the last field are ignored, so that the header can grow (W-14),
    /// and so are flags that this version does not know (W-18).
    ///
    /// # Errors
    /// [`WireError::Method`] where nothing but the method's name is wrong, so
    /// that a server can tell the caller (W-20); any other [`WireError`] otherwise.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut body = Body::new(FrameKind::Header, body);
        let call_id = body.varint()?;
        let kind = body.byte()?;
        let codec = CodecId(body.byte()?);
        let flags = body.byte()?;
        let timeout = Duration::from_micros(body.varint()?);
        let method = body.parse(Method::from_wire)?;
        let trace = if flags & TRACE != 0 {
            Some(decode_trace(&mut body)?)
        } else {
            None
        };
        let metadata = decode_metadata(&mut body)?;
        let schema = if flags & SCHEMA != 0 {
            Some(u64::from_be_bytes(body.array()?))
        } else {
            None
        };
        // W-17. The method's error comes last, so that it is the only one.
        let kind = CallKind::from_byte(kind).ok_or(WireError::UnknownCallKind { byte: kind })?;
        Ok(Self {
            // A varint holds no number beyond the largest id.
            call_id: CallId::new(call_id).unwrap_or(CallId::MAX),
            kind,
            codec,
            idempotent: flags & IDEMPOTENT != 0,
            timeout,
            method: method?,
            trace,
            metadata,
            schema,
            load_report: flags & LOAD_REPORT != 0,
        })
    }

    /// The header, borrowed.
    #[must_use]
    pub const fn borrowed(&self) -> HeaderRef<'_> {
        HeaderRef {
            call_id: self.call_id,
            kind: self.kind,
            codec: self.codec,
            idempotent: self.idempotent,
            timeout: self.timeout,
            method: &self.method,
            trace: self.trace,
            metadata: &self.metadata,
            schema: self.schema,
            load_report: self.load_report,
        }
    }
}

impl HeaderRef<'_> {
    /// The length of the HEADER's body, in bytes: what the receiver's header
    /// limit is compared with.
    #[must_use]
    pub fn body_len(&self) -> usize {
        let method = self.method.as_bytes().len();
        let entry_len = |(key, value): (&str, &Bytes)| {
            varint::encoded_len(key.len() as u64)
                + key.len()
                + varint::encoded_len(value.len() as u64)
                + value.len()
        };
        varint::encoded_len(self.call_id.get())
            + 3
            + varint::encoded_len(self.timeout_us())
            + varint::encoded_len(method as u64)
            + method
            + self.trace.map_or(0, |_| TRACE_BYTES)
            + varint::encoded_len(self.metadata.len() as u64)
            + self.metadata.iter().map(entry_len).sum::<usize>()
            + self.schema.map_or(0, |_| size_of::<u64>())
    }

    /// Appends the body.
    pub(super) fn encode_body(&self, out: &mut BytesMut) {
        varint::encode(self.call_id.get(), out);
        out.put_u8(self.kind.to_byte());
        out.put_u8(self.codec.0);
        let idempotent = if self.idempotent { IDEMPOTENT } else { 0 };
        let trace = self.trace.map_or(0, |_| TRACE);
        let schema = self.schema.map_or(0, |_| SCHEMA);
        let load_report = if self.load_report { LOAD_REPORT } else { 0 };
        out.put_u8(idempotent | trace | schema | load_report);
        varint::encode(self.timeout_us(), out);
        put_field(self.method.as_bytes(), out);
        if let Some(trace) = self.trace {
            out.put_slice(&trace.trace_id);
            out.put_slice(&trace.parent_id);
            out.put_u8(trace.flags);
        }
        varint::encode(self.metadata.len() as u64, out);
        for (key, value) in self.metadata.iter() {
            put_field(key.as_bytes(), out);
            put_field(value, out);
        }
        if let Some(schema) = self.schema {
            out.put_u64(schema);
        }
    }

    fn timeout_us(&self) -> u64 {
        u64::try_from(self.timeout.as_micros()).unwrap_or(varint::MAX)
    }
}

/// The length of a trace context: two ids and the flags.
const TRACE_BYTES: usize = 16 + 8 + 1;

fn decode_trace(body: &mut Body) -> Result<TraceContext, WireError> {
    Ok(TraceContext {
        trace_id: body.array()?,
        parent_id: body.array()?,
        flags: body.byte()?,
    })
}

fn decode_metadata(body: &mut Body) -> Result<Metadata, WireError> {
    let mut metadata = Metadata::new();
    // The count is only a claim: the body ends or the entries run out first.
    for _ in 0..body.varint()? {
        let key = body.parse(Metadata::key_from_wire)??;
        metadata.insert_from_wire(key, body.bytes()?)?;
    }
    Ok(metadata)
}

/// Appends a length and the bytes.
pub(super) fn put_field(bytes: &[u8], out: &mut BytesMut) {
    varint::encode(bytes.len() as u64, out);
    out.put_slice(bytes);
}
