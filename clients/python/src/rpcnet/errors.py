"""How a call can fail. Every failure is an ``RpcError``."""

from __future__ import annotations

from collections.abc import Callable

from rpcnet.wire.codes import Code, Origin, WireCode
from rpcnet.wire.status import Status


class RpcError(Exception):
    """A call, or the connection for it, failed.

    - ``code``: what kind of failure it is, in gRPC's terms.
    - ``origin``: who said so, or ``None`` where no STATUS of the server did.
    - ``message``: the reason, for people. It may be the peer's text as it came; ``str(error)``
      has it with control characters escaped.
    - ``may_have_run``: whether the handler may have been entered. Where it is false, the call can
      be repeated whatever the method does.
    - ``retry_after``: seconds for which the server asked to be left alone, or ``None``.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Code,
        may_have_run: bool,
        origin: Origin | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.origin = origin
        self.may_have_run = may_have_run
        self.retry_after = retry_after

    def __str__(self) -> str:
        said_by = "" if self.origin is None else f", {self.origin.name.lower()}"
        ran = "" if self.may_have_run else ", has not run"
        return f"{printable(self.message)} ({self.code.name}{said_by}{ran})"


class StatusError(RpcError):
    """The server answered with a STATUS.

    ``details`` are bytes in an encoding that the service defines, often none.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(
            status.message or "the server gave no reason",
            code=status.code,
            origin=status.origin,
            may_have_run=status.origin is not Origin.REFUSED,
            retry_after=status.retry_after_ms / 1000 if status.retry_after_ms else None,
        )
        self.details = status.details


class ServiceError(StatusError):
    """The handler answered with an error of its method's own type, which is ``value``."""

    def __init__(self, status: Status, value: object) -> None:
        super().__init__(status)
        self.value = value


class DeadlineExceededError(RpcError):
    """The call took longer than it may.

    ``origin`` says whether the server found so, or this side did, whatever the server was doing.
    """

    def __init__(
        self, message: str, *, may_have_run: bool, origin: Origin | None = None
    ) -> None:
        super().__init__(
            message, code=Code.DEADLINE_EXCEEDED, origin=origin, may_have_run=may_have_run
        )


class ConnectError(RpcError):
    """There is no connection, and none could be made. Nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=Code.UNAVAILABLE, may_have_run=False)


class ConnectionLostError(RpcError):
    """The connection ended while the call ran.

    ``wire_code`` is what the server closed it with, or ``None`` where it just fell silent.
    """

    def __init__(self, message: str, *, may_have_run: bool, wire_code: WireCode | None) -> None:
        super().__init__(message, code=Code.UNAVAILABLE, may_have_run=may_have_run)
        self.wire_code = wire_code


class CallCutError(RpcError):
    """The server ended the call without an answer, and the connection goes on.

    ``wire_code`` is what it reset the response with, or ``None`` where the response just stopped.
    """

    def __init__(self, wire_code: WireCode | None) -> None:
        if wire_code is None:
            message = "the response was cut off"
        else:
            message = f"the server reset the call: {wire_code.name}"
        super().__init__(
            message,
            code=_CODES.get(wire_code, Code.UNAVAILABLE),
            may_have_run=wire_code is None or wire_code.may_have_run,
        )
        self.wire_code = wire_code


class ProtocolError(RpcError):
    """The server's bytes break the specification. ``kind`` names the breach as its vectors do."""

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"the server broke the protocol: {kind}", code=Code.INTERNAL, may_have_run=True
        )
        self.kind = kind


class LimitError(RpcError):
    """A limit of this side or of the server was met; the message names it."""

    def __init__(self, message: str, *, may_have_run: bool) -> None:
        super().__init__(message, code=Code.RESOURCE_EXHAUSTED, may_have_run=may_have_run)


class PayloadError(RpcError):
    """The server answered, but not in what the codec reads. The handler has run."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code=Code.INTERNAL, may_have_run=True)


class ClosedError(RpcError):
    """The client was closed, before the call or while it ran."""

    def __init__(self, *, may_have_run: bool) -> None:
        super().__init__("the client is closed", code=Code.CANCELLED, may_have_run=may_have_run)


def of_status(status: Status, decode: Callable[[bytes], object]) -> RpcError:
    """The error for a STATUS, whose details ``decode`` reads where they are the service's own."""
    by_server = status.origin in (Origin.REFUSED, Origin.SERVER)
    if status.code is Code.DEADLINE_EXCEEDED and by_server:
        return DeadlineExceededError(
            status.message or "the server found the deadline passed",
            origin=status.origin,
            may_have_run=status.origin is not Origin.REFUSED,
        )
    if status.origin is Origin.SERVICE:
        try:
            return ServiceError(status, decode(status.details))
        except ValueError:
            pass  # the code and the details say what there is to say
    return StatusError(status)


def printable(text: str) -> str:
    """``text`` with whatever could disturb a terminal or a log escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


_CODES: dict[WireCode | None, Code] = {
    WireCode.CANCELLED: Code.CANCELLED,
    WireCode.PROTOCOL: Code.INTERNAL,
    WireCode.LIMIT_EXCEEDED: Code.RESOURCE_EXHAUSTED,
    WireCode.DEADLINE_EXCEEDED: Code.DEADLINE_EXCEEDED,
    WireCode.UNKNOWN_STREAM_KIND: Code.UNIMPLEMENTED,
    WireCode.INTERNAL: Code.INTERNAL,
}
