"""The responses of a call that streams them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from rpcnet.call import Call
from rpcnet.errors import ClosedError

T_co = TypeVar("T_co", covariant=True)


class Responses(Generic[T_co]):
    """What a server-streaming or bidirectional call answers, item by item.

    The call begins with the first item that is asked for, or with ``async with``, and its deadline
    counts from there::

        async for item in client.server_streaming("Calculator.count", 10):
            ...

    It ends with the last item. Closing it before, by ``aclose``, at the end of ``async with``, or
    by cancelling the task that waits in it, cancels the call at the server. Leaving a loop with
    ``break`` closes nothing by itself: the call goes on until the object is collected or its
    deadline passes, so use ``async with`` for that.

    Iterating raises ``RpcError``, after the items that came before.
    """

    def __init__(
        self, start: Callable[[], Awaitable[Call]], decode: Callable[[bytes], T_co]
    ) -> None:
        self._start = start
        self._decode = decode
        self._call: Call | None = None
        self._is_closed = False
        self._is_read = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T_co:
        if self._is_read:
            raise RuntimeError("another task waits for the next item of this call")
        if self._is_closed:
            raise StopAsyncIteration
        self._is_read = True
        try:
            call = await self._begun()
            message = await call.receive()
            if message is not None:
                return self._decode(message)
        except BaseException:
            await self.aclose()
            raise
        finally:
            self._is_read = False
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Cancels the call, where it has not ended. Closing twice is fine."""
        self._is_closed = True
        if self._call is not None:
            await self._call.settle()

    async def __aenter__(self) -> Self:
        try:
            await self._begun()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        call = self._call
        if call is not None and not call.is_over:
            try:
                call.loop.call_soon_threadsafe(call.cancel)
            except RuntimeError:
                pass  # the loop is closed, and the connection with it

    async def _begun(self) -> Call:
        if self._is_closed:
            raise ClosedError(may_have_run=False)
        if self._call is None:
            self._call = await self._start()
        return self._call
