"""The server: its socket, its connections, and how it leaves."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer, serve
from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from peer.call import Call, Method
from rpcnet.tls import ALPN
from rpcnet.wire import frames
from rpcnet.wire.codes import Code, Origin, WireCode
from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.control_stream import ControlReader
from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import FrameType, StreamKind
from rpcnet.wire.status import Status

SETTINGS_DEADLINE = 5.0
CANCELS_MAX = 1024
SEND_BUFFER = 64 * 1024


class ServerConnection(QuicConnectionProtocol):
    """A client's connection."""

    def __init__(self, quic: QuicConnection, server: Server) -> None:
        super().__init__(quic)
        self.methods = server.methods
        self._server = server
        self._control = ControlReader()
        self._control_in: int | None = None
        self._control_out: int | None = None
        self._has_settings = asyncio.Event()
        self._missing: asyncio.TimerHandle | None = None
        self._streams: dict[int, Call | None] = {}
        self._calls: dict[int, Call] = {}
        self._cancelled: OrderedDict[int, None] = OrderedDict()
        self._room: dict[int, asyncio.Event] = {}
        self._is_draining = False

    # What a call needs.

    @property
    def running(self) -> int:
        return len(self._calls)

    def send(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        if stream_id in self._quic._streams:
            self._quic.send_stream_data(stream_id, data, end_stream=end)
            self._transmit_soon()

    async def room(self, stream_id: int) -> None:
        while self._unacknowledged(stream_id) >= SEND_BUFFER:
            event = self._room[stream_id] = asyncio.Event()
            await event.wait()

    def reset(self, stream_id: int, code: WireCode) -> None:
        if stream_id in self._quic._streams:
            self._quic.reset_stream(stream_id, code)
            self._transmit_soon()

    def stop(self, stream_id: int, code: WireCode) -> None:
        stream = self._quic._streams.get(stream_id)
        if stream is not None and not stream.receiver.is_finished:
            self._quic.stop_stream(stream_id, code)
            self._transmit_soon()

    async def admit(self, call: Call) -> Status | None:
        """Lets a call begin, once the client's SETTINGS are there (W-41)."""
        await self._has_settings.wait()
        assert call.header is not None
        if self._is_draining:
            text = "the server shuts down"
            return Status(Code.UNAVAILABLE, Origin.REFUSED, text, retry_after_ms=50)
        if len(self._calls) >= self._server.settings.concurrent_calls_max:
            return Status(Code.RESOURCE_EXHAUSTED, Origin.REFUSED, "too many calls")
        if call.header.call_id in self._cancelled:  # W-51
            return Status(Code.CANCELLED, Origin.REFUSED, "cancelled before it began")
        self._calls[call.header.call_id] = call
        return None

    def ended(self, call: Call) -> None:
        if call.header is not None:
            self._calls.pop(call.header.call_id, None)

    # How it leaves.

    def goaway(self, goaway: GoAway) -> None:
        self._is_draining = True
        self.send_control(FrameType.GOAWAY, goaway.encode())

    def cut(self) -> None:
        code = WireCode.SHUTDOWN if self._calls else WireCode.NO_ERROR
        for call in list(self._calls.values()):
            call.cut(WireCode.SHUTDOWN)
        self.transmit()  # closing would leave the resets unsent
        self.close(code)

    # What aioquic says.

    def quic_event_received(self, event: events.QuicEvent) -> None:
        match event:
            case events.HandshakeCompleted():
                self._begin()
            case events.StreamDataReceived():
                self._data_received(event.stream_id, event.data, event.end_stream)
            case events.StreamReset():
                call = self._streams.pop(event.stream_id, None)
                if call is not None:
                    call.cut(WireCode.CANCELLED)
            case events.ConnectionTerminated():
                self._server.connections.discard(self)
                for call in list(self._calls.values()):
                    call.cut(WireCode.CANCELLED)
                if self._missing is not None:
                    self._missing.cancel()

    def transmit(self) -> None:
        super().transmit()
        for stream_id in list(self._room):
            if self._unacknowledged(stream_id) < SEND_BUFFER:
                self._room.pop(stream_id).set()

    def send_control(self, frame_type: FrameType, body: bytes) -> None:
        if self._control_out is not None:
            self.send(self._control_out, frames.encode(frame_type, body))

    def _begin(self) -> None:
        self._server.connections.add(self)
        self._control_out = self._quic.get_next_available_stream_id(is_unidirectional=True)
        self._quic.send_stream_data(self._control_out, bytes([StreamKind.CONTROL]))
        self.send_control(FrameType.SETTINGS, self._server.settings.encode())
        self._missing = self._loop.call_later(
            SETTINGS_DEADLINE, self.close, WireCode.SETTINGS_MISSING
        )

    def _data_received(self, stream_id: int, data: bytes, end: bool) -> None:
        if stream_id == self._control_in:
            self._control_received(data)
        elif stream_id in self._streams:
            call = self._streams[stream_id]
            if call is not None:
                call.data_received(data, end)
        elif data and stream_id % 4 == 2 and data[0] == StreamKind.CONTROL:
            if self._control_in is not None:
                self.close(WireCode.PROTOCOL)  # W-40
                return
            self._control_in = stream_id
            self._control_received(data[1:])
        elif data and stream_id % 4 == 0 and data[0] == StreamKind.CALL:
            call = self._streams[stream_id] = Call(self, stream_id)
            call.data_received(data[1:], end)
        elif data:
            self._streams[stream_id] = None
            self.stop(stream_id, WireCode.UNKNOWN_STREAM_KIND)  # W-4
            if stream_id % 4 == 0:
                self.reset(stream_id, WireCode.UNKNOWN_STREAM_KIND)
        if end:
            self._streams.pop(stream_id, None)

    def _control_received(self, data: bytes) -> None:
        self._control.feed(data)
        try:
            while (event := self._control.next()) is not None:
                match event:
                    case Settings():
                        self._has_settings.set()
                        if self._missing is not None:
                            self._missing.cancel()
                    case Cancel():
                        self._cancel(event)
        except WireError as error:
            self.close(error.code)

    def _cancel(self, cancel: Cancel) -> None:
        self._cancelled[cancel.call_id] = None
        if len(self._cancelled) > CANCELS_MAX:
            self._cancelled.popitem(last=False)
        call = self._calls.get(cancel.call_id)
        if call is not None:
            call.cut(cancel.code)

    def _unacknowledged(self, stream_id: int) -> int:
        stream = self._quic._streams.get(stream_id)
        if stream is None:
            return 0
        return stream.sender._buffer_stop - stream.sender._buffer_start


class Server:
    """A socket that serves ``methods``."""

    def __init__(self, methods: dict[str, Method], settings: Settings | None = None) -> None:
        self.methods = methods
        self.settings = settings or Settings()
        self.connections: set[ServerConnection] = set()
        self._quic: QuicServer | None = None

    async def start(self, certs: Path, make: Callable[..., object] | None = None) -> str:
        """Listens on a free port, and returns the address."""
        configuration = QuicConfiguration(is_client=False, alpn_protocols=[ALPN])
        configuration.load_cert_chain(certs / "server.pem", certs / "server-key.pem")

        def connection(quic: QuicConnection, stream_handler: object) -> QuicConnectionProtocol:
            return ServerConnection(quic, self)

        self._quic = await serve(
            "127.0.0.1", 0, configuration=configuration, create_protocol=make or connection
        )
        assert self._quic._transport is not None
        host, port = self._quic._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    async def drain(self, grace: float, retry_after_ms: int = 0) -> None:
        """Says that it goes away, and cuts what is left after ``grace`` seconds."""
        goaway = GoAway(int(grace * 1000), retry_after_ms, "shutting down")
        connections = list(self.connections)
        for connection in connections:
            connection.goaway(goaway)
        deadline = asyncio.get_running_loop().time() + grace
        while any(connection.running for connection in connections):
            if asyncio.get_running_loop().time() >= deadline:
                break
            await asyncio.sleep(0.01)
        for connection in connections:
            connection.cut()

    def stop(self) -> None:
        """Closes the socket."""
        if self._quic is not None:
            self._quic.close()
