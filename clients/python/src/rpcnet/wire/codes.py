"""The numbers that name outcomes: of streams and connections, and of calls."""

from __future__ import annotations

from enum import IntEnum


class WireCode(IntEnum):
    """Why a half, a call or a connection ended, in QUIC's own frames and in CANCEL (section 10)."""

    NO_ERROR = 0
    CANCELLED = 1
    REFUSED = 2
    PROTOCOL = 3
    LIMIT_EXCEEDED = 4
    DEADLINE_EXCEEDED = 5
    UNKNOWN_STREAM_KIND = 6
    INTERNAL = 7
    STALLED = 8
    SHUTDOWN = 9
    TOO_MANY_CONNECTIONS = 10
    SETTINGS_MISSING = 11
    IDLE = 12
    NOT_A_MEMBER = 13

    @classmethod
    def read(cls, number: int) -> WireCode:
        """The code of this number; one that is not in the table is ``INTERNAL``."""
        try:
            return cls(number)
        except ValueError:
            return cls.INTERNAL

    @property
    def may_have_run(self) -> bool:
        """Whether a call that ended so may have reached its handler."""
        return self not in _NOT_RUN


class Code(IntEnum):
    """What became of a call. Names, numbers and meaning are gRPC's (section 6)."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def read(cls, number: int) -> Code:
        """The code of this number; one that is not in the table is ``UNKNOWN`` (W-27)."""
        try:
            return cls(number)
        except ValueError:
            return cls.UNKNOWN


class Origin(IntEnum):
    """Who speaks in a STATUS (section 6)."""

    REFUSED = 0
    """The server, before a handler was entered. The call has not run."""
    SERVER = 1
    """The server's own verdict, such as a panic or a deadline. The handler may have run."""
    HANDLER = 2
    """The handler."""
    SERVICE = 3
    """The handler, in the error type of its method."""

    @classmethod
    def read(cls, number: int) -> Origin:
        """The origin of this number; an unknown one is ``SERVER``, which promises least (W-28)."""
        try:
            return cls(number)
        except ValueError:
            return cls.SERVER


_NOT_RUN = frozenset(
    {
        WireCode.REFUSED,
        WireCode.UNKNOWN_STREAM_KIND,
        WireCode.TOO_MANY_CONNECTIONS,
        WireCode.SETTINGS_MISSING,
        WireCode.NOT_A_MEMBER,
    }
)
