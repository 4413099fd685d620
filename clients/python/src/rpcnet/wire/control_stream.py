"""A control stream, which begins with SETTINGS and has no end (section 8)."""

from __future__ import annotations

from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import FrameLimits, FrameReader, FrameType

ControlEvent = Settings | GoAway | Cancel


class ControlReader:
    """Reads a control stream, without its kind byte."""

    def __init__(self) -> None:
        self._frames = FrameReader(FrameLimits(), self._place)
        self._has_settings = False

    def feed(self, data: bytes) -> None:
        """Adds what arrived."""
        self._frames.feed(data)

    def next(self) -> ControlEvent | None:
        """What comes next, or ``None`` where more bytes are needed. Raises ``WireError``."""
        frame = self._frames.next()
        if frame is None:
            if self._frames.has_ended:
                raise WireError("unexpected-end")
            return None
        if frame.type == FrameType.SETTINGS:
            settings = Settings.decode(frame.body)
            self._has_settings = True
            return settings
        if frame.type == FrameType.GOAWAY:
            return GoAway.decode(frame.body)
        return Cancel.decode(frame.body)

    def _place(self, frame_type: FrameType) -> None:
        later = frame_type in (FrameType.GOAWAY, FrameType.CANCEL)
        if not (later if self._has_settings else frame_type == FrameType.SETTINGS):
            raise WireError("unexpected-frame")
