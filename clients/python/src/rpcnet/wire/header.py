"""HEADER: what a call asks for (section 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from rpcnet.wire import varint
from rpcnet.wire.errors import WireError
from rpcnet.wire.fields import Fields, sized
from rpcnet.wire.trace import TraceContext


class CallKind(IntEnum):
    """The four shapes of a call."""

    UNARY = 0
    SERVER_STREAMING = 1
    CLIENT_STREAMING = 2
    BIDIRECTIONAL = 3

    @property
    def has_one_request(self) -> bool:
        """Whether the request is exactly one message."""
        return self in (CallKind.UNARY, CallKind.SERVER_STREAMING)

    @property
    def has_one_response(self) -> bool:
        """Whether the response is exactly one message."""
        return self in (CallKind.UNARY, CallKind.CLIENT_STREAMING)


@dataclass(frozen=True)
class Header:
    """The first frame of a request.

    ``timeout_us`` is what remains, in microseconds. ``schema`` has 8 bytes.
    """

    call_id: int
    kind: CallKind
    codec: int
    timeout_us: int
    method: str
    idempotent: bool = False
    trace: TraceContext | None = None
    metadata: Mapping[str, bytes] = field(default_factory=dict)
    schema: bytes | None = None
    wants_load: bool = False

    def encode(self) -> bytes:
        """The body of the frame.

        Raises ``ValueError`` for a method or metadata that break section 4, saying how.
        """
        check_method(self.method)
        check_metadata(self.metadata)
        flags = _IDEMPOTENT * self.idempotent + _LOAD * self.wants_load
        flags += _TRACE * (self.trace is not None) + _SCHEMA * (self.schema is not None)
        body = varint.encode(self.call_id) + bytes([self.kind, self.codec, flags])
        body += varint.encode(self.timeout_us) + sized(self.method.encode("ascii"))
        if self.trace is not None:
            body += self.trace.encode()
        body += varint.encode(len(self.metadata))
        for key, value in self.metadata.items():
            body += sized(key.encode("ascii")) + sized(value)
        return body + (self.schema or b"")

    @classmethod
    def decode(cls, body: bytes) -> Header:
        """Reads a body.

        Raises ``WireError``, and its subclass ``MethodNameError`` where nothing but the name of
        the method is wrong (W-20).
        """
        fields = Fields(body)
        call_id = fields.varint()
        kind = fields.byte()
        if kind > CallKind.BIDIRECTIONAL:
            raise WireError("unknown-call-kind")
        codec, flags, timeout_us = fields.byte(), fields.byte(), fields.varint()
        method = fields.sized().decode("latin-1")
        trace = TraceContext.decode(fields.take(25)) if flags & _TRACE else None
        metadata = _read_metadata(fields)
        header = cls(
            call_id=call_id,
            kind=CallKind(kind),
            codec=codec,
            timeout_us=timeout_us,
            method=method,
            idempotent=bool(flags & _IDEMPOTENT),
            trace=trace,
            metadata=metadata,
            schema=fields.take(8) if flags & _SCHEMA else None,
            wants_load=bool(flags & _LOAD),
        )
        if not _METHOD.fullmatch(method):
            raise MethodNameError(header)
        return header


class MethodNameError(WireError):
    """A method name that breaks section 4, in a header that is in order otherwise."""

    def __init__(self, header: Header) -> None:
        super().__init__("method")
        self.header = header


def check_method(method: str) -> None:
    """Raises ``ValueError`` for what cannot be the name of a method."""
    if not _METHOD.fullmatch(method):
        raise ValueError(
            f"a method has 1 to 128 characters of A-Z a-z 0-9 _ . / -, which {method[:160]!r} has not"
        )


def check_metadata(metadata: Mapping[str, bytes]) -> None:
    """Raises ``ValueError`` for what cannot be the metadata of a call."""
    if len(metadata) > _ENTRIES_MAX:
        raise ValueError(f"metadata has at most {_ENTRIES_MAX} entries, not {len(metadata)}")
    for key, value in metadata.items():
        if not _KEY.fullmatch(key):
            raise ValueError(
                f"a key of metadata has 1 to 64 characters of a-z 0-9 _ . -, which {key[:80]!r} has not"
            )
        if len(value) > _VALUE_MAX:
            raise ValueError(
                f"a value of metadata has at most {_VALUE_MAX} bytes, that of {key!r} has {len(value)}"
            )


def _read_metadata(fields: Fields) -> dict[str, bytes]:
    count = fields.varint()
    if count > _ENTRIES_MAX:
        raise WireError("metadata")
    entries: dict[str, bytes] = {}
    for _ in range(count):
        key = fields.sized().decode("latin-1")
        value = fields.sized()
        if not _KEY.fullmatch(key) or key in entries or len(value) > _VALUE_MAX:
            raise WireError("metadata")
        entries[key] = value
    return entries


_IDEMPOTENT, _TRACE, _SCHEMA, _LOAD = 1, 2, 4, 8
_METHOD = re.compile(r"[A-Za-z0-9_./-]{1,128}", re.ASCII)
_KEY = re.compile(r"[a-z0-9_.-]{1,64}", re.ASCII)
_ENTRIES_MAX = 64
_VALUE_MAX = 4096
