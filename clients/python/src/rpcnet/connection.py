"""One connection: its control streams, and the calls on it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events

from rpcnet.call import Call
from rpcnet.endings import of_connect, of_connection
from rpcnet.errors import ClosedError, ConnectError, LimitError, RpcError
from rpcnet.options import Options
from rpcnet.places import Places
from rpcnet.quic import Quic
from rpcnet.tls import ALPN
from rpcnet.wire import frames
from rpcnet.wire.codes import WireCode
from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.control_stream import ControlReader
from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import FrameType, StreamKind
from rpcnet.wire.header import CallKind, Header

logger = logging.getLogger("rpcnet")


class GoingAwayError(Exception):
    """The connection takes no more calls; another one may."""


class Connection(QuicConnectionProtocol):
    """A connection to a server, from the handshake to its end.

    ``left`` is called once, when no call shall be started on it any more.
    """

    def __init__(self, quic: Quic, options: Options, left: Callable[[Connection], None]) -> None:
        super().__init__(quic)
        self.quic = quic
        self.options = options
        self.settings = Settings()
        """The server's, once ``ready`` is done."""
        self.ready: asyncio.Future[None] = self._loop.create_future()
        """Done when the server's SETTINGS arrived (W-42); fails with ``ConnectError``."""
        self.ended: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection is over and nothing will be sent any more."""
        self.blocked: set[Call] = set()
        """Calls that wait until more of their request is acknowledged."""
        self.retry_after: float | None = None
        """Seconds for which a GOAWAY asked to be left alone."""

        self._left = left
        self._calls: dict[int, Call] = {}
        self._next_call_id = 1
        self._places = Places(0, options.waiting_calls_max, lambda: quic.stream_credit)
        self._is_leaving = False
        self._failure: RpcError | None = None
        self._control_out: int | None = None
        self._control_in: int | None = None
        self._refused: set[int] = set()
        self._control = ControlReader()
        self._keep_alive: asyncio.TimerHandle | None = None

    # What the client does.

    async def place(self) -> None:
        """Waits until the server takes one call more. ``open`` or ``give_back`` has to follow.

        Raises ``GoingAwayError`` where it will not, and ``LimitError``.
        """
        if self._is_leaving:
            raise GoingAwayError
        await self._places.take()

    def give_back(self) -> None:
        """Gives back a place for which no call was opened."""
        self._places.release(had_stream=False)
        self._close_if_idle()

    def open(
        self, header: Header, deadline: float, decode_error: Callable[[bytes], object]
    ) -> Call:
        """Opens a call, for which there is a place; its id and its timeout are set here.

        Nothing is sent before this turn of the event loop is over. Raises ``LimitError`` where the
        server takes no header of this size; the place is still to be given back then.
        """
        call_id, self._next_call_id = self._next_call_id, self._next_call_id + 1
        left = max(0, int((deadline - self._loop.time()) * 1_000_000))
        body = replace(header, call_id=call_id, timeout_us=left).encode()
        if len(body) > self.settings.header_bytes_max:
            raise LimitError(
                f"method and metadata come to {len(body)} bytes, and the server's SETTINGS take "
                f"{self.settings.header_bytes_max} (header_bytes_max)",
                may_have_run=False,
            )
        self._places.opened()
        stream_id = self.quic.get_next_available_stream_id()
        call = Call(self, stream_id, call_id, header.kind, deadline, decode_error)
        self._calls[stream_id] = call
        call.write(bytes([StreamKind.CALL]) + frames.encode(FrameType.HEADER, body))
        return call

    def frame(self, message: bytes) -> bytes:
        """A message in its frame. Raises ``LimitError`` where the server takes none so long."""
        most = self.settings.message_bytes_max
        if len(message) > most:
            raise LimitError(
                f"a message has {len(message)} bytes, and the server's SETTINGS take {most} "
                "(message_bytes_max)",
                may_have_run=False,
            )
        return frames.encode(FrameType.MESSAGE, message)

    def cancel(self, call_id: int, code: WireCode) -> None:
        """Tells the server that nobody waits for a call any more."""
        self._send_control(FrameType.CANCEL, Cancel(call_id, code).encode())

    def transmit_soon(self) -> None:
        """Sends what is to be sent, together with what else is written in this turn."""
        self._transmit_soon()

    def leave(self) -> None:
        """Starts no more calls, lets those that run go on, and then closes."""
        if not self._is_leaving:
            self._is_leaving = True
            self._places.fail(GoingAwayError())
            self._left(self)
        self._close_if_idle()

    def shut(self) -> None:
        """Ends all calls with ``ClosedError`` and closes."""
        self._lose(ClosedError(may_have_run=True))
        self.close(WireCode.NO_ERROR)

    def abandon(self) -> None:
        """Closes, and does not stay to hear whether the server learnt of it."""
        self.shut()
        self._end()

    # What aioquic says.

    def quic_event_received(self, event: events.QuicEvent) -> None:
        match event:
            case events.HandshakeCompleted():
                self._open_control(event.alpn_protocol)
            case events.StreamDataReceived():
                self._data_received(event.stream_id, event.data, event.end_stream)
            case events.StreamReset():
                self._stream_reset(event.stream_id, event.error_code)
            case events.StopSendingReceived():
                call = self._calls.get(event.stream_id)
                if call is not None:
                    call.request_stopped()
            case events.ConnectionTerminated():
                self._notice_end()
                self._end()

    def transmit(self) -> None:
        super().transmit()
        if self._failure is None:
            self._notice_end()
            self._places.give_out()
            for call in self.blocked:
                call.acknowledged()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every event loop's transports are instances of it.
        super().connection_made(_OnePeer(cast(asyncio.DatagramTransport, transport)))

    def error_received(self, exc: Exception) -> None:
        """The machine says that a datagram could not be delivered."""
        if not self.ready.done():
            self._lose(ConnectError(f"nothing listens there: {exc}"))
            self.close(WireCode.NO_ERROR)

    # Streams.

    def _data_received(self, stream_id: int, data: bytes, end: bool) -> None:
        call = self._calls.get(stream_id)
        if call is not None:
            call.data_received(data, end=end)
            if end:
                self._forget(stream_id)
        elif stream_id == self._control_in:
            self._control_received(data, end)
        elif self._is_control(stream_id, data):
            if self._control_in is not None:
                self._break(WireCode.PROTOCOL)  # W-40
                return
            self._control_in = stream_id
            self._control_received(data[1:], end)
        elif stream_id % 4 in (_FROM_SERVER_ONE_WAY, _FROM_SERVER):
            self._refuse(stream_id)  # W-4, W-5
            if end:
                self._refused.discard(stream_id)

    def _stream_reset(self, stream_id: int, code: int) -> None:
        call = self._calls.get(stream_id)
        if call is not None:
            call.response_reset(WireCode.read(code))
            self._forget(stream_id)
        elif stream_id == self._control_in:
            self.leave()
        self._refused.discard(stream_id)

    def _forget(self, stream_id: int) -> None:
        """The server has said all that it will say in a call: its place is free."""
        del self._calls[stream_id]
        self._places.release(had_stream=True)
        self._close_if_idle()

    def _is_control(self, stream_id: int, data: bytes) -> bool:
        is_new = stream_id % 4 == _FROM_SERVER_ONE_WAY and stream_id not in self._refused
        return is_new and data[:1] == bytes([StreamKind.CONTROL])

    def _refuse(self, stream_id: int) -> None:
        if stream_id in self._refused:
            return
        self._refused.add(stream_id)
        self.quic.stop_if_open(stream_id, WireCode.UNKNOWN_STREAM_KIND)
        if stream_id % 4 == _FROM_SERVER:
            self.quic.reset_if_open(stream_id, WireCode.UNKNOWN_STREAM_KIND)

    # Control streams.

    def _open_control(self, alpn: str | None) -> None:
        if alpn != ALPN:
            self._lose(ConnectError(f"the server does not speak {ALPN}"))
            self.close(WireCode.PROTOCOL)
            return
        keep_alive = self.options.keep_alive
        settings = Settings(
            message_bytes_max=self.options.message_bytes_max,
            keep_alive_us=0 if keep_alive is None else int(keep_alive * 1_000_000),
        )
        self._control_out = self.quic.get_next_available_stream_id(is_unidirectional=True)
        self.quic.send_stream_data(self._control_out, bytes([StreamKind.CONTROL]))
        self._send_control(FrameType.SETTINGS, settings.encode())

    def _send_control(self, frame_type: FrameType, body: bytes) -> None:
        if self._control_out is None or self._failure is not None:
            return
        if self.quic.unacknowledged(self._control_out) > _CONTROL_MAX:
            self._break(WireCode.STALLED)
            return
        self.quic.send_stream_data(self._control_out, frames.encode(frame_type, body))
        self.transmit_soon()

    def _control_received(self, data: bytes, end: bool) -> None:
        self._control.feed(data)
        try:
            while (event := self._control.next()) is not None:
                match event:
                    case Settings():
                        self._settings_received(event)
                    case GoAway():
                        self._goaway_received(event)
                    case Cancel():
                        pass  # W-52
        except WireError as error:
            self._break(error.code)  # W-43
            return
        if end:
            self.leave()

    def _settings_received(self, settings: Settings) -> None:
        self.settings = settings
        self._places = Places(
            settings.concurrent_calls_max,
            self.options.waiting_calls_max,
            lambda: self.quic.stream_credit,
        )
        wanted = [round((self.options.keep_alive or 0) * 1_000_000), settings.keep_alive_us]
        intervals = [interval / 1_000_000 for interval in wanted if interval]
        within_idle = self.options.idle_timeout / 3
        # Early enough that a late timer does not miss the interval.
        interval = max(_KEEP_ALIVE_MIN, 0.9 * min([*intervals, within_idle]))
        self._ping_every(interval, when_idle=bool(intervals))
        if not self.ready.done():
            self.ready.set_result(None)

    def _goaway_received(self, goaway: GoAway) -> None:
        seconds = min(goaway.retry_after_ms, _RETRY_AFTER_MAX_MS) / 1000
        self.retry_after = seconds or None
        logger.debug("server goes away", extra={"grace_ms": goaway.grace_ms})
        self.leave()

    def _ping_every(self, interval: float, *, when_idle: bool) -> None:
        def ping() -> None:
            if when_idle or self._calls:
                self.quic.send_ping(0)
                self.transmit()
            self._ping_every(interval, when_idle=when_idle)

        if self._failure is not None:
            return

        self._keep_alive = self._loop.call_later(interval, ping)

    # The end.

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self.ended.done():
            self.ended.set_result(None)

    def _close_if_idle(self) -> None:
        if self._is_leaving and self._failure is None and self._places.are_all_free:
            self._lose(ClosedError(may_have_run=False))
            self.close(WireCode.NO_ERROR)

    def _break(self, code: WireCode) -> None:
        """Closes the connection because of what the server did."""
        self.close(code)
        self._notice_end()

    def _notice_end(self) -> None:
        end = self.quic.end
        if end is not None:
            by_peer = self.quic.was_ended_by_peer
            in_handshake = not self.ready.done()
            self._lose((of_connect if in_handshake else of_connection)(end, by_peer))

    def _lose(self, error: RpcError) -> None:
        if self._failure is not None:
            return
        self._failure = error
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # whoever waited may be gone
        for call in list(self._calls.values()):
            if isinstance(error, ClosedError):
                call.fail(error)
            call.connection_lost(error)
        self._calls.clear()
        self.leave()


class _OnePeer(asyncio.DatagramTransport):
    """A socket that is connected to the server, and to no other address."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        super().__init__()
        self._inner = transport

    def sendto(self, data: bytes | bytearray | memoryview, addr: object = None) -> None:
        if not self._inner.is_closing():
            self._inner.sendto(data)

    def close(self) -> None:
        self._inner.close()


_FROM_SERVER, _FROM_SERVER_ONE_WAY = 1, 3
"""The two lowest bits of the ids of streams that a server opens."""

_CONTROL_MAX = 64 * 1024
"""Bytes on the control stream that the server may leave unacknowledged."""

_KEEP_ALIVE_MIN = 0.01
"""Seconds between two PINGs at least, whatever a server asks for."""

_RETRY_AFTER_MAX_MS = 60_000
"""For how long a server can ask to be left alone."""
