"""What aioquic does not offer in public, in one place.

aioquic doubles its receive windows as data arrives, whoever reads it, and buffers without end
what is sent. Both make for queues without a bound. This subclass ties the windows to what was
read, and says how much of a stream is not acknowledged. It uses internals for that, which is why
the package names the minor version of aioquic, and tests fail where one of them changed.
"""

from __future__ import annotations

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import (
    CONNECTION_LIMIT_FRAME_CAPACITY,
    MAX_STREAM_DATA_FRAME_CAPACITY,
    QuicConnection,
    QuicConnectionState,
)
from aioquic.quic.events import ConnectionTerminated
from aioquic.quic.packet import QuicFrameType
from aioquic.quic.packet_builder import QuicPacketBuilder
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream


class Quic(QuicConnection):
    """A client's connection whose receive windows move as its streams are read."""

    def __init__(self, configuration: QuicConfiguration) -> None:
        super().__init__(configuration=configuration)
        self._stream_window = configuration.max_stream_data
        self._connection_window = configuration.max_data
        self._unread: dict[int, int] = {}
        self._unread_total = 0

    def set_unread(self, stream_id: int, count: int) -> bool:
        """Says how many bytes of a stream arrived and were not read.

        Returns whether the peer is to be given new credit for it, which ``transmit`` sends.
        """
        self._unread_total += count - self._unread.get(stream_id, 0)
        if count:
            self._unread[stream_id] = count
        else:
            self._unread.pop(stream_id, None)
        stream = self._streams.get(stream_id)
        return self._has_room() or (stream is not None and self._stream_has_room(stream))

    def unacknowledged(self, stream_id: int) -> int:
        """How many bytes of a stream were written and not acknowledged by the peer."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return 0
        return stream.sender._buffer_stop - stream.sender._buffer_start

    @property
    def stream_credit(self) -> int:
        """How many more bidirectional streams the peer lets this side open now.

        aioquic lets more be opened and holds them back, but resets of such streams it sends all
        the same, which ends the connection. So none may be opened without credit.
        """
        return self._remote_max_streams_bidi - self._local_next_stream_id_bidi // 4

    @property
    def end(self) -> ConnectionTerminated | None:
        """Why the connection ends, as soon as that is known.

        The public event comes when the closing period is over, three probe timeouts later.
        """
        return self._close_event

    @property
    def was_ended_by_peer(self) -> bool:
        """Whether it was the peer who closed the connection."""
        return self._state == QuicConnectionState.DRAINING

    def reset_if_open(self, stream_id: int, code: int) -> None:
        """RESET_STREAM on this side's half, where there is something to reset."""
        if stream_id in self._streams:
            self.reset_stream(stream_id, code)

    def stop_if_open(self, stream_id: int, code: int) -> None:
        """STOP_SENDING on the peer's half, where the peer has not ended it."""
        stream = self._streams.get(stream_id)
        if stream is not None and not stream.receiver.is_finished:
            self.stop_stream(stream_id, code)

    def _has_room(self) -> bool:
        limit = self._local_max_data
        gain = self._connection_limit() - limit.value
        return gain > 0 and gain >= limit.value - limit.used

    def _stream_has_room(self, stream: QuicStream) -> bool:
        gain = self._stream_limit_of(stream) - stream.max_stream_data_local
        left = stream.max_stream_data_local - stream.receiver.highest_offset
        return not stream.receiver.is_finished and gain > 0 and gain >= left

    def _connection_limit(self) -> int:
        return self._local_max_data.used - self._unread_total + self._connection_window

    def _stream_limit_of(self, stream: QuicStream) -> int:
        unread = self._unread.get(stream.stream_id or 0, 0)
        return stream.receiver.starting_offset() - unread + self._stream_window

    # In place of aioquic's. A limit is raised by what was read, once that doubles at least what the
    # peer has left of it.

    def _write_stream_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace, stream: QuicStream
    ) -> None:
        if not stream.max_stream_data_local:
            return  # a stream that only this side writes
        if self._stream_has_room(stream):
            stream.max_stream_data_local = self._stream_limit_of(stream)
        if stream.max_stream_data_local_sent != stream.max_stream_data_local:
            buf = builder.start_frame(
                QuicFrameType.MAX_STREAM_DATA,
                capacity=MAX_STREAM_DATA_FRAME_CAPACITY,
                handler=self._on_max_stream_data_delivery,
                handler_args=(stream,),
            )
            buf.push_uint_var(stream.stream_id or 0)
            buf.push_uint_var(stream.max_stream_data_local)
            stream.max_stream_data_local_sent = stream.max_stream_data_local

    def _write_connection_limits(
        self, builder: QuicPacketBuilder, space: QuicPacketSpace
    ) -> None:
        if self._has_room():
            self._local_max_data.value = self._connection_limit()
        limits = (self._local_max_data, self._local_max_streams_bidi, self._local_max_streams_uni)
        for limit in limits:
            if limit.value != limit.sent:
                buf = builder.start_frame(
                    limit.frame_type,
                    capacity=CONNECTION_LIMIT_FRAME_CAPACITY,
                    handler=self._on_connection_limit_delivery,
                    handler_args=(limit,),
                )
                buf.push_uint_var(limit.value)
                limit.sent = limit.value
