"""One call on one connection: its two halves, its deadline, its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from rpcnet.errors import (
    CallCutError,
    DeadlineExceededError,
    LimitError,
    ProtocolError,
    RpcError,
    of_status,
)
from rpcnet.wire.calls import End, Message, ResponseReader
from rpcnet.wire.codes import WireCode
from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import FrameLimits
from rpcnet.wire.header import CallKind
from rpcnet.wire.load import Load
from rpcnet.wire.status import Status

if TYPE_CHECKING:
    from rpcnet.connection import Connection


class Call:
    """A call whose stream is open.

    The connection says what arrives, one task sends, one task receives. What arrived stays in
    bytes until it is asked for, so that the stream's window bounds it.
    """

    def __init__(
        self,
        connection: Connection,
        stream_id: int,
        call_id: int,
        kind: CallKind,
        deadline: float,
        decode_error: Callable[[bytes], object],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.stream_id = stream_id
        self.call_id = call_id
        options = connection.options
        self._connection = connection
        self._quic = connection.quic
        self._reader = ResponseReader(kind, FrameLimits(message=options.message_bytes_max))
        self._decode_error = decode_error
        self._sender: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        self._is_over = False
        self._request_is_open = True
        self._response_has_ended = False
        self._is_stopped = False
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._timer = self.loop.call_at(deadline, self._expire)

    @property
    def is_over(self) -> bool:
        """Whether nothing of the call is left at either side, as far as this one knows."""
        return self._is_over

    # What the caller does.

    def write(self, data: bytes, *, end: bool = False) -> None:
        """Sends bytes of the request. Without effect where the request was given up."""
        if self._request_is_open:
            self._request_is_open = not end
            self._quic.send_stream_data(self.stream_id, data, end_stream=end)
            self._connection.transmit_soon()

    async def room_to_write(self) -> None:
        """Waits until more may be sent."""
        while self._request_is_open and not self._has_room():
            self._writable = self.loop.create_future()
            self._connection.blocked.add(self)
            try:
                await self._writable
            finally:
                self._writable = None
                self._connection.blocked.discard(self)

    def send_with(self, sending: Coroutine[None, None, None]) -> None:
        """Lets a task write the rest of the request.

        It is cancelled where no more is wanted. An error of it ends the call, and is what
        ``receive`` raises.
        """

        async def send() -> None:
            try:
                await sending
            except Exception as error:
                self.fail(error)

        self._sender = asyncio.create_task(send())
        if not self._request_is_open:
            self._sender.cancel()

    async def settle(self) -> None:
        """Cancels what has not ended, and waits a moment for the request's items to be let go."""
        self.cancel()
        if self._sender is not None and self._sender is not asyncio.current_task():
            await asyncio.wait({self._sender}, timeout=_SETTLE_MAX)

    async def receive(self) -> bytes | None:
        """The next message of the response, or ``None`` at its end.

        Raises the error that the call ended with. Cancelling loses nothing.
        """
        while not self._is_over:
            try:
                event = self._reader.next()
            except WireError as error:
                raise self._broken(error) from None
            match event:
                case Message(body):
                    self._account(self._reader.held_bytes)
                    return body
                case Load():
                    continue
                case Status() | End():
                    self._finish(event)
                    return None
            # What there is of a message has to be held, so its rest must be let in.
            self._account(0)
            if self._failure is None and self._response_has_ended:
                self._failure = CallCutError(None)
            if self._failure is not None:
                self._end(WireCode.CANCELLED)
                break
            self._readable = self.loop.create_future()
            try:
                await self._readable
            finally:
                self._readable = None
        if self._failure is not None:
            raise self._failure
        return None

    async def receive_only(self) -> bytes:
        """The one message of the response, once its end was read (W-33)."""
        message = await self.receive()
        if message is None or await self.receive() is not None:
            raise ProtocolError("message-missing")
        return message

    def cancel(self, code: WireCode = WireCode.CANCELLED) -> None:
        """Ends the call at the server, where it has not ended."""
        if not self._is_over:
            self._connection.cancel(self.call_id, code)
            self._end(code)

    # What the connection says.

    def data_received(self, data: bytes, *, end: bool) -> None:
        """Bytes of the response."""
        self._response_has_ended = end
        if self._is_over:
            if data and not self._is_stopped:
                self._stop(WireCode.PROTOCOL)  # bytes after the end marker (W-7)
            return
        self._reader.feed(data)
        self._account(self._reader.held_bytes)
        _wake(self._readable)

    def response_reset(self, code: WireCode) -> None:
        """The server reset the response. What came before can still be read."""
        self._response_has_ended = True
        if not self._is_over:
            self._failure = self._failure or CallCutError(code)
            _wake(self._readable)

    def request_stopped(self) -> None:
        """The server wants no more of the request; QUIC has reset it (W-34)."""
        self._give_up_request()

    def connection_lost(self, error: RpcError) -> None:
        """The connection is gone. What came before can still be read."""
        self._give_up_request()
        self._response_has_ended = True
        if not self._is_over:
            self._failure = self._failure or error
            self._timer.cancel()
            _wake(self._readable)

    def acknowledged(self) -> None:
        """Something that was sent has arrived."""
        if self._writable is not None and self._has_room():
            _wake(self._writable)

    # How it ends.

    def fail(self, error: Exception, code: WireCode = WireCode.CANCELLED) -> None:
        """Ends the call with an error of this side, now."""
        if not self._is_over:
            self._failure = error
            self.cancel(code)

    def _expire(self) -> None:
        if self._response_has_ended and self._failure is None:
            return  # it was answered in time, and is read late
        error = DeadlineExceededError("the deadline passed", may_have_run=True)
        self.fail(error, WireCode.DEADLINE_EXCEEDED)

    def _finish(self, event: Status | End) -> None:
        try:
            self._reader.next()
        except WireError as error:
            raise self._broken(error) from None
        if isinstance(event, Status):
            self._failure = of_status(event, self._decode_error)
        self._end(WireCode.NO_ERROR)
        if self._failure is not None:
            raise self._failure

    def _broken(self, error: WireError) -> RpcError:
        if error.kind == "message-too-large":
            most = self._connection.options.message_bytes_max
            self._failure = LimitError(
                f"a message of the response is longer than {most} bytes "
                "(Options.message_bytes_max)",
                may_have_run=True,
            )
        else:
            self._failure = ProtocolError(error.kind)
        self._connection.cancel(self.call_id, WireCode.CANCELLED)
        self._end(error.code)
        return self._failure

    def _end(self, code: WireCode) -> None:
        """Leaves nothing of the call behind: what is open of its halves is ended with ``code``."""
        self._is_over = True
        self._timer.cancel()
        if self._request_is_open:
            self._quic.reset_if_open(self.stream_id, code)
        self._give_up_request()
        if code is not WireCode.NO_ERROR:
            self._stop(code)
        self._account(0)
        self._connection.transmit_soon()
        _wake(self._readable)

    def _give_up_request(self) -> None:
        self._request_is_open = False
        _wake(self._writable)
        if self._sender is not None:
            self._sender.cancel()

    def _stop(self, code: WireCode) -> None:
        self._is_stopped = True
        self._quic.stop_if_open(self.stream_id, code)

    def _account(self, unread: int) -> None:
        if self._quic.set_unread(self.stream_id, unread):
            self._connection.transmit_soon()

    def _has_room(self) -> bool:
        return self._quic.unacknowledged(self.stream_id) < self._connection.options.send_buffer


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


_SETTLE_MAX = 1.0
"""Seconds for the caller's iterator of items to notice that it was cancelled."""
