"""Frames: how they are told apart, how long they may be, and how they come out of a stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from rpcnet.wire import varint
from rpcnet.wire.errors import WireError


class StreamKind(IntEnum):
    """The first byte of a stream (section 2)."""

    CALL = 0x01
    BATCH = 0x02
    GOSSIP = 0x03
    CONTROL = 0x10


class FrameType(IntEnum):
    """The frames of section 3."""

    HEADER = 0x01
    MESSAGE = 0x02
    STATUS = 0x03
    ANSWER = 0x04
    SETTINGS = 0x10
    GOAWAY = 0x11
    CANCEL = 0x12
    HELLO = 0x20
    GOSSIP = 0x21
    BEAT = 0x22
    LOAD = 0x40


@dataclass(frozen=True)
class Frame:
    """A whole frame of a known type."""

    type: FrameType
    body: bytes


@dataclass(frozen=True)
class FrameLimits:
    """The longest bodies that a reader takes, in bytes."""

    header: int = 8 * 1024
    message: int = 4 * 1024 * 1024

    def of(self, frame_type: int) -> int:
        """The longest body of a frame of this type, known or not."""
        if frame_type == FrameType.HEADER:
            return self.header
        if frame_type == FrameType.MESSAGE:
            return self.message
        return _BODY_MAX.get(frame_type, _UNKNOWN_BODY_MAX)


Place = Callable[[FrameType], None]
"""Raises ``WireError`` where a frame of this type may not come.

Called as soon as a known type was read, before its length is looked at (W-12).
"""

END = b"\x00"
"""The end marker."""


def encode(frame_type: FrameType, body: bytes) -> bytes:
    """A frame."""
    return varint.encode(1 + len(body)) + bytes([frame_type]) + body


class FrameReader:
    """Takes the bytes of one half of a stream, as they come, and gives its frames.

    It holds what arrived of one frame and no more than that frame may have: a length is checked
    before a byte of the body is kept (W-9), and what is skipped is not kept (W-10).
    """

    def __init__(self, limits: FrameLimits, place: Place) -> None:
        self._limits = limits
        self._place = place
        self._buffer = bytearray()
        self._at = 0
        self._head: tuple[FrameType, int] | None = None
        self._skip = 0
        self._ended = False

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for the rest of their frame, or to be asked for."""
        return len(self._buffer) - self._at

    @property
    def is_between_frames(self) -> bool:
        """Whether the half could end here without cutting a frame off."""
        return self.held_bytes == 0 and self._head is None and self._skip == 0

    @property
    def has_ended(self) -> bool:
        """Whether the end marker was read."""
        return self._ended

    def feed(self, data: bytes) -> None:
        """Adds what arrived."""
        del self._buffer[: self._at]
        self._at = 0
        self._buffer += data

    def next(self) -> Frame | None:
        """The next frame, or ``None`` where more bytes are needed or the half has ended.

        Raises ``WireError``; the reader is of no use after that.
        """
        while not self._ended:
            if self._skip:
                skipped = min(self._skip, self.held_bytes)
                self._at += skipped
                self._skip -= skipped
                if self._skip:
                    return None
            if self._head is None and not self._read_head():
                return None
            if self._ended:
                return None
            if self._head is not None:
                return self._take_body(*self._head)
        if self.held_bytes:
            raise WireError("trailing-bytes")
        return None

    def _read_head(self) -> bool:
        """Reads a length and a type, or the end marker. False where more bytes are needed."""
        read = varint.decode(self._buffer, self._at)
        if read is None:
            return False
        length, after = read
        if length == 0:
            self._at = after
            self._ended = True
            return True
        if after >= len(self._buffer):
            return False
        number, size = self._buffer[after], length - 1
        known = _TYPES.get(number)
        if known is None and number < FrameType.LOAD:
            raise WireError("unknown-frame")
        if known is not None:
            self._place(known)
        if size > self._limits.of(number):
            raise WireError(_TOO_LARGE.get(number, "frame-too-large"))
        self._at = after + 1
        if known is None:
            self._skip = size
        else:
            self._head = (known, size)
        return True

    def _take_body(self, frame_type: FrameType, size: int) -> Frame | None:
        if self.held_bytes < size:
            return None
        body = bytes(self._buffer[self._at : self._at + size])
        self._at += size
        self._head = None
        return Frame(frame_type, body)


_TYPES = {int(frame_type): frame_type for frame_type in FrameType}

_UNKNOWN_BODY_MAX = 16 * 1024

_BODY_MAX: dict[int, int] = {
    FrameType.STATUS: 16 * 1024,
    FrameType.ANSWER: 64,
    FrameType.SETTINGS: 4 * 1024,
    FrameType.GOAWAY: 4 * 1024,
    FrameType.CANCEL: 4 * 1024,
    FrameType.HELLO: 512,
    FrameType.GOSSIP: 65_536,
    FrameType.BEAT: 9,
    FrameType.LOAD: 512,
}

_TOO_LARGE: dict[int, str] = {
    FrameType.HEADER: "header-too-large",
    FrameType.MESSAGE: "message-too-large",
}
