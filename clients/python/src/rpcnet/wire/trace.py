"""The trace context of a call: that of W3C Trace Context."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class TraceContext:
    """Where a call belongs in a trace.

    ``trace_id`` has 16 bytes, ``parent_id`` 8, neither all zero; ``flags`` is one byte, of which
    bit 0 says *sampled*.
    """

    trace_id: bytes
    parent_id: bytes
    flags: int = 0

    @classmethod
    def parse(cls, traceparent: str) -> TraceContext:
        """Reads the header ``traceparent``, such as
        ``00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01``.

        Raises ``ValueError`` for anything that is not a version-00 header.
        """
        match = _TRACEPARENT.fullmatch(traceparent)
        if match is None:
            raise ValueError(f"{traceparent[:80]!r} is no traceparent of version 00")
        trace_id, parent_id, flags = (bytes.fromhex(part) for part in match.groups())
        trace = cls(trace_id, parent_id, flags[0])
        if not trace.is_valid:
            raise ValueError("the ids of a traceparent are not all zero")
        return trace

    def __str__(self) -> str:
        """The header ``traceparent``."""
        return f"00-{self.trace_id.hex()}-{self.parent_id.hex()}-{self.flags:02x}"

    @property
    def is_valid(self) -> bool:
        """Whether it counts: a receiver disregards one with an id that is all zero."""
        return any(self.trace_id) and any(self.parent_id)

    def encode(self) -> bytes:
        """The 25 bytes of the wire.

        Raises ``ValueError`` for ids of another length.
        """
        if (len(self.trace_id), len(self.parent_id)) != (16, 8) or not 0 <= self.flags <= 255:
            raise ValueError("a trace context has ids of 16 and 8 bytes and one byte of flags")
        return self.trace_id + self.parent_id + bytes([self.flags])

    @classmethod
    def decode(cls, data: bytes) -> TraceContext:
        """Reads 25 bytes."""
        return cls(data[:16], data[16:24], data[24])


_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
