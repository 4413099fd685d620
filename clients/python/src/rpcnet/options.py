"""What can be set for a client, and for one call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from rpcnet.wire.trace import TraceContext


@dataclass(frozen=True)
class Options:
    """Timeouts and limits of a client. Times are seconds, sizes are bytes.

    Raises ``ValueError`` for values that cannot work.
    """

    timeout: float = 30.0
    """How long a unary call may take, connecting included, where the call says nothing."""

    stream_timeout: float = 300.0
    """The same for calls of the other shapes."""

    connect_timeout: float = 10.0
    """How long making a connection may take, until the server's SETTINGS arrived."""

    idle_timeout: float = 30.0
    """The connection is lost after so much silence. At least three times ``keep_alive``."""

    keep_alive: float | None = 10.0
    """How often both sides make sure of each other. With ``None`` they do so only while calls run,
    or as often as the server asks for."""

    message_bytes_max: int = 4 * 1024 * 1024
    """The longest reply or item of a response. A longer one fails its call with ``LimitError``."""

    stream_window: int = 1024 * 1024
    """What the server may send ahead in one response while nobody reads it. Beyond it the server
    waits."""

    connection_window: int = 16 * 1024 * 1024
    """The same for all responses of a connection together. Responses that nobody reads keep their
    share until they are read, closed, or past their deadline."""

    send_buffer: int = 256 * 1024
    """What one request may have under way that the server has not acknowledged. Beyond it the
    items of a request stream are not asked for; one message may exceed it."""

    waiting_calls_max: int = 1024
    """How many calls may wait for a place among those that the server takes at once. Beyond it
    calls fail with ``LimitError``."""

    def __post_init__(self) -> None:
        for name in ("timeout", "stream_timeout"):
            check_timeout(getattr(self, name), name)
        for name in ("connect_timeout", "idle_timeout"):
            if not 0 < getattr(self, name) <= _TIMEOUT_MAX:
                raise ValueError(f"{name} is more than 0 seconds and at most a year")
        longest = self.idle_timeout / 3 + 1e-9  # which no decimal fraction is exactly
        if self.keep_alive is not None and not 0.1 <= self.keep_alive <= longest:
            raise ValueError("keep_alive is at least 0.1 seconds and at most idle_timeout / 3")
        for name in ("message_bytes_max", "stream_window", "connection_window", "send_buffer"):
            if not 1024 <= getattr(self, name) <= 2**40:
                raise ValueError(f"{name} is between 1024 bytes and 1 TiB")
        if self.waiting_calls_max < 0:
            raise ValueError("waiting_calls_max is not negative")


class CallOptions(TypedDict, total=False):
    """What can be set for one call."""

    timeout: float
    """Seconds that the call may take, connecting and waiting included. Default: the client's."""

    metadata: Mapping[str, str | bytes]
    """Entries for the handler, at most 64: keys of ``a-z 0-9 _ . -``, values of up to 4096 bytes."""

    idempotent: bool
    """Says to proxies and servers that running the call twice is as good as once."""

    trace: TraceContext | str
    """Where the call belongs in a trace; a ``str`` is read as the header ``traceparent``."""


def check_timeout(seconds: float, name: str = "timeout") -> float:
    """``seconds``, or ``ValueError`` for what is no timeout."""
    if not (math.isfinite(seconds) and 0 <= seconds <= _TIMEOUT_MAX):
        raise ValueError(f"{name} is between 0 seconds and a year, not {seconds}")
    return seconds


_TIMEOUT_MAX = 365 * 24 * 3600.0
