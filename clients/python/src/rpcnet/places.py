"""How many calls run on a connection at once, and who waits for the next place."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from rpcnet.errors import LimitError


class Places:
    """The calls that a server takes at once, given out in the order in which they were asked for.

    ``credit`` says how many more streams QUIC allows now; a place is given out only with one.
    """

    def __init__(self, limit: int, waiting_max: int, credit: Callable[[], int]) -> None:
        self._limit = limit
        self._waiting_max = waiting_max
        self._credit = credit
        self._taken = 0
        self._without_stream = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def are_all_free(self) -> bool:
        """Whether no call runs and none waits."""
        return self._taken == 0 and not self._waiting

    async def take(self) -> None:
        """Waits for a place. ``opened`` or ``release`` has to follow.

        Raises ``LimitError`` where the server takes no calls at all, or too many wait already, and
        what ``fail`` was told. Cancelling gives the place back.
        """
        if self._limit == 0:
            raise LimitError(
                "the server's SETTINGS allow no calls (concurrent_calls_max is 0)",
                may_have_run=False,
            )
        if not self._waiting and self._is_free():
            self._give()
            return
        if len(self._waiting) >= self._waiting_max:
            raise LimitError(
                f"{len(self._waiting)} calls wait for one of {self._limit} places at the server "
                "already (Options.waiting_calls_max)",
                may_have_run=False,
            )
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(had_stream=False)
            elif waiter in self._waiting:
                self._waiting.remove(waiter)
            raise

    def opened(self) -> None:
        """The call with the place has its stream."""
        self._without_stream -= 1

    def release(self, *, had_stream: bool) -> None:
        """Gives a place back."""
        self._taken -= 1
        if not had_stream:
            self._without_stream -= 1
        self.give_out()

    def give_out(self) -> None:
        """Gives free places to those who wait."""
        while self._waiting and (self._waiting[0].done() or self._is_free()):
            waiter = self._waiting.popleft()
            if not waiter.done():
                self._give()
                waiter.set_result(None)

    def fail(self, error: Exception) -> None:
        """Nobody who waits will get a place."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    def _is_free(self) -> bool:
        return self._taken < self._limit and self._credit() > self._without_stream

    def _give(self) -> None:
        self._taken += 1
        self._without_stream += 1
