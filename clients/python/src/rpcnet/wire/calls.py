"""The two halves of a call's stream, each of which accepts only what section 5 to 7 allow."""

from __future__ import annotations

from dataclasses import dataclass

from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import Frame, FrameLimits, FrameReader, FrameType
from rpcnet.wire.header import CallKind, Header
from rpcnet.wire.load import Load
from rpcnet.wire.status import Status


@dataclass(frozen=True)
class Message:
    """One message of a call, in its codec."""

    body: bytes


@dataclass(frozen=True)
class End:
    """The half is complete; in a response, the call succeeded."""


RequestEvent = Header | Message | End
ResponseEvent = Message | Load | Status | End


class RequestReader:
    """Reads a request, without the kind byte of its stream."""

    def __init__(self, limits: FrameLimits) -> None:
        self._frames = FrameReader(limits, self._place)
        self._kind: CallKind | None = None
        self._messages = 0
        self._told_end = False

    def feed(self, data: bytes) -> None:
        """Adds what arrived."""
        self._frames.feed(data)

    def next(self) -> RequestEvent | None:
        """What comes next, or ``None`` where more bytes are needed. Raises ``WireError``."""
        if self._told_end or not self._frames.has_ended:
            frame = self._frames.next()
            if frame is not None:
                return self._event(frame)
        if self._frames.has_ended and not self._told_end:
            return self._end()
        return None

    def finish(self) -> None:
        """Says that the half was finished (FIN). Raises ``WireError`` where it was cut off (W-8)."""
        if not self._told_end:
            raise WireError("truncated")

    def _place(self, frame_type: FrameType) -> None:
        if self._kind is None:
            allowed = frame_type == FrameType.HEADER
        else:
            full = self._kind.has_one_request and self._messages == 1
            allowed = frame_type == FrameType.MESSAGE and not full
        if not allowed:
            raise WireError("unexpected-frame")

    def _event(self, frame: Frame) -> RequestEvent:
        if frame.type == FrameType.HEADER:
            header = Header.decode(frame.body)
            self._kind = header.kind
            return header
        self._messages += 1
        return Message(frame.body)

    def _end(self) -> End:
        if self._kind is None:
            raise WireError("unexpected-end")
        if self._kind.has_one_request and self._messages == 0:
            raise WireError("message-missing")
        self._told_end = True
        return End()


class ResponseReader:
    """Reads the response of a call of the given kind.

    A STATUS comes out only once its end marker was read (W-26).
    """

    def __init__(self, kind: CallKind, limits: FrameLimits) -> None:
        self._frames = FrameReader(limits, self._place)
        self._kind = kind
        self._messages = 0
        self._loads = 0
        self._status: Status | None = None
        self._told_end = False

    @property
    def held_bytes(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return self._frames.held_bytes

    @property
    def has_ended(self) -> bool:
        """Whether the end of the response came out."""
        return self._told_end

    def feed(self, data: bytes) -> None:
        """Adds what arrived."""
        self._frames.feed(data)

    def next(self) -> ResponseEvent | None:
        """What comes next, or ``None`` where more bytes are needed. Raises ``WireError``."""
        while self._told_end or not self._frames.has_ended:
            frame = self._frames.next()
            if frame is None:
                break
            if frame.type == FrameType.STATUS:
                self._status = Status.decode(frame.body)
                continue
            return self._event(frame)
        if self._frames.has_ended and not self._told_end:
            return self._end()
        return None

    def finish(self) -> None:
        """Says that the half was finished (FIN). Raises ``WireError`` where it was cut off (W-8)."""
        if not self._told_end:
            raise WireError("truncated")

    def _place(self, frame_type: FrameType) -> None:
        if self._status is not None:
            allowed = False
        elif frame_type == FrameType.MESSAGE:
            allowed = not (self._kind.has_one_response and self._messages == 1)
        elif frame_type == FrameType.STATUS:
            allowed = not (self._kind.has_one_response and self._messages == 1)
        else:
            allowed = frame_type == FrameType.LOAD and self._loads == 0
        if not allowed:
            raise WireError("unexpected-frame")

    def _event(self, frame: Frame) -> ResponseEvent:
        if frame.type == FrameType.LOAD:
            self._loads += 1
            return Load.decode(frame.body)
        self._messages += 1
        return Message(frame.body)

    def _end(self) -> ResponseEvent:
        if self._status is None and self._kind.has_one_response and self._messages == 0:
            raise WireError("message-missing")
        self._told_end = True
        return self._status or End()
