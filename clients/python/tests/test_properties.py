"""What holds for any bytes, any fields and any way to cut them into pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vectors
from rpcnet.wire import frames, varint
from rpcnet.wire.batches import BatchRequestReader, BatchResponseReader
from rpcnet.wire.calls import RequestReader, ResponseReader
from rpcnet.wire.codes import Code, Origin, WireCode
from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.control_stream import ControlReader
from rpcnet.wire.errors import WireError
from rpcnet.wire.frames import FrameLimits, FrameReader, FrameType
from rpcnet.wire.header import CallKind, Header, check_metadata, check_method
from rpcnet.wire.status import DETAILS_MAX, MESSAGE_MAX, RETRY_AFTER_MAX_MS, Status
from rpcnet.wire.trace import TraceContext

numbers = st.integers(0, varint.MAX)
methods = st.from_regex(r"[A-Za-z0-9_./-]{1,128}", fullmatch=True)
keys = st.from_regex(r"[a-z0-9_.-]{1,64}", fullmatch=True)
traces = st.builds(
    TraceContext,
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 255),
)
headers = st.builds(
    Header,
    call_id=numbers,
    kind=st.sampled_from(CallKind),
    codec=st.integers(0, 255),
    timeout_us=numbers,
    method=methods,
    idempotent=st.booleans(),
    trace=st.none() | traces,
    metadata=st.dictionaries(keys, st.binary(max_size=60), max_size=8),
    schema=st.none() | st.binary(min_size=8, max_size=8),
    wants_load=st.booleans(),
)


@given(numbers)
def test_a_varint_is_read_as_it_was_written(value: int) -> None:
    data = varint.encode(value)
    assert varint.decode(b"x" + data + b"y", 1) == (value, 1 + len(data))


@pytest.mark.parametrize("value", [-1, varint.MAX + 1])
def test_a_number_that_no_varint_holds_is_refused(value: int) -> None:
    with pytest.raises(ValueError, match="2\\^62"):
        varint.encode(value)


@given(headers)
def test_a_header_is_read_as_it_was_written(header: Header) -> None:
    assert Header.decode(header.encode()) == header


@given(
    st.sampled_from(Code), st.sampled_from(Origin), st.text(), st.binary(max_size=99), numbers
)
def test_a_status_is_read_as_it_was_written(
    code: Code, origin: Origin, message: str, details: bytes, retry_after_ms: int
) -> None:
    read = Status.decode(Status(code, origin, message, details, retry_after_ms).encode())
    assert (read.code, read.origin, read.details) == (code, origin, details)
    assert message.startswith(read.message) and len(read.message.encode()) <= MESSAGE_MAX
    assert read.retry_after_ms == min(retry_after_ms, RETRY_AFTER_MAX_MS)


def test_a_long_message_is_cut_at_the_end_of_a_character_and_long_details_are_left_out() -> None:
    status = Status(Code.INTERNAL, Origin.HANDLER, "x" + "é" * 600, b"d" * (DETAILS_MAX + 1))
    read = Status.decode(status.encode())
    assert read.message == "x" + "é" * 511 and read.details == b""
    fits = Status(Code.INTERNAL, Origin.HANDLER, "m" * MESSAGE_MAX, b"d" * DETAILS_MAX)
    assert Status.decode(fits.encode()) == fits


@given(numbers, numbers, numbers, numbers, numbers)
def test_settings_are_read_as_they_were_written(a: int, b: int, c: int, d: int, e: int) -> None:
    settings = Settings(a, b, c, d, e)
    assert Settings.decode(settings.encode()) == settings


@given(numbers, numbers, st.text(max_size=200))
def test_goaway_is_read_as_it_was_written(grace: int, retry_after: int, message: str) -> None:
    goaway = GoAway(grace, retry_after, message)
    assert GoAway.decode(goaway.encode()) == goaway


@given(numbers, st.sampled_from(WireCode))
def test_cancel_is_read_as_it_was_written(call_id: int, code: WireCode) -> None:
    assert Cancel.decode(Cancel(call_id, code).encode()) == Cancel(call_id, code)


@given(traces.filter(lambda trace: trace.is_valid))
def test_a_trace_context_is_read_as_it_was_written(trace: TraceContext) -> None:
    assert TraceContext.parse(str(trace)) == trace


@pytest.mark.parametrize(
    "text",
    ["", "00-0-0-0", f"01-{'1' * 32}-{'1' * 16}-00", f"00-{'0' * 32}-{'1' * 16}-00"],
)
def test_what_is_no_traceparent_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        TraceContext.parse(text)


READERS: list[Callable[[], object]] = [
    lambda: RequestReader(FrameLimits()),
    lambda: ResponseReader(CallKind.UNARY, FrameLimits()),
    lambda: ResponseReader(CallKind.BIDIRECTIONAL, FrameLimits()),
    ControlReader,
    lambda: BatchRequestReader(FrameLimits()),
    lambda: BatchResponseReader(2, FrameLimits()),
]


halves = [
    bytes.fromhex(vector["hex"])
    for group in ("requests", "responses", "controls", "batch_requests", "batch_responses")
    for vector in vectors.ALL[group]
]


@given(st.sampled_from(halves), st.data())
def test_damaged_bytes_are_a_wire_error_or_none(half: bytes, data: st.DataObject) -> None:
    damaged = bytearray(half[data.draw(st.integers(0, 1)) :])
    for _ in range(data.draw(st.integers(0, 3))):
        if damaged:
            at = data.draw(st.integers(0, len(damaged) - 1))
            damaged[at] = data.draw(st.integers(0, 255))
    for make in READERS:
        reader = make()
        try:
            reader.feed(bytes(damaged))  # type: ignore[attr-defined]
            while reader.next() is not None:  # type: ignore[attr-defined]
                pass
        except WireError:
            pass


@given(st.sampled_from(FrameType), st.integers(0, 5 * 1024 * 1024))
def test_a_length_beyond_the_limit_is_refused_on_the_prefix_alone(
    frame_type: FrameType, size: int
) -> None:
    reader = FrameReader(FrameLimits(), lambda _: None)
    reader.feed(varint.encode(size + 1) + bytes([frame_type]))
    limit = FrameLimits().of(frame_type)
    if size > limit:
        with pytest.raises(WireError, match="too-large"):
            reader.next()
    elif size > 0:
        assert reader.next() is None and reader.held_bytes == 0


def test_a_frame_that_is_skipped_is_not_kept() -> None:
    reader = FrameReader(FrameLimits(), lambda _: None)
    reader.feed(varint.encode(1 + 16 * 1024) + b"\x41")
    for _ in range(16):
        reader.feed(bytes(1024))
        assert reader.next() is None and reader.held_bytes == 0
    reader.feed(frames.encode(FrameType.MESSAGE, b"m"))
    frame = reader.next()
    assert frame is not None and frame.body == b"m"


@pytest.mark.parametrize("method", ["", "m" * 129, "a b", "é", "a\n"])
def test_what_cannot_be_the_name_of_a_method_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match="a method has 1 to 128"):
        check_method(method)
    check_method("m" * 128)


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"Key": b""}, "a key of metadata"),
        ({"": b""}, "a key of metadata"),
        ({"k" * 65: b""}, "a key of metadata"),
        ({"k": b"v" * 4097}, "at most 4096 bytes"),
        ({f"k{n}": b"" for n in range(65)}, "at most 64 entries"),
    ],
)
def test_what_cannot_be_metadata_is_refused(metadata: dict[str, bytes], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_metadata(metadata)
    check_metadata({f"{n:02}" + "k" * 62: b"v" * 4096 for n in range(64)})
