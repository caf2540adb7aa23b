"""One question under way to an engine; it may outlive the editor's request that began it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from tabwright.app.completion.answer_cache import InFlight
from tabwright.assists.complete import (
    Completion,
    Nothing,
    Task,
    begun,
    go_on,
    hint,
    should_stop,
)
from tabwright.client.engine import Engine, EngineError, Request, Usage
from tabwright.core.message import Message

Judged = tuple[tuple[Completion, ...] | Nothing, bool]
"""What to show of the texts so far, and whether that is enough."""
Finish = Callable[[Task, Sequence[str], Sequence[str]], Awaitable[Judged]]

# An answer that does not convince is asked for anew while the user has not waited long.
_TRIES = 3
_MORE_S = 1.5

logger = logging.getLogger(__name__)


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
        self,
        task: Task,
        engine: Engine,
        model: str,
        session: str,
        finish: Finish,
        lane: str = "newest",
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
            lane=lane,
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
        result: tuple[Completion, ...] | Nothing = Nothing(
            Message("the engine gave the question up")
        )
        for _ in range(max(self.task.n, _TRIES)):
            if texts and loop.time() - started > _MORE_S:
                break
            try:
                text, finish, cost = await self._candidate(texts)
            except EngineError as error:
                if not texts:
                    raise
                logger.info("a further candidate failed: %s", error)
                break
            if finish == "cancelled":
                break
            texts.append(text)
            ended.append(finish)
            usage = usage or cost
            result, enough = await self._finish(self.task, texts, ended)
            if enough and len(texts) >= self.task.n:
                break
        return Landed(result, usage, (loop.time() - started) * 1000, whole=bool(texts))

    async def _candidate(self, before: Sequence[str]) -> tuple[str, str, Usage | None]:
        """One text, how it ended and what it cost, which stays unknown when it is cut off.

        Candidates are asked for one by one: each can be cut off as soon as it has enough, and the
        engine has the prompt's state from the ones ``before``, which the new one must not repeat.
        """
        task = self.task
        start = hint(task) if len(before) == 1 and task.n == 1 else ""
        if start:
            task = begun(task, start)
        avoid = () if start else tuple(before)
        text, finish, cost = await self._ask(task, avoid=avoid, first=not before)
        text = start + text
        rest = go_on(self.task, text) if finish == "stop" else None
        if rest is None:
            return text, finish, cost
        try:
            more, finish, _ = await self._ask(rest, first=not before)
        except EngineError as error:
            logger.info("the rest of a statement failed: %s", error)
            return text, "stop", cost
        return rest.written + more, finish, cost

    async def _ask(
        self, task: Task, *, avoid: tuple[str, ...] = (), first: bool
    ) -> tuple[str, str, Usage | None]:
        """Ask for ``task`` until the answer has enough; only a first one is watched."""
        request = replace(
            self._request,
            prompt=task.prompt,
            max_tokens=task.max_tokens,
            stop=task.stop,
            heal=task.heal,
            avoid=avoid,
        )
        partial: list[str] = [task.written]
        if first and task.written:
            self._watch.feed(0, "\n")

        def on_text(index: int, text: str) -> None:
            partial.append(text)
            if first:
                self._watch.feed(0, text)
            verdict = self._watch.verdict(task.snapshot.uri, *self._wanted)
            if task.n == 1 and verdict == "diverged":
                self.close()
            elif should_stop(task, "".join(partial)) is not None:
                raise _Enough

        try:
            answer = await self._engine.generate(request, on_text)
        except _Enough:
            text = "".join(partial)
            whole = text[: should_stop(task, text)]
            return whole[len(task.written) :], "stop", None
        return "".join(answer.texts[:1]), "".join(answer.finish[:1]), answer.usage
