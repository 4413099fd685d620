"""The two halves of a batch (section 16).

The client of this package neither sends batches nor accepts them; their readers are here so that
the whole format of calls is in one place, held to the same vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

from rpcnet.wire import varint
from rpcnet.wire.calls import End, Message
from rpcnet.wire.errors import WireError
from rpcnet.wire.fields import Fields
from rpcnet.wire.frames import FrameLimits, FrameReader, FrameType
from rpcnet.wire.header import CallKind, Header, MethodNameError
from rpcnet.wire.load import Load
from rpcnet.wire.status import Status


@dataclass(frozen=True)
class Answer:
    """Which call of the batch is answered next, counted from 0."""

    index: int

    def encode(self) -> bytes:
        """The body of the frame."""
        return varint.encode(self.index)

    @classmethod
    def decode(cls, body: bytes) -> Answer:
        """Reads a body. Raises ``WireError``."""
        return cls(Fields(body).varint())


@dataclass(frozen=True)
class BadMethod:
    """A call whose method cannot be one; the batch goes on (W-20)."""

    header: Header


BatchRequestEvent = Header | BadMethod | Message | End
BatchResponseEvent = Answer | Load | Message | Status | End


class BatchRequestReader:
    """Reads the request half of a batch, without its kind byte."""

    def __init__(self, limits: FrameLimits) -> None:
        shorter = FrameLimits(limits.header, min(limits.message, BATCHED_MESSAGE_MAX))
        self._frames = FrameReader(shorter, self._place)
        self._calls = 0
        self._message_due = False
        self._told_end = False

    def feed(self, data: bytes) -> None:
        """Adds what arrived."""
        self._frames.feed(data)

    def next(self) -> BatchRequestEvent | None:
        """What comes next, or ``None`` where more bytes are needed. Raises ``WireError``."""
        if self._told_end or not self._frames.has_ended:
            frame = self._frames.next()
            if frame is not None and frame.type == FrameType.MESSAGE:
                self._message_due = False
                return Message(frame.body)
            if frame is not None:
                return self._header(frame.body)
        if self._frames.has_ended and not self._told_end:
            return self._end()
        return None

    def finish(self) -> None:
        """Says that the half was finished (FIN). Raises ``WireError`` where it was cut off (W-8)."""
        if not self._told_end:
            raise WireError("truncated")

    def _place(self, frame_type: FrameType) -> None:
        due = FrameType.MESSAGE if self._message_due else FrameType.HEADER
        full = due == FrameType.HEADER and self._calls == CALLS_MAX
        if frame_type != due or full:
            raise WireError("unexpected-frame")

    def _header(self, body: bytes) -> Header | BadMethod:
        event: Header | BadMethod
        try:
            header = event = Header.decode(body)
        except MethodNameError as error:
            header, event = error.header, BadMethod(error.header)
        if header.kind != CallKind.UNARY:
            raise WireError("not-unary")
        self._calls += 1
        self._message_due = True
        return event

    def _end(self) -> End:
        if self._message_due:
            raise WireError("message-missing")
        if self._calls == 0:
            raise WireError("unexpected-end")
        self._told_end = True
        return End()


class BatchResponseReader:
    """Reads the response half of a batch of ``calls`` calls.

    What belongs to an answer comes out once the answer is whole (W-76).
    """

    def __init__(self, calls: int, limits: FrameLimits) -> None:
        self._frames = FrameReader(limits, self._place)
        self._due = set(range(calls))
        self._open: list[BatchResponseEvent] = []
        self._ready: list[BatchResponseEvent] = []
        self._told_end = False

    def feed(self, data: bytes) -> None:
        """Adds what arrived."""
        self._frames.feed(data)

    def next(self) -> BatchResponseEvent | None:
        """What comes next, or ``None`` where more bytes are needed. Raises ``WireError``."""
        while not self._ready and (self._told_end or not self._frames.has_ended):
            frame = self._frames.next()
            if frame is None:
                break
            if frame.type == FrameType.ANSWER:
                self._answer(Answer.decode(frame.body))
            elif frame.type == FrameType.LOAD:
                self._open.append(Load.decode(frame.body))
            else:
                is_status = frame.type == FrameType.STATUS
                self._open.append(Status.decode(frame.body) if is_status else Message(frame.body))
                self._ready, self._open = self._open, []
        if self._ready:
            return self._ready.pop(0)
        if self._frames.has_ended and not self._told_end:
            return self._end()
        return None

    def finish(self) -> None:
        """Says that the half was finished (FIN). Raises ``WireError`` where it was cut off (W-8)."""
        if not self._told_end:
            raise WireError("truncated")

    def _place(self, frame_type: FrameType) -> None:
        if not self._open:
            allowed = frame_type == FrameType.ANSWER
        elif frame_type == FrameType.LOAD:
            allowed = len(self._open) == 1
        else:
            allowed = frame_type in (FrameType.MESSAGE, FrameType.STATUS)
        if not allowed:
            raise WireError("unexpected-frame")

    def _answer(self, answer: Answer) -> None:
        if answer.index not in self._due:
            raise WireError("no-answer-due")
        self._due.remove(answer.index)
        self._open.append(answer)

    def _end(self) -> End:
        if self._open or self._due:
            raise WireError("message-missing")
        self._told_end = True
        return End()


CALLS_MAX = 256
"""Calls of one batch (W-73)."""

BATCHED_MESSAGE_MAX = 16 * 1024
"""Bytes of a message in the request half of a batch (W-74)."""
