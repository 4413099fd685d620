"""What messages are written in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Codec(Generic[T]):
    """How values become messages, and messages values.

    ``number`` is the codec's number on the wire: 0 raw, 2 JSON, 3 MessagePack, 4 Protocol Buffers.
    ``encode`` may raise anything for a value that it does not take, which the caller sees as it
    is. ``decode`` raises ``ValueError`` for bytes that it does not read, which becomes a
    ``PayloadError``.
    """

    name: str
    number: int
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], T]


def _to_json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8")


def _from_json(data: bytes) -> Any:
    if not data:
        return None
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _to_raw(value: object) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if value is None:
        return b""
    raise TypeError(f"a raw message is bytes, not {type(value).__name__}")


JSON: Codec[Any] = Codec("JSON", 2, _to_json, _from_json)
"""JSON, which every typed method speaks. An empty message is read as ``None``."""

RAW: Codec[bytes] = Codec("raw", 0, _to_raw, bytes)
"""Bytes as they are, for methods without a type. ``None`` is written as an empty message."""
