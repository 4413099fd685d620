"""LOAD: how busy a server is (section 15)."""

from __future__ import annotations

from dataclasses import dataclass

from rpcnet.wire import varint
from rpcnet.wire.fields import Fields


@dataclass(frozen=True)
class Load:
    """``utilization`` in thousandths of what the server can do, ``running`` calls on it."""

    utilization: int
    running: int

    def encode(self) -> bytes:
        """The body of the frame."""
        return varint.encode(self.utilization) + varint.encode(self.running)

    @classmethod
    def decode(cls, body: bytes) -> Load:
        """Reads a body. Raises ``WireError``."""
        fields = Fields(body)
        return cls(min(fields.varint(), _UTILIZATION_MAX), fields.varint())


_UTILIZATION_MAX = 1_000_000
