"""One question under way to an engine; it may outlive the editor's request that began it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tabwright.assists.complete import Completion, Nothing, Task, should_stop
from tabwright.client.engine import Answer, Engine, Request, Usage
from tabwright.core.text import Snapshot

Finish = Callable[[Task, Sequence[str], Sequence[str]], Awaitable[tuple[Completion, ...] | Nothing]]


@dataclass(frozen=True)
class Landed:
    """What became of a question; ``usage`` is None where the answer was cut off early."""

    result: tuple[Completion, ...] | Nothing
    usage: Usage | None
    ms: float


class _Enough(Exception):
    """The text so far will do."""


class Flight:
    """A question that was sent for ``task``; ``landing`` is done once the answer is judged.

    It is still right while what was typed since and what was answered so far agree.
    """

    def __init__(
        self, task: Task, engine: Engine, model: str, session: str, finish: Finish
    ) -> None:
        """Send the question at once; needs a running loop."""
        self.task = task
        self.typed = ""
        self.partial = ""
        self._engine = engine
        self._request = Request(
            model=model,
            prompt=task.prompt,
            max_tokens=task.max_tokens,
            stop=task.stop,
            suffix_stop=task.suffix_stop,
            heal=task.heal,
            temperature=task.temperature,
            n=task.n,
            lane="newest",
            session=session,
        )
        self._finish = finish
        self._closing: asyncio.TimerHandle | None = None
        self.landing: asyncio.Task[Landed] = asyncio.create_task(self._fly())
        # Whoever waits gets the exception; when nobody does, it is no news for the log.
        self.landing.add_done_callback(lambda done: done.cancelled() or done.exception())

    def typed_since(self, text: str, offset: int | None = None) -> str | None:
        """What was typed at the cursor since the question was sent; None if other things changed.

        Without ``offset`` the text alone decides.
        """
        old, at = self.task.snapshot.text, self.task.offset
        grown = len(text) - len(old)
        if grown < 0 or (offset is not None and offset != at + grown):
            return None
        if text[:at] != old[:at] or text[at + grown :] != old[at:]:
            return None
        return text[at : at + grown]

    def serves(self, snapshot: Snapshot, offset: int | None, invoked: bool) -> bool:
        """Whether the answer under way can be one to this later request."""
        if self.landing.cancelled() or self.task.snapshot.uri != snapshot.uri:
            return False
        if invoked and not self.task.invoked:
            return False
        typed = self.typed_since(snapshot.text, offset)
        return typed is not None and self._agrees(typed)

    def adopt(self, typed: str) -> None:
        """Keep it for a request that came after ``typed``; closed if the answer goes elsewhere."""
        self.typed = typed
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None
        if not self._agrees(typed):
            self.close()

    def close(self) -> None:
        """Give the question up, which closes the engine's connection."""
        self.landing.cancel()

    def close_in(self, seconds: float) -> None:
        """Give it up unless it is adopted within so many seconds."""
        if self._closing is None and not self.landing.done():
            self._closing = asyncio.get_running_loop().call_later(seconds, self.close)

    def _agrees(self, typed: str) -> bool:
        return self.partial.startswith(typed) or typed.startswith(self.partial)

    def _on_text(self, index: int, text: str) -> None:
        if self.task.n > 1:
            return
        self.partial += text
        if not self._agrees(self.typed):
            self.close()
        elif should_stop(self.task, self.partial) is not None:
            raise _Enough

    async def _fly(self) -> Landed:
        loop = asyncio.get_running_loop()
        started = loop.time()
        usage: Usage | None
        try:
            answer: Answer = await self._engine.generate(self._request, self._on_text)
            texts, ended, usage = answer.texts, answer.finish, answer.usage
        except _Enough:
            cut = should_stop(self.task, self.partial)
            texts, ended, usage = (self.partial[:cut],), ("stop",), None
        result = await self._finish(self.task, texts, ended)
        return Landed(result, usage, (loop.time() - started) * 1000)
