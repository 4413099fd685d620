"""The byte-exact examples of the specification.

Every group of ``vectors.json`` is read here or listed in ``NOT_SPOKEN``, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pytest

import vectors
from rpcnet.wire import frames, varint
from rpcnet.wire.batches import Answer, BatchRequestReader, BatchResponseReader
from rpcnet.wire.calls import Message, RequestReader, ResponseReader
from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.control_stream import ControlReader
from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import FrameLimits, FrameReader, FrameType, StreamKind
from rpcnet.wire.header import Header
from rpcnet.wire.load import Load
from rpcnet.wire.status import Status
from vectors import Vector, described, ids

READ = {
    "varints",
    "frames",
    "requests",
    "responses",
    "controls",
    "batch_requests",
    "batch_responses",
}

NOT_SPOKEN = {
    "gossips": "what members of a cluster say to each other; a client is no member",
}

GOSSIP_TYPES = {FrameType.HELLO, FrameType.GOSSIP, FrameType.BEAT}
"""Frames that are known, so that they are refused in streams of calls, and not read."""


class Reader(Protocol):
    def feed(self, data: bytes) -> None: ...
    def next(self) -> object | None: ...


def test_every_group_of_vectors_is_read_or_named_with_a_reason() -> None:
    assert set(vectors.ALL) == READ | set(NOT_SPOKEN)


@pytest.mark.parametrize("vector", vectors.ALL["varints"], ids=ids)
def test_varint(vector: Vector) -> None:
    data = bytes.fromhex(vector["hex"])
    if "error" in vector:
        with pytest.raises(WireError) as raised:
            varint.decode(data)
        assert raised.value.kind == vector["error"]
        return
    value = int(vector["value"])
    assert varint.decode(data) == (value, len(data))
    assert varint.encode(value) == data
    assert all(varint.decode(data[:cut]) is None for cut in range(len(data)))


def anywhere(_frame_type: FrameType) -> None:
    """A place where every frame may come."""


DECODERS: dict[FrameType, Callable[[bytes], Any]] = {
    FrameType.HEADER: Header.decode,
    FrameType.MESSAGE: Message,
    FrameType.STATUS: Status.decode,
    FrameType.ANSWER: Answer.decode,
    FrameType.SETTINGS: Settings.decode,
    FrameType.GOAWAY: GoAway.decode,
    FrameType.CANCEL: Cancel.decode,
    FrameType.LOAD: Load.decode,
}


def is_gossip(vector: Vector) -> bool:
    data = bytes.fromhex(vector["hex"])
    size = 1 << (data[0] >> 6)
    return len(data) > size and data[size] in GOSSIP_TYPES


SPOKEN = [vector for vector in vectors.ALL["frames"] if not is_gossip(vector)]


def test_every_type_of_frame_is_read_or_is_one_of_gossip() -> None:
    assert set(FrameType) == set(DECODERS) | GOSSIP_TYPES
    named = {v["frame"].upper() for v in SPOKEN if "frame" in v and v["frame"] != "end"}
    assert named == {frame_type.name for frame_type in DECODERS}


@pytest.mark.parametrize("vector", SPOKEN, ids=ids)
def test_frame(vector: Vector) -> None:
    data = bytes.fromhex(vector["hex"])
    reader = FrameReader(FrameLimits(), anywhere)
    reader.feed(data)
    if "error" in vector:
        with pytest.raises(WireError) as raised:
            frame = reader.next()
            assert frame is not None
            DECODERS[frame.type](frame.body)
        assert raised.value.kind == vector["error"]
        return
    frame = reader.next()
    if vector["frame"] == "end":
        assert frame is None and reader.has_ended
        assert frames.END == data
        return
    assert frame is not None and reader.is_between_frames
    read = DECODERS[frame.type](frame.body)
    canonical = vector.get("canonical", True)
    expected = {
        key: value for key, value in vector.items() if key not in ("name", "hex", "canonical")
    }
    assert described(read) == expected
    body = read.body if isinstance(read, Message) else read.encode()
    assert (frames.encode(frame.type, body) == data) is canonical


def read_half(reader: Reader, pieces: list[bytes]) -> tuple[list[Vector], str | None]:
    """What comes out of a half, and the error that it ends with."""
    events: list[Vector] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (event := reader.next()) is not None:
                events.append(described(event))
    except WireError as error:
        return events, error.kind
    return events, None


def check_half(vector: Vector, make: Callable[[], Reader], kind: StreamKind | None) -> None:
    data = bytes.fromhex(vector["hex"])
    if kind is not None:
        assert data[0] == kind
        data = data[1:]
    for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
        reader = make()
        events, error = read_half(reader, pieces)
        assert events == vector["events"]
        outcome = vector["outcome"]
        if outcome in ("complete", "incomplete"):
            assert error is None
            check_end(reader, outcome == "complete")
        elif outcome == "open":
            assert error is None
        else:
            assert error == outcome


def check_end(reader: Any, is_complete: bool) -> None:
    if is_complete:
        reader.finish()
        return
    with pytest.raises(WireError) as raised:
        reader.finish()
    assert raised.value.kind == "truncated"


@pytest.mark.parametrize("vector", vectors.ALL["requests"], ids=ids)
def test_request(vector: Vector) -> None:
    check_half(vector, lambda: RequestReader(FrameLimits()), StreamKind.CALL)


@pytest.mark.parametrize("vector", vectors.ALL["responses"], ids=ids)
def test_response(vector: Vector) -> None:
    kind = vectors.KINDS[vector["kind"]]
    check_half(vector, lambda: ResponseReader(kind, FrameLimits()), None)


@pytest.mark.parametrize("vector", vectors.ALL["controls"], ids=ids)
def test_control(vector: Vector) -> None:
    check_half(vector, ControlReader, StreamKind.CONTROL)


@pytest.mark.parametrize("vector", vectors.ALL["batch_requests"], ids=ids)
def test_batch_request(vector: Vector) -> None:
    check_half(vector, lambda: BatchRequestReader(FrameLimits()), StreamKind.BATCH)


@pytest.mark.parametrize("vector", vectors.ALL["batch_responses"], ids=ids)
def test_batch_response(vector: Vector) -> None:
    check_half(vector, lambda: BatchResponseReader(vector["calls"], FrameLimits()), None)
