"""The service of ``examples/src/interop.rs``, in Python."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from peer.call import Context, Fault, Handler, Method
from rpcnet.codec import JSON, RAW
from rpcnet.wire.header import CallKind

Requests = AsyncIterator[Any]
Responses = AsyncGenerator[Any, None]


class Wards:
    """The handlers, and what they have seen."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.grace_ms = 0
        self.taken = 0
        self._entered: dict[str, asyncio.Event] = {}
        self._dropped: dict[str, asyncio.Event] = {}

    def methods(self) -> dict[str, Method]:
        """The methods by their names on the wire."""
        shapes: dict[CallKind, list[Handler]] = {
            CallKind.UNARY: [
                self.echo,
                self.divide,
                self.nothing,
                self.taken_so_far,
                self.wait,
                self.entered,
                self.dropped,
                self.describe,
                self.panic,
                self.drains,
            ],
            CallKind.SERVER_STREAMING: [self.count, self.flood],
            CallKind.CLIENT_STREAMING: [self.sum, self.first, self.ignore],
            CallKind.BIDIRECTIONAL: [self.quotients],
        }
        names = {"taken_so_far": "taken", "drains": "drain"}
        methods = {
            f"Interop.{names.get(handler.__name__, handler.__name__)}": Method(
                kind, JSON.number, handler
            )
            for kind, handlers in shapes.items()
            for handler in handlers
        }
        methods["raw.reverse"] = Method(CallKind.UNARY, RAW.number, self.reverse)
        return methods

    async def echo(self, context: Context, requests: Requests) -> Responses:
        yield await anext(requests)

    async def divide(self, context: Context, requests: Requests) -> Responses:
        arguments = await anext(requests)
        yield divided(arguments["dividend"], arguments["divisor"])

    async def nothing(self, context: Context, requests: Requests) -> Responses:
        yield None

    async def count(self, context: Context, requests: Requests) -> Responses:
        for number in range(await anext(requests)):
            yield number

    async def sum(self, context: Context, requests: Requests) -> Responses:
        total = await anext(requests)
        async for number in requests:
            total += number
        yield total

    async def first(self, context: Context, requests: Requests) -> Responses:
        async for number in requests:
            yield number
            return
        raise Fault({"OutOfRange": {"most": 0}})

    async def ignore(self, context: Context, requests: Requests) -> Responses:
        await asyncio.Event().wait()
        yield None

    async def quotients(self, context: Context, requests: Requests) -> Responses:
        dividend = await anext(requests)
        async for divisor in requests:
            yield divided(dividend, divisor)

    async def flood(self, context: Context, requests: Requests) -> Responses:
        item = "x" * await anext(requests)
        while True:
            self.taken += 1
            yield item
            await asyncio.sleep(0)

    async def taken_so_far(self, context: Context, requests: Requests) -> Responses:
        yield self.taken

    async def wait(self, context: Context, requests: Requests) -> Responses:
        name = await anext(requests)
        seen(self._entered, name).set()
        try:
            await asyncio.Event().wait()
            yield None
        finally:
            seen(self._dropped, name).set()

    async def entered(self, context: Context, requests: Requests) -> Responses:
        await seen(self._entered, await anext(requests)).wait()
        yield None

    async def dropped(self, context: Context, requests: Requests) -> Responses:
        await seen(self._dropped, await anext(requests)).wait()
        yield None

    async def describe(self, context: Context, requests: Requests) -> Responses:
        header = context.header
        yield {
            "method": header.method,
            "remaining_ms": int(context.remaining * 1000),
            "idempotent": header.idempotent,
            "metadata": {key: value.hex() for key, value in header.metadata.items()},
            "trace": None if header.trace is None else str(header.trace),
            "peer": None,
        }

    async def panic(self, context: Context, requests: Requests) -> Responses:
        raise RuntimeError("as asked for")
        yield None

    async def drains(self, context: Context, requests: Requests) -> Responses:
        self.grace_ms = await anext(requests)
        self.drain.set()
        yield None

    async def reverse(self, context: Context, requests: Requests) -> Responses:
        yield (await anext(requests))[::-1]


def divided(dividend: int, divisor: int) -> int:
    """The quotient, rounded towards zero."""
    if divisor == 0:
        raise Fault("DivisionByZero")
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def seen(events: dict[str, asyncio.Event], name: str) -> asyncio.Event:
    """The event of a name."""
    return events.setdefault(name, asyncio.Event())
