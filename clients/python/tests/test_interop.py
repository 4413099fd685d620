"""The client against the server in Rust."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import rpcnet
from rpcnet import Code, Origin
from rust import LIMIT, Program, run

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_calls_of_every_shape(server: Program) -> None:
    async with await server.connect() as client:
        assert await client.call("Interop.echo", "é") == "é"
        assert await client.call("Interop.divide", {"dividend": 84, "divisor": 2}) == 42
        assert await client.call("Interop.nothing") is None
        assert [n async for n in client.server_streaming("Interop.count", 4)] == [0, 1, 2, 3]
        assert await client.client_streaming("Interop.sum", [1, 2], 10) == 13
        replies = client.bidirectional("Interop.quotients", [1, 2, 3], 12)
        assert [n async for n in replies] == [12, 6, 4]


async def test_raw_bytes_go_as_they_are(server: Program) -> None:
    async with await server.connect() as client:
        assert await client.call("raw.reverse", b"\x00abc", codec=rpcnet.RAW) == b"cba\x00"
        assert await client.call("raw.reverse", codec=rpcnet.RAW) == b""


async def test_streams_without_items_are_complete(server: Program) -> None:
    async with await server.connect() as client:
        assert [n async for n in client.server_streaming("Interop.count", 0)] == []
        assert await client.client_streaming("Interop.sum", [], 10) == 10
        assert [n async for n in client.bidirectional("Interop.quotients", [], 1)] == []


async def test_a_reply_is_used_while_requests_are_made(server: Program) -> None:
    answered = asyncio.Queue[int](1)

    async def divisors() -> AsyncIterator[int]:
        yield 5
        yield await answered.get()

    async with await server.connect() as client:
        replies = client.bidirectional("Interop.quotients", divisors(), 50)
        assert await anext(replies) == 10
        answered.put_nowait(25)
        assert await anext(replies) == 2
        with pytest.raises(StopAsyncIteration):
            await anext(replies)


async def test_long_messages_arrive_whole(server: Program) -> None:
    text = "0123456789" * 400_000
    async with await server.connect() as client:
        assert await client.call("Interop.echo", text) == text


async def test_the_services_own_error_has_its_value(server: Program) -> None:
    async with await server.connect() as client:
        with pytest.raises(rpcnet.ServiceError) as raised:
            await client.call("Interop.divide", {"dividend": 1, "divisor": 0})
        assert raised.value.value == "DivisionByZero"
        assert raised.value.origin is Origin.SERVICE and raised.value.may_have_run
        with pytest.raises(rpcnet.ServiceError) as raised:
            await anext(client.server_streaming("Interop.flood", 2**30))
        assert raised.value.value == {"OutOfRange": {"most": 2**20}}
        with pytest.raises(rpcnet.ServiceError):
            await client.client_streaming("Interop.first", [])


async def test_replies_before_an_error_are_delivered(server: Program) -> None:
    seen = []
    async with await server.connect() as client:
        with pytest.raises(rpcnet.ServiceError):
            async for reply in client.bidirectional("Interop.quotients", [1, 2, 0, 3], 8):
                seen.append(reply)
    assert seen == [8, 4]


@pytest.mark.parametrize(
    ("method", "arguments", "code", "origin"),
    [
        ("Interop.unheard", None, Code.UNIMPLEMENTED, Origin.REFUSED),
        ("Interop.echo", 5, Code.INVALID_ARGUMENT, Origin.REFUSED),
        ("Interop.panic", None, Code.INTERNAL, Origin.SERVER),
    ],
)
async def test_a_status_says_its_code_and_who_speaks(
    server: Program, method: str, arguments: object, code: Code, origin: Origin
) -> None:
    async with await server.connect() as client:
        with pytest.raises(rpcnet.StatusError) as raised:
            await client.call(method, arguments)
        error = raised.value
        assert (error.code, error.origin) == (code, origin)
        assert error.may_have_run is (origin is not Origin.REFUSED)
        assert code.name in str(error)
        assert await client.call("Interop.nothing") is None


async def test_raw_bytes_are_refused_where_the_method_is_typed(server: Program) -> None:
    async with await server.connect() as client:
        with pytest.raises(rpcnet.StatusError) as raised:
            await client.call("Interop.echo", b'"x"', codec=rpcnet.RAW)
        assert raised.value.code is Code.INVALID_ARGUMENT and not raised.value.may_have_run


async def test_the_handler_sees_what_the_call_says(server: Program) -> None:
    async with await server.connect() as client:
        described = await client.call(
            "Interop.describe",
            metadata={"user-id": "é", "bin": b"\x00\xff"},
            idempotent=True,
            trace=TRACE,
            timeout=7.0,
        )
        assert described.pop("remaining_ms") in range(5000, 7001)
        assert described == {
            "method": "Interop.describe",
            "idempotent": True,
            "metadata": {"user-id": "c3a9", "bin": "00ff"},
            "trace": TRACE,
            "peer": None,
        }
        plain = await client.call("Interop.describe")
        assert (plain["idempotent"], plain["metadata"], plain["trace"]) == (False, {}, None)
        assert plain["remaining_ms"] <= 30_000


async def test_a_call_ends_at_its_deadline_here_and_at_the_server(server: Program) -> None:
    async with await server.connect() as client:
        began = time.monotonic()
        with pytest.raises(rpcnet.DeadlineExceededError) as raised:
            await client.call("Interop.wait", "late", timeout=0.2)
        assert 0.15 < time.monotonic() - began < 5
        assert raised.value.may_have_run and raised.value.code is Code.DEADLINE_EXCEEDED
        await client.call("Interop.dropped", "late", timeout=LIMIT)


async def test_a_stream_ends_at_its_deadline_while_items_are_read(server: Program) -> None:
    async with await server.connect() as client:
        with pytest.raises(rpcnet.DeadlineExceededError):
            async for _ in client.server_streaming("Interop.flood", 10, timeout=0.3):
                pass
        assert await client.call("Interop.nothing") is None


async def test_a_call_without_time_is_not_sent(server: Program) -> None:
    async with await server.connect() as client:
        with pytest.raises(rpcnet.DeadlineExceededError) as raised:
            await client.call("Interop.nothing", timeout=0)
        assert not raised.value.may_have_run


async def test_a_cancelled_task_drops_the_handler(server: Program) -> None:
    async with await server.connect() as client:
        task = asyncio.create_task(client.call("Interop.wait", "unwanted"))
        await client.call("Interop.entered", "unwanted", timeout=LIMIT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.call("Interop.dropped", "unwanted", timeout=LIMIT)


async def stands_still(client: rpcnet.Client) -> bool:
    """Whether no flood is taken from any more, at last."""
    async with asyncio.timeout(LIMIT):
        taken = -1
        while (now := await client.call("Interop.taken")) != taken:
            taken = now
            await asyncio.sleep(0.05)
    return True


async def test_leaving_the_block_cancels_a_stream(server: Program) -> None:
    async with await server.connect() as client:
        async with client.server_streaming("Interop.flood", 1000) as replies:
            async for reply in replies:
                assert len(reply) == 1000
                break
        assert await stands_still(client)
        with pytest.raises(StopAsyncIteration):
            await anext(replies)


async def test_a_stream_that_is_collected_is_cancelled(server: Program) -> None:
    async with await server.connect() as client:
        async for _ in client.server_streaming("Interop.flood", 1000):
            break
        gc.collect()
        await stands_still(client)
        connection = client._current
        assert connection is not None
        async with asyncio.timeout(LIMIT):
            while connection._calls:
                await asyncio.sleep(0.01)


async def test_requests_end_where_the_server_answers_early(server: Program) -> None:
    class Endless:
        """Counts what is asked for."""

        def __init__(self) -> None:
            self.asked = 0
            self.is_closed = False

        async def items(self) -> AsyncIterator[int]:
            try:
                while True:
                    self.asked += 1
                    yield self.asked
                    await asyncio.sleep(0)
            finally:
                self.is_closed = True

    endless = Endless()
    async with await server.connect() as client:
        assert await client.client_streaming("Interop.first", endless.items()) == 1
        assert endless.is_closed


async def test_an_error_of_the_callers_items_is_the_callers(server: Program) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("mine")

    async with await server.connect() as client:
        with pytest.raises(KeyError, match="mine"):
            await client.client_streaming("Interop.sum", broken(), 0)
        with pytest.raises(KeyError, match="mine"):
            async for _ in client.bidirectional("Interop.quotients", broken(), 1):
                pass
        with pytest.raises(TypeError, match="not JSON serializable"):
            await client.client_streaming("Interop.sum", [object()], 0)
        with pytest.raises(TypeError, match="not JSON serializable"):
            await client.call("Interop.echo", object())
        assert await client.call("Interop.nothing") is None


async def test_a_flood_that_nobody_reads_makes_the_server_wait(server: Program) -> None:
    options = rpcnet.Options(stream_window=64 * 1024)
    async with await server.connect(options=options) as client:
        async with client.server_streaming("Interop.flood", 1000) as replies:
            await anext(replies)
            await stands_still(client)
            taken = await client.call("Interop.taken")
            assert taken < 5000
            connection = client._current
            assert connection is not None
            assert sum(connection.quic._unread.values()) <= 64 * 1024
            # Once it is read, it goes on; several windows pass.
            for _ in range(taken + 1000):
                await anext(replies)
        assert connection.quic._unread_total == 0


async def test_messages_longer_than_the_window_arrive(server: Program) -> None:
    options = rpcnet.Options(stream_window=16 * 1024, connection_window=32 * 1024)
    async with await server.connect(options=options) as client:
        replies = client.server_streaming("Interop.flood", 200_000)
        assert [len(await anext(replies)) for _ in range(5)] == [200_000] * 5
        await replies.aclose()


async def test_more_calls_than_places_wait_for_one(certs: Path) -> None:
    async with run(certs, "--calls-max", "2") as server:
        async with await server.connect() as client:
            calls = [client.call("Interop.echo", str(n)) for n in range(50)]
            assert await asyncio.gather(*calls) == [str(n) for n in range(50)]


async def test_calls_that_find_no_room_to_wait_fail_at_once(certs: Path) -> None:
    options = rpcnet.Options(waiting_calls_max=1)
    async with run(certs, "--calls-max", "1") as server:
        async with await server.connect(options=options) as client:
            held = asyncio.create_task(client.call("Interop.wait", "held"))
            waiting = asyncio.create_task(client.call("Interop.nothing"))
            await asyncio.sleep(0)
            with pytest.raises(rpcnet.LimitError, match="waiting_calls_max") as raised:
                await client.call("Interop.nothing")
            assert not raised.value.may_have_run
            with pytest.raises(rpcnet.DeadlineExceededError) as late:
                waiting_too = asyncio.create_task(client.call("Interop.nothing", timeout=0.1))
                waiting.cancel()
                await waiting_too
            assert not late.value.may_have_run
            held.cancel()
            assert await client.call("Interop.nothing", timeout=LIMIT) is None


async def test_what_the_server_does_not_take_is_not_sent(certs: Path) -> None:
    async with run(certs, "--message-bytes-max", "1000") as server:
        async with await server.connect() as client:
            assert await client.call("Interop.echo", "x" * 998) == "x" * 998
            with pytest.raises(rpcnet.LimitError, match="message_bytes_max") as raised:
                await client.call("Interop.echo", "x" * 999)
            assert not raised.value.may_have_run and raised.value.code is Code.RESOURCE_EXHAUSTED
            with pytest.raises(rpcnet.LimitError, match="message_bytes_max"):
                await client.client_streaming("Interop.sum", ["x" * 2000], 0)
            big = {f"key-{n}": "x" * 4000 for n in range(3)}
            with pytest.raises(rpcnet.LimitError, match="header_bytes_max"):
                await client.call("Interop.nothing", metadata=big)
            assert await client.call("Interop.nothing") is None


async def test_the_server_keeps_to_the_clients_limit(server: Program) -> None:
    options = rpcnet.Options(message_bytes_max=2000)
    async with await server.connect(options=options) as client:
        with pytest.raises(rpcnet.RpcError) as raised:
            await client.call("Interop.echo", "x" * 4000)
        assert raised.value.code is Code.RESOURCE_EXHAUSTED


async def test_what_cannot_be_a_call_is_refused_at_home(server: Program) -> None:
    async with await server.connect() as client:
        with pytest.raises(ValueError, match="a method has"):
            await client.call("no such name")
        with pytest.raises(ValueError, match="a key of metadata"):
            await client.call("m", metadata={"Key": "v"})
        with pytest.raises(ValueError, match="timeout is between"):
            await client.call("m", timeout=-1)
        with pytest.raises(ValueError, match="traceparent"):
            await client.call("m", trace="none")


async def test_a_client_shows_its_certificate(certs: Path) -> None:
    async with run(certs, "--mutual") as server:
        cert, key = certs / "client.pem", certs / "client-key.pem"
        async with await server.connect(cert=cert, key=key) as client:
            assert (await client.call("Interop.describe"))["peer"] == "interop-client"
        with pytest.raises(rpcnet.ConnectError, match="cert and key") as raised:
            await server.connect()
        assert not raised.value.may_have_run


async def test_the_server_has_to_be_whom_the_client_expects(
    server: Program, tmp_path: Path
) -> None:
    async with await server.connect(server_name="localhost") as client:
        assert await client.call("Interop.nothing") is None
    with pytest.raises(rpcnet.ConnectError, match="server_name"):
        await server.connect(server_name="elsewhere.example")
    async with run(tmp_path):
        with pytest.raises(rpcnet.ConnectError, match="signed by ca"):
            await server.connect(ca=tmp_path / "ca.pem")


async def test_where_nothing_listens_the_client_says_so(certs: Path) -> None:
    async with run(certs) as server:
        address = server.address
    with pytest.raises(rpcnet.ConnectError, match="nothing listens there"):
        await rpcnet.connect(address, ca=certs / "ca.pem")


async def test_a_name_is_tried_at_all_its_addresses(server: Program) -> None:
    _, port = server.address.rsplit(":", 1)
    async with await rpcnet.connect(f"localhost:{port}", ca=server.certs / "ca.pem") as client:
        assert await client.call("Interop.nothing") is None


async def test_a_closed_client_ends_its_calls_and_starts_none(server: Program) -> None:
    client = await server.connect()
    running = asyncio.create_task(client.call("Interop.wait", "closed"))
    await client.call("Interop.entered", "closed")
    await client.close()
    with pytest.raises(rpcnet.ClosedError) as raised:
        await running
    assert raised.value.may_have_run
    with pytest.raises(rpcnet.ClosedError) as raised:
        await client.call("Interop.nothing")
    assert not raised.value.may_have_run
    await client.close()
    async with await server.connect() as other:
        await other.call("Interop.dropped", "closed", timeout=LIMIT)


async def test_a_draining_server_finishes_calls_and_gets_no_more(certs: Path) -> None:
    async with run(certs) as server:
        async with await server.connect() as client:
            replies = client.server_streaming("Interop.flood", 10)
            await anext(replies)
            first = client._current
            await client.call("Interop.drain", 1000)
            assert await server.line() == "draining"
            async with asyncio.timeout(LIMIT):
                while client._current is first:
                    await anext(replies)
            assert first is not None and first._is_leaving
            with pytest.raises(rpcnet.RpcError) as refused:
                await client.call("Interop.nothing", timeout=0.5)
            assert not refused.value.may_have_run
            with pytest.raises(rpcnet.RpcError) as cut:
                async for _ in replies:
                    pass
            assert cut.value.code is Code.UNAVAILABLE and cut.value.may_have_run
            await server.end()


async def test_a_lost_connection_fails_its_calls_and_is_made_again(certs: Path) -> None:
    options = rpcnet.Options(idle_timeout=0.9, keep_alive=0.3)
    async with run(certs) as server:
        client = await server.connect(options=options)
        running = asyncio.create_task(client.call("Interop.wait", "lost"))
        await client.call("Interop.entered", "lost")
        server.process.kill()
        await server.end()
        with pytest.raises(rpcnet.ConnectionLostError) as lost:
            await running
        assert lost.value.may_have_run and lost.value.code is Code.UNAVAILABLE
        with pytest.raises(rpcnet.ConnectError):
            await client.call("Interop.nothing")
    async with run(certs, "--address", server.address), client:
        assert await client.call("Interop.nothing") is None


async def test_keep_alive_outlasts_the_idle_timeout(certs: Path) -> None:
    options = rpcnet.Options(idle_timeout=0.6, keep_alive=0.2)
    async with run(certs) as server, await server.connect(options=options) as client:
        with pytest.raises(rpcnet.DeadlineExceededError):
            await client.call("Interop.wait", "silent", timeout=1.5)


async def test_the_servers_keep_alive_holds_for_both(certs: Path) -> None:
    options = rpcnet.Options(idle_timeout=0.6, keep_alive=None)
    async with run(certs, "--keep-alive-ms", "200") as server:
        async with await server.connect(options=options) as client:
            with pytest.raises(rpcnet.DeadlineExceededError):
                await client.call("Interop.wait", "silent", timeout=1.5)


async def test_one_response_that_nobody_reads_does_not_hold_up_others(server: Program) -> None:
    options = rpcnet.Options(stream_window=32 * 1024, connection_window=128 * 1024)
    async with await server.connect(options=options) as client:
        unread = [client.server_streaming("Interop.flood", 1000) for _ in range(3)]
        for replies in unread:
            await anext(replies)
        await stands_still(client)
        replies = client.server_streaming("Interop.flood", 1000)
        for _ in range(500):
            await anext(replies)
        for one in [*unread, replies]:
            await one.aclose()
        connection = client._current
        assert connection is not None and connection.quic._unread_total == 0
