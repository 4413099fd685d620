"""The client: calls of the four shapes to one server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

from rpcnet.call import Call
from rpcnet.codec import JSON, Codec
from rpcnet.connection import Connection, GoingAwayError
from rpcnet.dial import Address, dial
from rpcnet.errors import ClosedError, ConnectError, DeadlineExceededError, PayloadError
from rpcnet.options import CallOptions, Options, check_timeout
from rpcnet.responses import Responses
from rpcnet.tls import StrPath, Tls
from rpcnet.wire import frames
from rpcnet.wire.header import CallKind, Header, check_metadata, check_method
from rpcnet.wire.trace import TraceContext

T = TypeVar("T")


class _Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Any = _Nothing()
"""The arguments of a streaming method that takes none besides its stream."""

Items = AsyncIterable[object] | Iterable[object]
"""The items of a request stream."""


async def connect(
    address: str,
    *,
    ca: StrPath,
    cert: StrPath | None = None,
    key: StrPath | None = None,
    server_name: str | None = None,
    options: Options | None = None,
) -> Client:
    """Connects to the server at ``address``, such as ``localhost:4433``.

    - ``ca``: PEM file of whoever signs the server's certificate.
    - ``cert`` and ``key``: PEM files of the client's own certificate, where the server demands one.
    - ``server_name``: what the server's certificate is valid for, where that is not the host of
      ``address``.
    - ``options``: timeouts and limits.

    Raises ``ConnectError`` where there is no such server or one side does not trust the other,
    ``OSError`` where a file cannot be read, and ``ValueError`` for arguments that make no sense.

    Use the result with ``async with``, or close it.
    """
    where = Address.parse(address)
    tls = Tls.read(ca, cert, key, server_name or where.host)
    client = Client(where, tls, options or Options())
    try:
        await client.connect()
    except BaseException:
        await client.close()
        raise
    return client


class Client:
    """Calls to one server. Made by ``rpcnet.connect``.

    It belongs to the event loop in which it was made, and any number of its tasks may use it. A
    lost connection is made again by the next call; calls are never repeated.

    What all calls take:

    - ``method``: the name on the wire, such as ``Calculator.divide``.
    - ``codec``: what messages are written in, ``JSON`` by default.
    - ``timeout``, ``metadata``, ``idempotent``, ``trace``: see ``CallOptions``.

    All raise ``RpcError`` where the call fails, and ``ValueError`` for a method, metadata or a
    timeout that cannot be. Cancelling the task that waits cancels the call at the server.
    """

    def __init__(self, address: Address, tls: Tls, options: Options) -> None:
        self._address = address
        self._tls = tls
        self._options = options
        self._current: Connection | None = None
        self._connections: set[Connection] = set()
        self._dialling: asyncio.Task[Connection] | None = None
        self._not_before = 0.0
        self._is_closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends running calls with ``ClosedError`` and closes the connection.

        Takes a moment, in which the server learns of it, and at most a second.
        """
        self._is_closed = True
        if self._dialling is not None:
            self._dialling.cancel()
        connections = list(self._connections)
        for connection in connections:
            connection.shut()
        try:
            if connections:
                endings = [connection.ended for connection in connections]
                await asyncio.wait(endings, timeout=_CLOSE_MAX)
        finally:
            for connection in connections:
                connection.abandon()

    # The four shapes.

    @overload
    async def call(
        self, method: str, arguments: object = ..., **options: Unpack[CallOptions]
    ) -> Any: ...

    @overload
    async def call(
        self,
        method: str,
        arguments: object = ...,
        *,
        codec: Codec[T],
        **options: Unpack[CallOptions],
    ) -> T: ...

    async def call(
        self,
        method: str,
        arguments: object = None,
        *,
        codec: Codec[Any] = JSON,
        **options: Unpack[CallOptions],
    ) -> Any:
        """One request, one reply.

        The arguments of a typed method are the argument itself where there is one, a ``dict`` by
        name where there are several, and ``None`` where there is none.
        """
        request = codec.encode(arguments)
        call = await self._start(method, CallKind.UNARY, codec, request, options)
        try:
            return _read(method, codec, await call.receive_only())
        finally:
            call.cancel()

    @overload
    def server_streaming(
        self, method: str, arguments: object = ..., **options: Unpack[CallOptions]
    ) -> Responses[Any]: ...

    @overload
    def server_streaming(
        self,
        method: str,
        arguments: object = ...,
        *,
        codec: Codec[T],
        **options: Unpack[CallOptions],
    ) -> Responses[T]: ...

    def server_streaming(
        self,
        method: str,
        arguments: object = None,
        *,
        codec: Codec[Any] = JSON,
        **options: Unpack[CallOptions],
    ) -> Responses[Any]:
        """One request, any number of replies: ``async for`` over the result."""
        request = codec.encode(arguments)

        async def start() -> Call:
            return await self._start(method, CallKind.SERVER_STREAMING, codec, request, options)

        return Responses(start, lambda message: _read(method, codec, message))

    @overload
    async def client_streaming(
        self, method: str, items: Items, arguments: object = ..., **options: Unpack[CallOptions]
    ) -> Any: ...

    @overload
    async def client_streaming(
        self,
        method: str,
        items: Items,
        arguments: object = ...,
        *,
        codec: Codec[T],
        **options: Unpack[CallOptions],
    ) -> T: ...

    async def client_streaming(
        self,
        method: str,
        items: Items,
        arguments: object = NOTHING,
        *,
        codec: Codec[Any] = JSON,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Any number of requests, one reply.

        ``items`` may be asynchronous or not; they are asked for as the server takes them, and no
        longer once it has answered. ``arguments`` are those that the method has besides them.
        """
        call = await self._start_with(
            method, CallKind.CLIENT_STREAMING, codec, arguments, items, options
        )
        try:
            return _read(method, codec, await call.receive_only())
        finally:
            await call.settle()

    @overload
    def bidirectional(
        self, method: str, items: Items, arguments: object = ..., **options: Unpack[CallOptions]
    ) -> Responses[Any]: ...

    @overload
    def bidirectional(
        self,
        method: str,
        items: Items,
        arguments: object = ...,
        *,
        codec: Codec[T],
        **options: Unpack[CallOptions],
    ) -> Responses[T]: ...

    def bidirectional(
        self,
        method: str,
        items: Items,
        arguments: object = NOTHING,
        *,
        codec: Codec[Any] = JSON,
        **options: Unpack[CallOptions],
    ) -> Responses[Any]:
        """Any number of requests and of replies, at the same time."""

        async def start() -> Call:
            return await self._start_with(
                method, CallKind.BIDIRECTIONAL, codec, arguments, items, options
            )

        return Responses(start, lambda message: _read(method, codec, message))

    # How a call begins.

    async def _start(
        self, method: str, kind: CallKind, codec: Codec[Any], request: bytes, options: CallOptions
    ) -> Call:
        _, call = await self._open(method, kind, codec, options, request)
        call.write(frames.END, end=True)
        return call

    async def _start_with(
        self,
        method: str,
        kind: CallKind,
        codec: Codec[Any],
        arguments: object,
        items: Items,
        options: CallOptions,
    ) -> Call:
        first = None if arguments is NOTHING else codec.encode(arguments)
        connection, call = await self._open(method, kind, codec, options, first)
        call.send_with(_send_items(connection, call, codec, items))
        return call

    async def _open(
        self,
        method: str,
        kind: CallKind,
        codec: Codec[Any],
        options: CallOptions,
        first: bytes | None,
    ) -> tuple[Connection, Call]:
        header = _header(method, kind, codec, options)
        default = self._options.timeout if kind is CallKind.UNARY else self._options.stream_timeout
        loop = asyncio.get_running_loop()
        deadline = loop.time() + check_timeout(options.get("timeout", default))
        late = DeadlineExceededError(
            "the deadline passed before the call could be sent", may_have_run=False
        )
        try:
            async with asyncio.timeout_at(deadline):
                connection = await self._place()
        except TimeoutError:
            raise late from None
        try:
            if loop.time() >= deadline:
                raise late
            frame = b"" if first is None else connection.frame(first)
            call = connection.open(header, deadline, codec.decode)
        except BaseException:
            connection.give_back()
            raise
        call.write(frame)
        return connection, call

    async def _place(self) -> Connection:
        while True:
            connection = await self._connection()
            try:
                await connection.place()
                return connection
            except GoingAwayError:
                continue

    # Connections.

    async def connect(self) -> None:
        """Connects where there is no connection; a call does so by itself."""
        await self._connection()

    async def _connection(self) -> Connection:
        if self._is_closed:
            raise ClosedError(may_have_run=False)
        if self._current is not None:
            return self._current
        if self._dialling is None:
            self._dialling = asyncio.create_task(self._dial())
            self._dialling.add_done_callback(self._dialled)
        dialling = self._dialling
        try:
            return await asyncio.shield(dialling)
        except asyncio.CancelledError:
            if self._is_closed and dialling.cancelled():
                raise ClosedError(may_have_run=False) from None
            raise

    async def _dial(self) -> Connection:
        wait = self._not_before - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        connection = await dial(self._address, self._tls, self._options, self._left)
        self._connections.add(connection)
        connection.ended.add_done_callback(lambda _: self._connections.discard(connection))
        if self._is_closed:
            connection.shut()
            raise ClosedError(may_have_run=False)
        self._current = connection
        return connection

    def _dialled(self, dialling: asyncio.Task[Connection]) -> None:
        self._dialling = None
        if not dialling.cancelled():
            dialling.exception()  # whoever waited for it may be gone

    def _left(self, connection: Connection) -> None:
        if connection.retry_after is not None:
            now = asyncio.get_running_loop().time()
            self._not_before = max(self._not_before, now + connection.retry_after)
        if self._current is connection:
            self._current = None


def _header(method: str, kind: CallKind, codec: Codec[Any], options: CallOptions) -> Header:
    given: Mapping[str, str | bytes] = options.get("metadata", {})
    metadata = {
        key: value.encode("utf-8") if isinstance(value, str) else value
        for key, value in given.items()
    }
    check_method(method)
    check_metadata(metadata)
    trace = options.get("trace")
    if isinstance(trace, str):
        trace = TraceContext.parse(trace)
    if trace is not None:
        trace.encode()  # raises where it is none
    return Header(
        call_id=0,
        kind=kind,
        codec=codec.number,
        timeout_us=0,
        method=method,
        idempotent=options.get("idempotent", False),
        trace=trace,
        metadata=metadata,
    )


def _read(method: str, codec: Codec[T], message: bytes) -> T:
    try:
        return codec.decode(message)
    except ValueError as error:
        text = f"a message of {method} is not {codec.name}: {error}"
        raise PayloadError(text) from error


async def _send_items(
    connection: Connection, call: Call, codec: Codec[Any], items: Items
) -> None:
    """Sends a stream of requests, each once there is room for it."""
    iterator = aiter(items) if isinstance(items, AsyncIterable) else _in_turns(items)
    try:
        while True:
            await call.room_to_write()
            try:
                item = await anext(iterator)
            except StopAsyncIteration:
                break
            call.write(connection.frame(codec.encode(item)))
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
    call.write(frames.END, end=True)


async def _in_turns(items: Iterable[object]) -> AsyncIterator[object]:
    for count, item in enumerate(items, start=1):
        yield item
        if count % _TURN == 0:
            await asyncio.sleep(0)


_TURN = 64
"""Items of an iterable that is not asynchronous, until other tasks have their turn."""

_CLOSE_MAX = 1.0
"""Seconds for the server to be told that the connection is closed."""
