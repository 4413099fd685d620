"""QUIC's variable-length integers, in their shortest form only."""

from __future__ import annotations

from rpcnet.wire.errors import WireError

MAX = 2**62 - 1
"""The largest value that a varint holds."""


def encode(value: int) -> bytes:
    """The one encoding of ``value``.

    Raises ``ValueError`` for a value below 0 or above ``MAX``.
    """
    if not 0 <= value <= MAX:
        raise ValueError(f"{value} is not between 0 and 2^62 - 1")
    if value < 1 << 6:
        return value.to_bytes(1, "big")
    if value < 1 << 14:
        return (value | 0x4000).to_bytes(2, "big")
    if value < 1 << 30:
        return (value | 0x8000_0000).to_bytes(4, "big")
    return (value | 0xC000_0000_0000_0000).to_bytes(8, "big")


def decode(data: bytes | bytearray, start: int = 0) -> tuple[int, int] | None:
    """The value at ``start`` and the position after it, or ``None`` where more bytes are needed.

    Raises ``WireError`` for a form that is not the shortest (W-6).
    """
    if start >= len(data):
        return None
    size = 1 << (data[start] >> 6)
    end = start + size
    if end > len(data):
        return None
    value = int.from_bytes(data[start:end], "big") & ((1 << (8 * size - 2)) - 1)
    if size > 1 and value < 1 << (8 * (size // 2) - 2):
        raise WireError("varint-not-shortest")
    return value, end
