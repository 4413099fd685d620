"""STATUS: that a call did not succeed, and why (section 6)."""

from __future__ import annotations

from dataclasses import dataclass

from rpcnet.wire import varint
from rpcnet.wire.codes import Code, Origin
from rpcnet.wire.fields import Fields, cut, sized


@dataclass(frozen=True)
class Status:
    """The last frame of a response that failed. ``retry_after_ms`` is 0 where nothing was said."""

    code: Code
    origin: Origin
    message: str = ""
    details: bytes = b""
    retry_after_ms: int = 0

    def encode(self) -> bytes:
        """The body of the frame. A message that is too long is cut, such details are left out."""
        body = varint.encode(self.code) + bytes([self.origin])
        body += sized(cut(self.message, MESSAGE_MAX))
        body += sized(self.details if len(self.details) <= DETAILS_MAX else b"")
        if self.retry_after_ms:
            body += varint.encode(min(self.retry_after_ms, RETRY_AFTER_MAX_MS))
        return body

    @classmethod
    def decode(cls, body: bytes) -> Status:
        """Reads a body. Raises ``WireError``."""
        fields = Fields(body)
        code, origin = fields.varint(), fields.byte()
        return cls(
            code=Code.read(code),
            origin=Origin.read(origin),
            message=fields.text(MESSAGE_MAX),
            details=fields.sized(DETAILS_MAX),
            retry_after_ms=0 if fields.is_empty else min(fields.varint(), RETRY_AFTER_MAX_MS),
        )


MESSAGE_MAX = 1024
"""Bytes of a text for people."""

DETAILS_MAX = 8192
"""Bytes of details."""

RETRY_AFTER_MAX_MS = 60_000
"""For how long a peer can ask to be left alone (W-71)."""
