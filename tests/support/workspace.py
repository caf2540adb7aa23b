"""A host without a protocol: a client and an engine in memory, and buffers that can be guarded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from support.idle_engine import IdleEngine

from tabwright.app.documents.buffers import Buffers
from tabwright.app.runtime.client import Bar
from tabwright.app.runtime.host import Host
from tabwright.client.engine import Answer, OnText, Request, Usage

URI = "file:///work/a.py"
TEXT = "def final_price(order):  # to do\n    total = compute_total_price(order, 1)\n    \n"
T = TypeVar("T")


class _Bar:
    def __init__(self, cancels: asyncio.Event) -> None:
        self._cancels = cancels

    async def cancelled(self) -> None:
        await self._cancels.wait()

    def report(self, message: str, percent: float | None = None) -> None:
        return None

    def end(self, message: str) -> None:
        return None


class Client:
    """Notes what it is told; ``cancels`` is set when its user cancels every bar."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.cancels = asyncio.Event()

    def show(self, level: str, message: str) -> None:
        self.shown.append(message)

    async def ask(self, level: str, message: str, actions: Sequence[str]) -> str | None:
        return None

    async def bar(self, title: str, *, cancellable: bool) -> Bar:
        await asyncio.sleep(0)
        return _Bar(self.cancels if cancellable else asyncio.Event())


class PromptEngine(IdleEngine):
    """Notes each prompt, and answers with ``text`` or, where it ``hangs``, never."""

    def __init__(self, text: str = "value = 3", *, hangs: bool = False) -> None:
        self.text = text
        self.hangs = hangs
        self.prompts: list[str] = []
        self.asked = asyncio.Event()
        self.cancelled = False

    async def generate(self, request: Request, on_text: OnText | None = None) -> Answer:
        if request.max_tokens == 0:
            return Answer(("",), ("length",), Usage())
        self.prompts.append(request.prompt.flat())
        self.asked.set()
        try:
            await (asyncio.get_running_loop().create_future() if self.hangs else asyncio.sleep(0))
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return Answer((self.text,) * request.n, ("stop",) * request.n, Usage())


class GuardedBuffers(Buffers):
    """Buffers that, once ``guarded``, answer only whether an edit still fits."""

    guarded = False

    def __getattribute__(self, name: str) -> Any:
        reads = ("get", "others", "siblings", "cells_around", "path_of", "notebook_cells")
        if name in reads and object.__getattribute__(self, "guarded"):
            raise AssertionError(f"the workspace was read after the first await: {name}")
        return object.__getattribute__(self, name)

    def __iter__(self) -> Any:
        if self.guarded:
            raise AssertionError("the workspace was read after the first await")
        return super().__iter__()


async def after_first_await(work: Coroutine[Any, Any, T], buffers: GuardedBuffers) -> T:
    """The result of ``work``, with the buffers guarded from its first await on."""

    class Steps:
        def __await__(self) -> Generator[Any, Any, T]:
            value: Any = None
            error: BaseException | None = None
            while True:
                try:
                    waited = work.send(value) if error is None else work.throw(error)
                except StopIteration as end:
                    result: T = end.value
                    return result
                buffers.guarded = True
                value, error = None, None
                try:
                    value = yield waited
                except BaseException as caught:  # noqa: BLE001 - handed on to the work
                    error = caught

    return await Steps()


@asynccontextmanager
async def host_with(
    client: Client, engine: PromptEngine, **settings: object
) -> AsyncIterator[Host]:
    """A host that is configured, whose engine is up, with one document open."""
    host = Host(client, lambda settings, refusal: engine)
    quiet = {"statistics": {"enabled": False}, "completion": {"ahead": "never"}}
    host.start_settings({**quiet, **settings})
    host.configure(roots=["/work"])
    host.workspace.buffers.open(URI, "python", 1, TEXT)
    await host.engines.start().warm()
    try:
        yield host
    finally:
        await host.aclose()
