"""What the end of a connection means for those who used it."""

from __future__ import annotations

from aioquic.quic.events import ConnectionTerminated

from rpcnet.errors import ConnectError, ConnectionLostError
from rpcnet.wire.codes import WireCode


def of_connect(end: ConnectionTerminated, by_peer: bool) -> ConnectError:
    """The error for a connection that ended before the server's SETTINGS arrived."""
    alert = _alert(end)
    if alert is None:
        return ConnectError(f"no connection: {_reason(end, by_peer)}")
    if alert == _NO_APPLICATION_PROTOCOL:
        return ConnectError("what listens there is no rpcnet server of this protocol version")
    if by_peer:
        return ConnectError(
            f"the server refused the handshake with TLS alert {alert}"
            f" ({_ALERTS.get(alert, 'see RFC 8446')}); where it demands a certificate, pass one"
            " that it trusts as cert and key"
        )
    return ConnectError(
        f"the server's certificate was refused: {end.reason_phrase}; it has to be signed by ca,"
        " and to be valid now and for server_name"
    )


def of_connection(end: ConnectionTerminated, by_peer: bool) -> ConnectionLostError:
    """The error for a call whose connection ended."""
    is_application = end.frame_type is None
    code = WireCode.read(end.error_code) if is_application else None
    return ConnectionLostError(
        f"the connection is lost: {_reason(end, by_peer)}",
        may_have_run=not by_peer or code is None or code.may_have_run,
        wire_code=code if by_peer else None,
    )


def _reason(end: ConnectionTerminated, by_peer: bool) -> str:
    who = "the server" if by_peer else "this side"
    text = f": {end.reason_phrase}" if end.reason_phrase else ""
    if end.frame_type is None:
        return f"{who} closed it with {WireCode.read(end.error_code).name}{text}"
    if end.reason_phrase == "Idle timeout":
        return "nothing was heard for too long"
    return f"{who} closed it with the QUIC error {end.error_code:#x}{text}"


def _alert(end: ConnectionTerminated) -> int | None:
    """The TLS alert that is behind an error of QUIC (RFC 9001, section 4.8)."""
    is_alert = end.frame_type is not None and 0x100 <= end.error_code <= 0x1FF
    return end.error_code - 0x100 if is_alert else None


_NO_APPLICATION_PROTOCOL = 120

_ALERTS = {
    40: "handshake failure",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "certificate revoked",
    45: "certificate expired",
    46: "certificate unknown",
    48: "unknown CA",
    49: "access denied",
    112: "unrecognised name",
    116: "certificate required",
}
