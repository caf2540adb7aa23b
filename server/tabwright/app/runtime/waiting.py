"""What a request waits for: work on other threads, and whatever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Superseded(Exception):
    """A newer request of the same document came."""


class Work:
    """Runs what takes longer on a thread; whoever waits can be cancelled at once."""

    def __init__(self, submit: Callable[[Callable[[], object]], Awaitable[object]]) -> None:
        """Hand each call to ``submit``, such as a bound ``loop.run_in_executor``."""
        self._submit = submit

    async def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``call``."""
        result: list[T] = []
        await self._submit(lambda: result.append(call(*args, **kwargs)))
        return result[0]


def supersede(superseded: asyncio.Future[None] | None) -> None:
    """End whoever waits in `unless` for this with Superseded; nothing where nobody does."""
    if superseded is not None and not superseded.done():
        superseded.set_result(None)


async def unless(superseded: asyncio.Future[None], work: Awaitable[T]) -> T:
    """The result of ``work``; raises Superseded when that future is done before it.

    A task, such as that of a request in flight, is left running; a coroutine is cancelled.
    """
    task = asyncio.ensure_future(work)
    either: set[asyncio.Future[Any]] = {task, superseded}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Superseded
        return task.result()
    finally:
        if task is not work and not task.done():
            task.cancel()
