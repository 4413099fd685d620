"""The client against servers that break off, break rules, or do what is allowed but rare."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import rpcnet
from rpcnet import Code, WireCode
from rpcnet.wire import frames
from rpcnet.wire.codes import Origin
from rpcnet.wire.control import Cancel, GoAway, Settings
from rpcnet.wire.frames import FrameType
from rpcnet.wire.load import Load
from rpcnet.wire.status import Status
from scripted import CONTROL, LIMIT, Scripted, scripted, soon

REPLY = frames.encode(FrameType.MESSAGE, b'"x"')


@pytest.fixture
async def server(certs: Path) -> AsyncIterator[Scripted]:
    async with scripted(certs) as server:
        yield server


async def answered(server: Scripted, data: bytes, *, end: bool = True) -> object:
    """What a unary call makes of these bytes."""
    async with await server.connect() as client:
        peer = await server.peer()
        call = asyncio.create_task(client.call("m", timeout=LIMIT))
        peer.send(await soon(peer.calls), data, end=end)
        return await call


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (REPLY + REPLY + frames.END, "unexpected-frame"),
        (frames.END, "message-missing"),
        (REPLY + frames.END + b"x", "trailing-bytes"),
        (b"\x40\x02", "varint-not-shortest"),
        (b"\x01\x3f", "unknown-frame"),
        (frames.encode(FrameType.STATUS, b"\x05"), "body-too-short"),
    ],
)
async def test_bytes_that_break_a_rule_end_their_call_only(
    server: Scripted, data: bytes, kind: str
) -> None:
    async with await server.connect() as client:
        peer = await server.peer()
        call = asyncio.create_task(client.call("m"))
        stream_id = await soon(peer.calls)
        peer.send(stream_id, data)
        with pytest.raises(rpcnet.ProtocolError) as raised:
            await call
        assert raised.value.kind == kind and raised.value.may_have_run
        assert await soon(peer.stopped) == (stream_id, WireCode.PROTOCOL)
        assert await soon(peer.cancels) == Cancel(1, WireCode.CANCELLED)
        again = asyncio.create_task(client.call("m"))
        peer.send(await soon(peer.calls), REPLY + frames.END, end=True)
        assert await again == "x"


@pytest.mark.parametrize("data", [b"", REPLY, REPLY[:2]])
async def test_a_response_that_is_cut_off_is_never_a_result(server: Scripted, data: bytes) -> None:
    with pytest.raises(rpcnet.CallCutError) as raised:
        await answered(server, data)
    assert raised.value.may_have_run and raised.value.wire_code is None


async def test_a_status_counts_only_once_its_end_was_read(server: Scripted) -> None:
    status = frames.encode(FrameType.STATUS, Status(Code.NOT_FOUND, Origin.HANDLER).encode())
    with pytest.raises(rpcnet.CallCutError):
        await answered(server, status)


async def test_a_load_and_unknown_frames_change_nothing(server: Scripted) -> None:
    load = frames.encode(FrameType.LOAD, Load(1, 2).encode())
    assert await answered(server, load + b"\x04\x50new" + REPLY + frames.END) == "x"


async def test_what_is_no_json_is_a_payload_error(server: Scripted) -> None:
    broken = frames.encode(FrameType.MESSAGE, b"{") + frames.END
    with pytest.raises(rpcnet.PayloadError, match="of m is not JSON"):
        await answered(server, broken)


async def test_json_without_a_bottom_is_a_payload_error(server: Scripted) -> None:
    deep = frames.encode(FrameType.MESSAGE, b"[" * 1_000_000) + frames.END
    with pytest.raises(rpcnet.PayloadError):
        await answered(server, deep)


async def test_a_refusal_says_when_to_try_again_and_is_printable(server: Scripted) -> None:
    status = Status(Code.UNAVAILABLE, Origin.REFUSED, "busy\x1b[31m", retry_after_ms=1500)
    with pytest.raises(rpcnet.StatusError) as raised:
        await answered(server, frames.encode(FrameType.STATUS, status.encode()) + frames.END)
    error = raised.value
    assert error.retry_after == 1.5 and not error.may_have_run
    assert error.message == "busy\x1b[31m" and "\x1b" not in str(error)


async def test_a_message_beyond_the_clients_limit_ends_the_call(server: Scripted) -> None:
    async with await server.connect(rpcnet.Options(message_bytes_max=2000)) as client:
        peer = await server.peer()
        call = asyncio.create_task(client.call("m"))
        stream_id = await soon(peer.calls)
        peer.send(stream_id, frames.encode(FrameType.MESSAGE, bytes(2001))[:3])
        with pytest.raises(rpcnet.LimitError, match="Options.message_bytes_max"):
            await call
        assert await soon(peer.stopped) == (stream_id, WireCode.LIMIT_EXCEEDED)


@pytest.mark.parametrize(
    ("number", "wire_code", "code", "may_have_run"),
    [
        (WireCode.REFUSED, WireCode.REFUSED, Code.UNAVAILABLE, False),
        (WireCode.UNKNOWN_STREAM_KIND, WireCode.UNKNOWN_STREAM_KIND, Code.UNIMPLEMENTED, False),
        (WireCode.SHUTDOWN, WireCode.SHUTDOWN, Code.UNAVAILABLE, True),
        (WireCode.LIMIT_EXCEEDED, WireCode.LIMIT_EXCEEDED, Code.RESOURCE_EXHAUSTED, True),
        (12345, WireCode.INTERNAL, Code.INTERNAL, True),
    ],
)
async def test_a_reset_says_whether_the_call_may_have_run(
    server: Scripted, number: int, wire_code: WireCode, code: Code, may_have_run: bool
) -> None:
    async with await server.connect() as client:
        peer = await server.peer()
        call = asyncio.create_task(client.call("m"))
        peer.reset(await soon(peer.calls), number)
        with pytest.raises(rpcnet.CallCutError) as raised:
            await call
        error = raised.value
        assert (error.wire_code, error.code, error.may_have_run) == (wire_code, code, may_have_run)


async def test_a_stopped_request_is_no_error_and_its_items_are_let_go(server: Scripted) -> None:
    is_closed = asyncio.Event()

    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            is_closed.set()

    async with await server.connect() as client:
        peer = await server.peer()
        call = asyncio.create_task(client.client_streaming("m", items()))
        stream_id = await soon(peer.calls)
        peer.stop(stream_id, WireCode.NO_ERROR)
        async with asyncio.timeout(LIMIT):
            await is_closed.wait()
        assert not call.done()
        peer.send(stream_id, REPLY + frames.END, end=True)
        assert await call == "x"


async def test_requests_that_the_server_does_not_take_are_not_asked_for(server: Scripted) -> None:
    asked = 0

    async def items() -> AsyncIterator[str]:
        nonlocal asked
        while asked < 1000:
            asked += 1
            yield "x" * 10_000

    options = rpcnet.Options(send_buffer=64 * 1024)
    async with await server.connect(options) as client:
        peer = await server.peer()
        # What the peer acknowledges no more, as a path that is cut.
        call = asyncio.create_task(client.client_streaming("m", items(), timeout=0.5))
        await soon(peer.calls)
        peer.datagram_received = lambda data, addr: None  # type: ignore[method-assign]
        with pytest.raises(rpcnet.DeadlineExceededError):
            await call
        connection = client._current
        assert connection is not None
        most = max(len(s.sender._buffer) for s in connection.quic._streams.values())
        assert most <= 64 * 1024 + 10_010
    assert asked < 1000


async def test_a_close_says_whether_calls_may_have_run(certs: Path) -> None:
    for code, may_have_run in ((WireCode.REFUSED, False), (WireCode.INTERNAL, True)):
        async with scripted(certs) as server, await server.connect() as client:
            peer = await server.peer()
            call = asyncio.create_task(client.call("m"))
            await soon(peer.calls)
            peer.close(code, "so there")
            with pytest.raises(rpcnet.ConnectionLostError, match="so there") as raised:
                await call
            assert raised.value.wire_code is code
            assert raised.value.may_have_run is may_have_run


async def test_streams_of_unknown_kinds_are_refused_and_the_connection_stays(
    server: Scripted,
) -> None:
    async with await server.connect() as client:
        peer = await server.peer()
        one_way = peer.open(one_way=True, data=b"\x44whatever")
        both_ways = peer.open(one_way=False, data=b"\x01whatever")
        refused = {await soon(peer.stopped), await soon(peer.stopped)}
        code = WireCode.UNKNOWN_STREAM_KIND
        assert refused == {(one_way, code), (both_ways, code)}
        assert await soon(peer.resets) == (both_ways, code)
        call = asyncio.create_task(client.call("m"))
        peer.send(await soon(peer.calls), REPLY + frames.END, end=True)
        assert await call == "x"


@pytest.mark.parametrize(
    "broken",
    [
        frames.encode(FrameType.SETTINGS, b""),
        frames.encode(FrameType.MESSAGE, b"m"),
        frames.END,
    ],
)
async def test_a_broken_control_stream_ends_the_connection(
    server: Scripted, broken: bytes
) -> None:
    async with await server.connect():
        peer = await server.peer()
        peer.send(peer.control, broken)
        async with asyncio.timeout(LIMIT):
            assert await peer.closed == WireCode.PROTOCOL


async def test_a_second_control_stream_ends_the_connection(server: Scripted) -> None:
    async with await server.connect():
        peer = await server.peer()
        peer.open(one_way=True, data=CONTROL)
        async with asyncio.timeout(LIMIT):
            assert await peer.closed == WireCode.PROTOCOL


async def test_without_settings_there_is_no_connection(certs: Path) -> None:
    async with scripted(certs, settings=None) as server:
        with pytest.raises(rpcnet.ConnectError, match="did not answer within 0.3 s"):
            await server.connect(rpcnet.Options(connect_timeout=0.3))


async def test_goaway_moves_further_calls_to_another_connection(server: Scripted) -> None:
    async with await server.connect() as client:
        first = await server.peer()
        running = asyncio.create_task(client.call("m"))
        stream_id = await soon(first.calls)
        first.goaway(GoAway(1000, 150))
        current = client._current
        async with asyncio.timeout(LIMIT):
            while client._current is current:
                await asyncio.sleep(0)
        began = asyncio.get_running_loop().time()
        moved = asyncio.create_task(client.call("m"))
        second = await server.peer()
        second.send(await soon(second.calls), REPLY + frames.END, end=True)
        assert await moved == "x"
        assert asyncio.get_running_loop().time() - began >= 0.1
        first.send(stream_id, REPLY + frames.END, end=True)
        assert await running == "x"
        # With its last call the old one ends.
        async with asyncio.timeout(LIMIT):
            assert await first.closed == WireCode.NO_ERROR


async def test_calls_that_wait_move_with_goaway_too(certs: Path) -> None:
    async with scripted(certs, Settings(concurrent_calls_max=1)) as server:
        async with await server.connect() as client:
            first = await server.peer()
            running = asyncio.create_task(client.call("m"))
            await soon(first.calls)
            waiting = asyncio.create_task(client.call("m"))
            first.goaway(GoAway(1000))
            second = await server.peer()
            second.send(await soon(second.calls), REPLY + frames.END, end=True)
            assert await waiting == "x"
            running.cancel()


async def test_a_server_that_takes_no_calls_gets_none(certs: Path) -> None:
    async with scripted(certs, Settings(concurrent_calls_max=0)) as server:
        async with await server.connect() as client:
            with pytest.raises(rpcnet.LimitError, match="concurrent_calls_max"):
                await client.call("m")


async def test_a_cancelled_call_is_stopped_reset_and_named(server: Scripted) -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    async with await server.connect() as client:
        peer = await server.peer()
        call = asyncio.create_task(client.client_streaming("m", items()))
        stream_id = await soon(peer.calls)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await soon(peer.stopped) == (stream_id, WireCode.CANCELLED)
        assert await soon(peer.resets) == (stream_id, WireCode.CANCELLED)
        assert await soon(peer.cancels) == Cancel(1, WireCode.CANCELLED)
        late = asyncio.create_task(client.call("m", timeout=0.05))
        with pytest.raises(rpcnet.DeadlineExceededError):
            await late
        assert await soon(peer.cancels) == Cancel(2, WireCode.DEADLINE_EXCEEDED)


async def test_a_call_outlasts_the_idle_timeout_without_keep_alive(server: Scripted) -> None:
    options = rpcnet.Options(idle_timeout=0.6, keep_alive=None)
    async with await server.connect(options) as client:
        with pytest.raises(rpcnet.DeadlineExceededError):
            await client.call("m", timeout=1.5)
