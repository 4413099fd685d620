"""One call, as the server has it: read, run under its deadline, answered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from rpcnet.codec import JSON, RAW, Codec
from rpcnet.wire import frames
from rpcnet.wire.calls import End, Message, RequestReader
from rpcnet.wire.codes import Code, Origin, WireCode
from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import FrameLimits, FrameType
from rpcnet.wire.header import CallKind, Header, MethodNameError
from rpcnet.wire.load import Load
from rpcnet.wire.status import Status

UNREAD_MAX = 16 * 1024 * 1024
"""Bytes of requests that a handler may leave unread."""

CODECS: dict[int, Codec[Any]] = {JSON.number: JSON, RAW.number: RAW}

Handler = Callable[["Context", AsyncIterator[Any]], AsyncGenerator[Any, None]]
"""An asynchronous generator: of the requests, it makes the responses."""


@dataclass(frozen=True)
class Context:
    """What a handler knows about its call."""

    header: Header
    remaining: float


@dataclass(frozen=True)
class Method:
    """A method of one shape, in one codec."""

    kind: CallKind
    codec: int
    handler: Handler


class Fault(Exception):
    """An error of the method's own type."""

    def __init__(self, value: object) -> None:
        super().__init__(repr(value))
        self.value = value


class Line(Protocol):
    """The connection, as a call sees it."""

    methods: dict[str, Method]

    def send(self, stream_id: int, data: bytes, *, end: bool = False) -> None: ...
    async def room(self, stream_id: int) -> None: ...
    def reset(self, stream_id: int, code: WireCode) -> None: ...
    def stop(self, stream_id: int, code: WireCode) -> None: ...
    async def admit(self, call: Call) -> Status | None: ...
    def ended(self, call: Call) -> None: ...
    @property
    def running(self) -> int: ...


class Call:
    """Reads what arrives on a stream, and answers there."""

    def __init__(self, line: Line, stream_id: int) -> None:
        self.stream_id = stream_id
        self.header: Header | None = None
        self._line = line
        self._reader = RequestReader(FrameLimits())
        self._task: asyncio.Task[None] | None = None
        self._messages: deque[bytes] = deque()
        self._unread = 0
        self._news = asyncio.Event()
        self._request_has_ended = False
        self._is_over = False

    def data_received(self, data: bytes, end: bool) -> None:
        """Bytes of the request."""
        if self._is_over:
            return
        self._reader.feed(data)
        try:
            self._read()
            if end:
                self._reader.finish()
        except MethodNameError as error:
            self.header = error.header
            text = "a method has 1 to 128 characters of A-Z a-z 0-9 _ . / -"
            self._answer(Status(Code.INVALID_ARGUMENT, Origin.REFUSED, text))
        except WireError as error:
            self.cut(error.code)
        self._news.set()

    def cut(self, code: WireCode) -> None:
        """Ends the handler, and both halves with ``code``."""
        if not self._is_over:
            self._end()
            self._line.reset(self.stream_id, code)
            self._line.stop(self.stream_id, code)

    def _read(self) -> None:
        while (event := self._reader.next()) is not None:
            match event:
                case Header():
                    self.header = event
                    self._task = asyncio.create_task(self._run(event))
                case Message():
                    self._messages.append(event.body)
                    self._unread += len(event.body)
                    if self._unread > UNREAD_MAX:
                        raise WireError("message-too-large")
                case End():
                    self._request_has_ended = True

    async def _run(self, header: Header) -> None:
        arrived = asyncio.get_running_loop().time()
        deadline = arrived + header.timeout_us / 1_000_000
        late = Status(Code.DEADLINE_EXCEEDED, Origin.SERVER, "the deadline passed")
        try:
            async with asyncio.timeout_at(deadline):
                refused = await self._line.admit(self) or self._refused(header)
                status = refused or await self._handle(self._line.methods[header.method], header)
        except TimeoutError:
            status = late
        except Exception:  # the handler's; what it is stays here
            status = Status(Code.INTERNAL, Origin.SERVER, "the handler failed")
        if status is not None or header.kind is not CallKind.UNARY:
            self._answer(status)

    def _refused(self, header: Header) -> Status | None:
        method = self._line.methods.get(header.method)
        if header.timeout_us == 0:
            return Status(Code.DEADLINE_EXCEEDED, Origin.REFUSED, "the deadline had passed")
        if method is None:
            return Status(Code.UNIMPLEMENTED, Origin.REFUSED, "there is no such method")
        if header.codec != method.codec:
            text = f"the method speaks {CODECS[method.codec].name} here"
            return Status(Code.INVALID_ARGUMENT, Origin.REFUSED, text)
        if header.kind is not method.kind:
            return Status(Code.INVALID_ARGUMENT, Origin.REFUSED, "the call has another shape")
        return None

    async def _handle(self, method: Method, header: Header) -> Status | None:
        codec = CODECS[method.codec]
        context = Context(header, header.timeout_us / 1_000_000)
        try:
            async with aclosing(self._requests(codec)) as requests:
                responses = method.handler(context, requests)
                async with aclosing(responses):
                    await self._respond(header.kind, codec, responses)
        except Fault as fault:
            text = type(fault).__name__
            return Status(Code.UNKNOWN, Origin.SERVICE, text, codec.encode(fault.value))
        return None

    async def _respond(
        self, kind: CallKind, codec: Codec[Any], responses: AsyncIterator[Any]
    ) -> None:
        async for response in responses:
            frame = frames.encode(FrameType.MESSAGE, codec.encode(response))
            if kind is CallKind.UNARY:
                self._answer(None, frame)
                return
            await self._line.room(self.stream_id)
            self._line.send(self.stream_id, frame)

    async def _requests(self, codec: Codec[Any]) -> AsyncGenerator[Any, None]:
        while True:
            if self._messages:
                message = self._messages.popleft()
                self._unread -= len(message)
                yield codec.decode(message)
            elif self._request_has_ended:
                return
            else:
                self._news.clear()
                await self._news.wait()

    def _answer(self, status: Status | None, first: bytes = b"") -> None:
        if self._is_over:
            return
        last = first
        if self.header is not None and self.header.wants_load:
            running = self._line.running
            last += frames.encode(FrameType.LOAD, Load(10 * running, running).encode())
        if status is not None:
            last += frames.encode(FrameType.STATUS, status.encode())
        self._line.send(self.stream_id, last + frames.END, end=True)
        if not self._request_has_ended:
            self._line.stop(self.stream_id, WireCode.NO_ERROR)  # W-34
        self._end()

    def _end(self) -> None:
        self._is_over = True
        self._line.ended(self)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
