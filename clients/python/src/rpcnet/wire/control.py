"""What control streams carry: SETTINGS, GOAWAY, CANCEL (section 8)."""

from __future__ import annotations

from dataclasses import dataclass

from rpcnet.wire import varint
from rpcnet.wire.codes import WireCode
from rpcnet.wire.errors import WireError
from rpcnet.wire.fields import Fields, cut, sized
from rpcnet.wire.status import MESSAGE_MAX


@dataclass(frozen=True)
class Settings:
    """What the side that sends them accepts or wants.

    ``message_bytes_max`` and ``header_bytes_max`` are bytes, ``keep_alive_us`` is microseconds, 0
    for off, and ``stream_kinds`` has bit ``k - 1`` for each kind ``k`` that is accepted beyond calls.
    """

    message_bytes_max: int = 4 * 1024 * 1024
    header_bytes_max: int = 8 * 1024
    concurrent_calls_max: int = 100
    keep_alive_us: int = 0
    stream_kinds: int = 0

    def encode(self) -> bytes:
        """The body of the frame."""
        values = (
            self.message_bytes_max,
            self.header_bytes_max,
            self.concurrent_calls_max,
            self.keep_alive_us,
            self.stream_kinds,
        )
        pairs = enumerate(values, start=1)
        return b"".join(varint.encode(key) + varint.encode(value) for key, value in pairs)

    @classmethod
    def decode(cls, body: bytes) -> Settings:
        """Reads a body; what is absent has its default (W-45). Raises ``WireError``."""
        fields = Fields(body)
        pairs: dict[int, int] = {}
        while not fields.is_empty:
            key, value = fields.varint(), fields.varint()
            if key in pairs:
                raise WireError("duplicate-setting")
            if len(pairs) == _PAIRS_MAX:
                raise WireError("too-many-settings")
            pairs[key] = value
        default = cls()
        return cls(
            message_bytes_max=pairs.get(1, default.message_bytes_max),
            header_bytes_max=pairs.get(2, default.header_bytes_max),
            concurrent_calls_max=pairs.get(3, default.concurrent_calls_max),
            keep_alive_us=pairs.get(4, default.keep_alive_us),
            stream_kinds=pairs.get(5, default.stream_kinds),
        )


@dataclass(frozen=True)
class GoAway:
    """No call shall be started any more. Times are milliseconds."""

    grace_ms: int
    retry_after_ms: int = 0
    message: str = ""

    def encode(self) -> bytes:
        """The body of the frame."""
        times = varint.encode(self.grace_ms) + varint.encode(self.retry_after_ms)
        return times + sized(cut(self.message, MESSAGE_MAX))

    @classmethod
    def decode(cls, body: bytes) -> GoAway:
        """Reads a body. Raises ``WireError``."""
        fields = Fields(body)
        return cls(fields.varint(), fields.varint(), fields.text(MESSAGE_MAX))


@dataclass(frozen=True)
class Cancel:
    """A call that its caller no longer waits for."""

    call_id: int
    code: WireCode

    def encode(self) -> bytes:
        """The body of the frame."""
        return varint.encode(self.call_id) + varint.encode(self.code)

    @classmethod
    def decode(cls, body: bytes) -> Cancel:
        """Reads a body; an unknown code is ``CANCELLED`` (W-50). Raises ``WireError``."""
        fields = Fields(body)
        call_id, number = fields.varint(), fields.varint()
        return cls(call_id, WireCode(number) if number in _KNOWN_CODES else WireCode.CANCELLED)


_PAIRS_MAX = 64
_KNOWN_CODES = frozenset(int(code) for code in WireCode)
