"""A server that does what a test tells it to, right or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic import events
from aioquic.quic.connection import QuicConnection

import rpcnet
from peer.server import Server
from rpcnet.wire import frames
from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.control_stream import ControlReader
from rpcnet.wire.frames import FrameType, StreamKind

CONTROL = bytes([StreamKind.CONTROL])

LIMIT = 20.0

CA_FILE = "ca.pem"


class Peer(QuicConnectionProtocol):
    """The server's end of a connection. It does nothing by itself but say SETTINGS."""

    settings: Settings | None = Settings()
    made: asyncio.Queue[Peer]

    def __init__(self, quic: QuicConnection, stream_handler: object = None) -> None:
        super().__init__(quic)
        self.control = 3
        self.calls: asyncio.Queue[int] = asyncio.Queue()
        """Streams whose request has ended, or has no more to come for now."""
        self.stopped: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        """Streams that the client stopped, and with what."""
        self.resets: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        self.cancels: asyncio.Queue[Cancel] = asyncio.Queue()
        self.closed: asyncio.Future[int] = self._loop.create_future()
        self._reader = ControlReader()
        self._seen: set[int] = set()

    def send(self, stream_id: int, data: bytes, *, end: bool = False) -> None:
        """Writes to a stream."""
        self._quic.send_stream_data(stream_id, data, end_stream=end)
        self.transmit()

    def reset(self, stream_id: int, code: int) -> None:
        """Resets this side's half."""
        self._quic.reset_stream(stream_id, code)
        self.transmit()

    def stop(self, stream_id: int, code: int) -> None:
        """Stops the client's half."""
        self._quic.stop_stream(stream_id, code)
        self.transmit()

    def open(self, *, one_way: bool, data: bytes) -> int:
        """Opens a stream."""
        stream_id = self._quic.get_next_available_stream_id(is_unidirectional=one_way)
        self.send(stream_id, data)
        return stream_id

    def goaway(self, goaway: GoAway) -> None:
        """Says GOAWAY."""
        self.send(self.control, frames.encode(FrameType.GOAWAY, goaway.encode()))

    def quic_event_received(self, event: events.QuicEvent) -> None:
        match event:
            case events.HandshakeCompleted():
                if self.settings is not None:
                    settings = frames.encode(FrameType.SETTINGS, self.settings.encode())
                    self.control = self.open(one_way=True, data=CONTROL + settings)
                self.made.put_nowait(self)
            case events.StreamDataReceived():
                self._data_received(event.stream_id, event.data)
            case events.StreamReset():
                self.resets.put_nowait((event.stream_id, event.error_code))
            case events.StopSendingReceived():
                self.stopped.put_nowait((event.stream_id, event.error_code))
            case events.ConnectionTerminated():
                self.closed.set_result(event.error_code)

    def _data_received(self, stream_id: int, data: bytes) -> None:
        if stream_id % 4 == 0:
            if stream_id not in self._seen:
                self._seen.add(stream_id)
                self.calls.put_nowait(stream_id)
            return
        if stream_id not in self._seen:
            self._seen.add(stream_id)
            data = data[1:]
        self._reader.feed(data)
        while (event := self._reader.next()) is not None:
            if isinstance(event, Cancel):
                self.cancels.put_nowait(event)


T = TypeVar("T")


async def soon(queue: asyncio.Queue[T]) -> T:
    """The next of a queue."""
    async with asyncio.timeout(LIMIT):
        return await queue.get()


class Scripted:
    """A server of such peers."""

    def __init__(self, address: str, certs: Path, peers: asyncio.Queue[Peer]) -> None:
        self.address = address
        self.peers = peers
        self._certs = certs

    async def connect(self, options: rpcnet.Options | None = None) -> rpcnet.Client:
        """A client of it."""
        ca = self._certs / CA_FILE
        return await rpcnet.connect(
            self.address, ca=ca, server_name="localhost", options=options
        )

    async def peer(self) -> Peer:
        """The server's end of the next connection."""
        return await soon(self.peers)


@asynccontextmanager
async def scripted(certs: Path, settings: Settings | None = Settings()) -> AsyncIterator[Scripted]:
    """Serves until the block ends."""
    peers: asyncio.Queue[Peer] = asyncio.Queue()
    make: Callable[..., Peer] = type("P", (Peer,), {"settings": settings, "made": peers})
    server = Server({})
    try:
        yield Scripted(await server.start(certs, make), certs, peers)
    finally:
        server.stop()
