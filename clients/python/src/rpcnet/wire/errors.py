"""What can be wrong with bytes that a peer sent."""

from __future__ import annotations

from rpcnet.wire.codes import WireCode


class WireError(Exception):
    """Bytes that break the specification.

    ``kind`` is the name of section 17, such as ``varint-not-shortest``. ``code`` is what the
    stream or the connection is ended with.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.code = WireCode.LIMIT_EXCEEDED if kind in _LIMITS else WireCode.PROTOCOL


_LIMITS = frozenset(
    {
        "header-too-large",
        "message-too-large",
        "frame-too-large",
        "field-too-long",
        "too-many-settings",
    }
)
