"""One question under way to an engine; it may outlive the editor's request that began it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from tabwright.assists.complete import Completion, Nothing, Task, should_stop
from tabwright.client.answers import InFlight
from tabwright.client.engine import Engine, Request, Usage

Finish = Callable[[Task, Sequence[str], Sequence[str]], Awaitable[tuple[Completion, ...] | Nothing]]

# Further candidates are sampled, each a little more freely, while the user has not waited long.
_TEMPERATURES = (0.5, 0.8, 1.0)
_MORE_S = 1.5


@dataclass(frozen=True)
class Landed:
    """What became of a question; ``usage`` is None where the answer was cut off early.

    ``whole`` is False when the engine gave the question up, for a newer one of another window say:
    then the same question may well have an answer.
    """

    result: tuple[Completion, ...] | Nothing
    usage: Usage | None
    ms: float
    whole: bool = True


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
        self._watch = InFlight(task.snapshot.uri, task.snapshot.text, task.offset)
        self._wanted = task.snapshot.text, task.offset
        self._engine = engine
        self._request = Request(
            model=model,
            prompt=task.prompt,
            max_tokens=task.max_tokens,
            stop=task.stop,
            suffix_stop=task.suffix_stop,
            heal=task.heal,
            lane="newest",
            session=session,
        )
        self._finish = finish
        self._closing: asyncio.TimerHandle | None = None
        self.landing: asyncio.Task[Landed] = asyncio.create_task(self._fly())
        # Whoever waits gets the exception; when nobody does, it is no news for the log.
        self.landing.add_done_callback(lambda done: done.cancelled() or done.exception())

    def serves(self, text: str, offset: int, invoked: bool) -> bool:
        """Whether the answer under way can be one to this later request of the document."""
        if self.landing.done() or (invoked and not self.task.invoked):
            return False
        return self._watch.verdict(self.task.snapshot.uri, text, offset) != "diverged"

    def survives(self, text: str) -> bool:
        """Whether some cursor in this later text could still be served."""
        typed = len(text) - len(self.task.snapshot.text)
        ends = (self.task.offset + typed - closers for closers in range(min(typed, 2) + 1))
        return typed >= 0 and any(self.serves(text, at, self.task.invoked) for at in ends)

    def adopt(self, text: str, offset: int) -> None:
        """Keep it for this later request; closed as soon as the answer goes elsewhere."""
        self._wanted = text, offset
        if self._closing is not None:
            self._closing.cancel()
            self._closing = None

    def close(self) -> None:
        """Give the question up, which closes the engine's connection."""
        self.landing.cancel()

    def close_in(self, seconds: float) -> None:
        """Give it up unless it is adopted within so many seconds."""
        if self._closing is None and not self.landing.done():
            self._closing = asyncio.get_running_loop().call_later(seconds, self.close)

    async def _fly(self) -> Landed:
        loop = asyncio.get_running_loop()
        started = loop.time()
        texts: list[str] = []
        ended: list[str] = []
        usage: Usage | None = None
        for number in range(self.task.n):
            if number and loop.time() - started > _MORE_S:
                break
            text, finish, cost = await self._candidate(number)
            if finish == "cancelled":
                break
            texts.append(text)
            ended.append(finish)
            usage = usage or cost
        result: tuple[Completion, ...] | Nothing
        if texts:
            result = await self._finish(self.task, texts, ended)
        else:
            result = Nothing("the engine gave the question up")
        return Landed(result, usage, (loop.time() - started) * 1000, whole=bool(texts))

    async def _candidate(self, number: int) -> tuple[str, str, Usage | None]:
        """One text, how it ended and what it cost, which stays unknown when it is cut off.

        Candidates are asked for one by one: each can be cut off as soon as it has enough, and the
        engine has the prompt's state from the one before.
        """
        partial: list[str] = []

        def on_text(index: int, text: str) -> None:
            partial.append(text)
            if number == 0:
                self._watch.feed(0, text)
            verdict = self._watch.verdict(self.task.snapshot.uri, *self._wanted)
            if self.task.n == 1 and verdict == "diverged":
                self.close()
            elif should_stop(self.task, "".join(partial)) is not None:
                raise _Enough

        warmer = _TEMPERATURES[(number - 1) % len(_TEMPERATURES)] if number else 0.0
        request = replace(self._request, temperature=self.task.temperature + warmer)
        try:
            answer = await self._engine.generate(request, on_text)
        except _Enough:
            text = "".join(partial)
            return text[: should_stop(self.task, text)], "stop", None
        return "".join(answer.texts[:1]), "".join(answer.finish[:1]), answer.usage
