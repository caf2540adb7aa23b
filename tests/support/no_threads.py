"""Worker threads that are none, so that a test's steps have one order."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tabwright.app.runtime.waiting import WorkerThreads

P = ParamSpec("P")
T = TypeVar("T")


class NoThreads(WorkerThreads):
    """Runs each call at once, on the thread of whoever waits for it."""

    def __init__(self) -> None:
        super().__init__("none")

    async def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)
