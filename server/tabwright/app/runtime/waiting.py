"""Ways to wait: for work on other threads, and for the first of several events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Superseded(Exception):
    """A newer request of the same document came."""


class WorkerThreads:
    """Threads for slow work; a task that waits for a result can be cancelled at once."""

    def __init__(self, name: str, count: int = 1) -> None:
        """Start no thread before the first call."""
        self._pool = ThreadPoolExecutor(count, name)

    async def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of ``call``, run on one of the threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Start no further call."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def supersede(superseded: asyncio.Future[None] | None) -> None:
    """Raise Superseded in the task that waits in `unless` for this, if any."""
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
